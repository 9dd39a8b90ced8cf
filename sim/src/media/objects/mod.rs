//! A simulated bucket: what a request comes to, at the instant at which it takes effect.
//!
//! A request that changes something is on its way from when it is made. It lands when its time has come, and is answered then; if its
//! caller is dead by then, does not wait any more, or is told an error (`unanswered`), it lands later, or never (`executor::flights`).
//! It is never answered with success before it has landed.
//!
//! What differs from vendor to vendor is a row of [`axioms`]: whether conditions are tested in the same instant as the change, whether they
//! are tested at all, and how far behind a list may be. What is put is durable when it lands: neither a kill nor the power takes it.
//!
//! Not modelled: versions and delete markers, multipart uploads that are left over, redirections, bodies that are cut off (a read fails as
//! a whole), limits of size and of requests a second, a request that lands twice, events, access rights.

pub(crate) mod axioms;
#[cfg(feature = "objects")]
mod store;

#[cfg(feature = "objects")]
pub use store::SimObjectStore;

use super::Media;
use crate::base::decide::{Lean, Question};
use crate::executor::call_log::{About, Contents, Effect, Survivors};
use crate::executor::medium::{self, Failure};
use crate::executor::{Call, Class, Executor, Within};
use crate::plan::FaultKind::{self, Cancel, Conflict, ReadEio, Stall, Unanswered, WriteEio};
use axioms::Axioms;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

static PUT: Class = Class {
    number: 18,
    name: "put",
    effect: Effect::Puts,
    latency_ns: 20_000_000,
    changes: true,
    within: Within::Flight,
    suffers: &[WriteEio, Stall, Cancel, Unanswered, Conflict],
};

static DELETE: Class = Class {
    number: 19,
    name: "delete",
    effect: Effect::Puts,
    latency_ns: 15_000_000,
    changes: true,
    within: Within::Flight,
    suffers: &[WriteEio, Stall, Cancel, Unanswered],
};

static LOOK: Class = Class {
    number: 20,
    name: "look",
    effect: Effect::Looks,
    latency_ns: 10_000_000,
    changes: false,
    within: Within::Nothing,
    suffers: &[ReadEio, Stall],
};

/// Whether there are calls that this kind of fault can hit.
pub(super) fn can_suffer(fault: FaultKind) -> bool {
    [&PUT, &DELETE, &LOOK].iter().any(|class| class.suffers(fault))
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Object {
    pub(crate) bytes: Arc<[u8]>,
    /// Which change of the bucket made it; its entity tag.
    pub(crate) change: u64,
}

/// The bucket of a run.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    axioms: &'static Axioms,
    held: BTreeMap<String, Object>,
    /// How many changes there were.
    changes: u64,
    /// Where lists may be behind: the last changes of names, newest last, with whether the name was there before.
    recent: Vec<(String, Option<Object>)>,
}

impl Objects {
    pub(super) fn new(axioms: &'static Axioms) -> Objects {
        Objects { axioms, held: BTreeMap::new(), changes: 0, recent: Vec::new() }
    }

    pub(super) fn names_beginning_with(&self, first: &str) -> Vec<String> {
        self.held.keys().filter(|name| name.starts_with(first)).cloned().collect()
    }

    pub(super) fn digest(&self) -> u128 {
        if self.held.is_empty() {
            return 0;
        }
        let mut state = Xxh3::new();
        self.held.hash(&mut state);
        self.recent.hash(&mut state);
        state.digest128()
    }

    pub(super) fn survivors(&self, into: &mut Survivors) {
        let all: [&mut Contents; 4] =
            [&mut into.seen, &mut into.names_synced, &mut into.bytes_synced, &mut into.durable];
        for held in all {
            held.extend(self.held.iter().map(|(name, object)| (name.clone(), object.bytes.to_vec())));
        }
    }

    fn change(&mut self, name: &str, bytes: Option<Arc<[u8]>>) -> u64 {
        self.changes += 1;
        let change = self.changes;
        let before = match bytes {
            Some(bytes) => self.held.insert(name.to_owned(), Object { bytes, change }),
            None => self.held.remove(name),
        };
        if self.axioms.list_behind_max > 0 {
            self.recent.push((name.to_owned(), before));
            let behind = self.recent.len().saturating_sub(self.axioms.list_behind_max as usize);
            self.recent.drain(..behind);
        }
        change
    }

    /// Whether the condition of a put holds.
    fn holds(&self, name: &str, when: &When) -> bool {
        match when {
            _ if self.axioms.ignores_conditions => true,
            When::Always => true,
            When::Absent => !self.held.contains_key(name),
            When::Is(change) => self.held.get(name).is_some_and(|object| object.change == *change),
        }
    }

    /// What a list shows that is so many changes behind.
    fn listed(&self, first: &str, behind: usize) -> Vec<(String, Object)> {
        let mut held: BTreeMap<&String, &Object> =
            self.held.iter().filter(|(name, _)| name.starts_with(first)).collect();
        for (name, before) in
            self.recent.iter().rev().take(behind).filter(|(name, _)| name.starts_with(first))
        {
            match before {
                Some(before) => held.insert(name, before),
                None => held.remove(name),
            };
        }
        held.into_iter().map(|(name, object)| (name.clone(), object.clone())).collect()
    }
}

/// The condition of a put.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum When {
    Always,
    /// `If-None-Match: *`
    Absent,
    /// `If-Match`, with the change that made what is to be replaced.
    Is(u64),
}

/// A request; it borrows nothing.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Put {
        name: String,
        bytes: Arc<[u8]>,
        when: When,
    },
    Delete {
        name: String,
    },
    Get {
        name: String,
    },
    /// Only whether the object is there: how a bucket tests a condition that does so apart from the change.
    Look {
        name: String,
    },
    List {
        first: String,
    },
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It is done; the change that did it.
    Done(u64),
    /// The condition does not hold.
    Refused,
    /// Somebody else was changing it at the same time (409), and nothing was done.
    Conflict,
    Held(Option<Object>),
    Names(Vec<(String, Object)>),
    /// It failed as planned, or the process is dead.
    Failed(FaultKind),
}

impl Request {
    fn changed(&self) -> Option<&str> {
        match self {
            Request::Put { name, .. } | Request::Delete { name } => Some(name),
            _ => None,
        }
    }

    /// Whether it makes a difference to this request if the other one has landed before.
    fn sees(&self, earlier: &Request) -> bool {
        let Some(changed) = earlier.changed() else { return false };
        match self {
            Request::Put { name, .. }
            | Request::Delete { name }
            | Request::Get { name }
            | Request::Look { name } => name == changed,
            Request::List { first } => changed.starts_with(first),
        }
    }
}

impl medium::Request<Media> for Request {
    type Reply = Reply;

    fn class(&self) -> &'static Class {
        match self {
            Request::Put { .. } => &PUT,
            Request::Delete { .. } => &DELETE,
            _ => &LOOK,
        }
    }

    fn about(&self, _: &Media) -> About {
        let (verb, path) = match self {
            Request::Put { name, when: When::Always, .. } => ("put", name),
            Request::Put { name, when: When::Absent, .. } => ("put if absent", name),
            Request::Put { name, when: When::Is(_), .. } => ("put if unchanged", name),
            Request::Delete { name } => ("delete", name),
            Request::Get { name } => ("get", name),
            Request::Look { name } => ("test a condition", name),
            Request::List { first } => ("list", first),
        };
        let range = if let Request::Put { bytes, .. } = self { Some((0, bytes.len() as u64)) } else { None };
        About { verb, path: path.clone(), to: None, range }
    }

    fn apply(&mut self, media: &mut Media, executor: &mut Executor, call: &Call) -> Reply {
        let objects = &mut media.objects;
        match self {
            Request::Put { name, when, .. } if !objects.holds(name, when) => {
                executor.note(call, xxh3_64(name.as_bytes()), 0);
                Reply::Refused
            }
            Request::Put { name, bytes, .. } => {
                executor.note_bytes(call, xxh3_64(name.as_bytes()), 1, bytes);
                executor.note_made();
                Reply::Done(objects.change(name, Some(bytes.clone())))
            }
            Request::Delete { name } => {
                executor.note(call, xxh3_64(name.as_bytes()), 2);
                Reply::Done(objects.change(name, None))
            }
            Request::Get { name } => {
                let held = objects.held.get(name).cloned();
                let bytes = held.as_ref().map_or(&[][..], |object| &object.bytes);
                executor.note_bytes(call, xxh3_64(name.as_bytes()), 3, bytes);
                Reply::Held(held)
            }
            Request::Look { name } => {
                let held = objects.held.get(name).cloned();
                executor.note(call, xxh3_64(name.as_bytes()), 4 + u64::from(held.is_some()));
                Reply::Held(held)
            }
            Request::List { first } => {
                let most = objects.recent.len() as u32;
                let behind = match most {
                    0 => 0,
                    most => executor.decide.choose(call.address(Question::Behind), most + 1, Lean::Mood),
                };
                let listed = objects.listed(first, behind as usize);
                executor.note(call, xxh3_64(first.as_bytes()), listed.len() as u64);
                Reply::Names(listed)
            }
        }
    }

    fn refusal(&self, fault: FaultKind) -> Option<Reply> {
        match fault {
            ReadEio | WriteEio | Unanswered => Some(Reply::Failed(fault)),
            Conflict => Some(Reply::Conflict),
            _ => None,
        }
    }

    fn dead() -> Reply {
        Reply::Failed(Cancel)
    }

    fn failure(reply: &Reply) -> Option<Failure> {
        let number = match reply {
            Reply::Failed(Unanswered) => 504,
            Reply::Failed(_) => 500,
            Reply::Conflict => 409,
            _ => return None,
        };
        let words = |number| match number {
            504 => "not answered".to_owned(),
            number => format!("answered {number}"),
        };
        Some(Failure { number, no_space: false, words })
    }

    fn can_tell(&self, flight: &super::Sent) -> bool {
        matches!(flight, super::Sent::Objects(earlier) if self.sees(earlier))
    }
}

/// A request that is on its way by itself.
impl medium::Flight<Media> for Request {
    fn land(mut self, media: &mut Media, executor: &mut Executor, call: &Call) {
        medium::Request::apply(&mut self, media, executor, call);
    }

    fn can_tell(&self, earlier: &super::Sent) -> bool {
        medium::Request::can_tell(self, earlier)
    }

    fn digest(&self) -> u64 {
        let mut state = Xxh3::new();
        match self {
            Request::Put { name, bytes, when } => (name, bytes, when).hash(&mut state),
            other => other.changed().hash(&mut state),
        }
        state.finish()
    }

    fn about(&self) -> (String, String) {
        let what = if matches!(self, Request::Put { .. }) { "put" } else { "deletion" };
        (self.changed().unwrap_or_default().to_owned(), what.to_owned())
    }
}
