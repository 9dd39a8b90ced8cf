//! What went on below the host in one run, kept for an explanation: each call in the order in which it took effect, where a
//! crash came, and what the medium came to hold.
//!
//! Campaigns keep none: the executor has an `Option` of it, asked at each call. It is told of things and tells nothing back, so
//! that a run comes to the same trace and the same history with it. The oracle never sees it.
//!
//! Everything goes by the name that its medium has for it: a file by the path that it was opened by, or renamed to since. Not
//! kept: the bytes of single calls, reads of the clock and of entropy, sleeps.

use crate::base::decide::Site;
use crate::plan::{CrashKind, FaultKind, When};
use std::collections::BTreeMap;

/// What a call is about, in the words of its medium.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    /// What is done, as the system call is named; the class of the call says it if this is empty.
    pub(crate) verb: &'static str,
    /// What it is done to; empty if nobody can say.
    pub(crate) path: String,
    /// Of what moves or links: the other name.
    pub(crate) to: Option<String>,
    /// Offset and length, in bytes.
    pub(crate) range: Option<(u64, u64)>,
}

/// Something that happened, when, and in the course of what.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) time_ns: u64,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Call(Call),
    /// The event of this number was added to the history.
    Event(usize),
    /// The medium turned out to hold something.
    Fate(Fate),
    /// All processes, or the power, fail; and what a loss of power could not take.
    Crash(CrashKind, Box<Survivors>),
    /// One process was killed, and the others go on.
    Died(u16),
}

/// A call of the host.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) site: Site,
    pub(crate) verb: &'static str,
    /// What kinds of things it does to the medium.
    pub(crate) effect: Effect,
    /// Empty if nobody said.
    pub(crate) path: String,
    /// Of a rename or link: the other path.
    pub(crate) to: Option<String>,
    pub(crate) range: Option<(u64, u64)>,
    /// How many bytes were read or written.
    pub(crate) moved: Option<usize>,
    /// Whether it made a file that was not there.
    pub(crate) made: bool,
    pub(crate) fault: Option<FaultKind>,
    pub(crate) end: End,
}

/// What a call does, as far as an explanation tells calls apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Looks,
    Writes,
    /// What is written is durable, or refused as a whole.
    Puts,
    Syncs,
    SyncsNames,
    Names,
    Resizes,
}

/// How a call came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    /// The error, as the medium puts it.
    Failed(String),
    /// The crash came there.
    Cut(When),
    /// The crash came there, or the client stopped waiting, and the request is on its way.
    Sent,
    /// It took effect, and the client had stopped waiting.
    Abandoned,
}

/// Something that the medium turned out to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fate {
    /// The name of what it is about.
    pub(crate) name: String,
    pub(crate) concerns: Concerns,
    /// Whether it is something else than had been written.
    pub(crate) lost: bool,
    /// For a lane.
    pub(crate) lane: Words,
    /// For a sentence: what follows "recovery found that".
    pub(crate) sentence: Words,
}

/// What a fate decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Concerns {
    /// What is held under the name.
    Content,
    /// Whether these names are there.
    Names(Vec<String>),
    /// Of all names, how the last changes came out.
    AllNames,
    /// What became of a request that this site had sent under the name.
    Request(Site),
}

/// A text in which names stand, which a story may tell shorter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(String),
}

impl Words {
    /// Adds text.
    #[must_use]
    pub(crate) fn text(mut self, text: impl Into<String>) -> Words {
        self.0.push(Part::Text(text.into()));
        self
    }

    /// Adds a name.
    #[must_use]
    pub(crate) fn name(mut self, name: impl Into<String>) -> Words {
        self.0.push(Part::Name(name.into()));
        self
    }

    /// The text, with each name as `short` tells it.
    pub(crate) fn told(&self, short: impl Fn(&str) -> String) -> String {
        let told = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Name(name) => short(name),
        };
        self.0.iter().map(told).collect()
    }
}

/// What is held, by name. Of files, a directory's name ends with a slash, and it holds nothing.
pub(crate) type Contents = BTreeMap<String, Vec<u8>>;

/// What would be there after a loss of power at some moment, if it took as much as it may.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survivors {
    /// If it took nothing: what processes see.
    pub(crate) seen: Contents,
    /// If it took all names that it may, and no bytes.
    pub(crate) names_synced: Contents,
    /// If it took all bytes that it may, and no names.
    pub(crate) bytes_synced: Contents,
    /// If it took both. What is here is durable.
    pub(crate) durable: Contents,
}

/// The log of one run's calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallLog {
    pub(crate) entries: Vec<Entry>,
    moved: Option<usize>,
    made: bool,
}

impl CallLog {
    pub(crate) fn add(&mut self, time_ns: u64, what: What) {
        self.entries.push(Entry { time_ns, what });
    }

    /// The call that goes on has read or written so many bytes.
    pub(super) fn has_moved(&mut self, bytes: usize) {
        self.moved = Some(bytes);
    }

    /// The call that goes on has made what it names.
    pub(super) fn has_made(&mut self) {
        self.made = true;
    }

    /// A call has come to its end. Fates that it decided come before it.
    pub(super) fn ended(&mut self, time_ns: u64, about: About, fates: Vec<Fate>, call: Call) {
        for fate in fates {
            self.add(time_ns, What::Fate(fate));
        }
        let (moved, made) = (self.moved.take(), std::mem::take(&mut self.made));
        let verb = if about.verb.is_empty() { call.verb } else { about.verb };
        let About { path, to, range, .. } = about;
        self.add(time_ns, What::Call(Call { verb, path, to, range, moved, made, ..call }));
    }
}
