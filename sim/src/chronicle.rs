//! What went on below the host in one run, kept for an explanation: each call in the order in which it took effect, where a
//! crash came, and what the medium came to hold.
//!
//! Campaigns keep none: the runtime has an `Option` of it, asked at each call. It is told of things and tells nothing back, so
//! that a run comes to the same trace and the same history with it. The oracle never sees it.
//!
//! Files go by the path that they were opened by, or renamed to since. Not kept: the bytes of single calls, reads of the clock
//! and of entropy, sleeps.

use crate::decide::Site;
use crate::scenario::{CrashKind, FaultKind, When};
use crate::target::ROOT;
use crate::world::fs::Ino;
use crate::world::fs::fate::{Fate, Survivors};
use std::collections::BTreeMap;

/// What a call is about, in the words of whoever makes it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct About<'a> {
    /// What is done, as the system call is named; the kind of the call says it if this is empty.
    pub(crate) verb: &'static str,
    pub(crate) object: Object<'a>,
    /// Offset and length, in bytes.
    pub(crate) range: Option<(u64, u64)>,
}

/// What a call is made on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Object<'a> {
    #[default]
    Unnamed,
    Path(&'a str),
    /// From one path to another.
    Paths(&'a str, &'a str),
    /// A file that was opened, by its handle.
    Handle(u64),
}

impl<'a> About<'a> {
    pub(crate) fn path(verb: &'static str, path: &'a str) -> About<'a> {
        About { verb, object: Object::Path(path), range: None }
    }

    pub(crate) fn paths(verb: &'static str, from: &'a str, to: &'a str) -> About<'a> {
        About { verb, object: Object::Paths(from, to), range: None }
    }

    pub(crate) fn handle(verb: &'static str, handle: u64) -> About<'a> {
        About { verb, object: Object::Handle(handle), range: None }
    }

    pub(crate) fn range(mut self, offset: u64, len: usize) -> About<'a> {
        self.range = Some((offset, len as u64));
        self
    }
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
    /// The processes or the power fail; and what a loss of power could not take.
    Crash(CrashKind, Box<Survivors>),
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
    Syncs,
    SyncsNames,
    Names,
    Resizes,
}

/// How a call came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    /// The error, as the operating system would put it.
    Failed(String),
    /// The crash came there.
    Cut(When),
    /// It took effect, and the client had stopped waiting.
    Abandoned,
}

/// The chronicle of one run.
#[derive(Clone, Debug)]
pub(crate) struct Chronicle {
    pub(crate) entries: Vec<Entry>,
    /// Paths, by inode.
    paths: BTreeMap<Ino, String>,
    /// Inodes, by the handle that they were opened with.
    handles: BTreeMap<u64, Ino>,
    moved: Option<usize>,
    made: bool,
}

/// The directory above all, and the hosts' root in it, which no call makes.
const TOP: Ino = 0;
const HOSTS_ROOT: Ino = 1;

impl Chronicle {
    /// An empty one, of a file system in which only the hosts' root is.
    pub(crate) fn new() -> Chronicle {
        Chronicle {
            entries: Vec::new(),
            paths: [(TOP, "/".to_owned()), (HOSTS_ROOT, ROOT.to_owned())].into(),
            handles: BTreeMap::new(),
            moved: None,
            made: false,
        }
    }

    /// The path of an inode, if it ever had one.
    pub(crate) fn path_of(&self, ino: Ino) -> Option<&str> {
        self.paths.get(&ino).map(String::as_str)
    }

    pub(crate) fn add(&mut self, time_ns: u64, what: What) {
        self.entries.push(Entry { time_ns, what });
    }

    /// A path stands for an inode.
    pub(crate) fn is_named(&mut self, ino: Ino, path: &str) {
        self.paths.insert(ino, path.trim_end_matches('/').to_owned());
    }

    /// A file was opened, and perhaps made.
    pub(crate) fn is_opened(&mut self, handle: u64, ino: Ino, path: &str, made: bool) {
        self.handles.insert(handle, ino);
        self.is_named(ino, path);
        self.made = made;
    }

    /// The call that goes on has read or written so many bytes.
    pub(crate) fn has_moved(&mut self, bytes: usize) {
        self.moved = Some(bytes);
    }

    /// A call has come to its end. Fates that it decided come before it.
    pub(crate) fn ended(&mut self, time_ns: u64, about: About<'_>, fates: Vec<Fate>, call: Call) {
        for fate in fates {
            self.add(time_ns, What::Fate(fate));
        }
        let (path, to) = match about.object {
            Object::Unnamed => (String::new(), None),
            Object::Path(path) => (path.to_owned(), None),
            Object::Paths(from, to) => (from.to_owned(), Some(to.to_owned())),
            Object::Handle(handle) => {
                let ino = self.handles.get(&handle);
                (ino.and_then(|ino| self.path_of(*ino)).unwrap_or_default().to_owned(), None)
            }
        };
        if let (Some(to), "rename", End::Done | End::Cut(When::After)) = (&to, about.verb, &call.end) {
            self.is_renamed(&path, to);
        }
        let (moved, made) = (self.moved.take(), std::mem::take(&mut self.made));
        let verb = if about.verb.is_empty() { call.verb } else { about.verb };
        let call = Call { verb, path, to, range: about.range, moved, made, ..call };
        self.add(time_ns, What::Call(call));
    }

    /// A path, and all that is below it, has another name.
    fn is_renamed(&mut self, from: &str, to: &str) {
        for path in self.paths.values_mut() {
            match path.strip_prefix(from) {
                Some(rest) if rest.is_empty() || rest.starts_with('/') => *path = format!("{to}{rest}"),
                _ => {}
            }
        }
    }
}
