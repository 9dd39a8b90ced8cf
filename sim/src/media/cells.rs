//! A small medium for the tests of the executor: named cells behind a network, each of which is written as a whole, and is durable
//! then. Its requests outlive their caller: a put that was on its way when its client died may land later.
//!
//! A put may be refused where there is something (`only_new`), which is decided when it lands. Lists show what has landed.
//!
//! Not modelled: anything else that object stores do (versions, parts, pages of lists, conditions on what is there, answers that
//! are lost). Nothing is lost with the power, and space has no end.

use super::{Media, Sim};
use crate::executor::call_log::{About, Contents, Effect, Survivors};
use crate::executor::medium::{self, Failure};
use crate::executor::{Call, Class, Executor, Process, Within};
use crate::plan::FaultKind::{self, Cancel, ReadEio, Stall, WriteEio};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

static PUT: Class = Class {
    number: 16,
    name: "put",
    effect: Effect::Puts,
    latency_ns: 10_000_000,
    changes: true,
    within: Within::Flight,
    suffers: &[WriteEio, Stall, Cancel],
};

static LOOK: Class = Class {
    number: 17,
    name: "look",
    effect: Effect::Looks,
    latency_ns: 5_000_000,
    changes: false,
    within: Within::Nothing,
    suffers: &[ReadEio],
};

/// Whether there are calls that this kind of fault can hit.
pub(super) fn can_suffer(fault: FaultKind) -> bool {
    PUT.suffers(fault) || LOOK.suffers(fault)
}

/// The cells of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cells(BTreeMap<String, Vec<u8>>);

impl Cells {
    pub(super) fn names_beginning_with(&self, first: &str) -> Vec<String> {
        self.0.keys().filter(|name| name.starts_with(first)).cloned().collect()
    }

    pub(super) fn digest(&self) -> u128 {
        if self.0.is_empty() {
            return 0;
        }
        let mut state = Xxh3::new();
        self.0.hash(&mut state);
        state.digest128()
    }

    pub(super) fn survivors(&self, into: &mut Survivors) {
        let all: [&mut Contents; 4] =
            [&mut into.seen, &mut into.names_synced, &mut into.bytes_synced, &mut into.durable];
        for held in all {
            held.extend(self.0.clone());
        }
    }
}

/// A call on cells; it borrows nothing.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    /// Writes a cell; with `only_new`, unless there is one of this name.
    Put { name: String, bytes: Vec<u8>, only_new: bool },
    /// What a cell holds.
    Get { name: String },
    /// The names that begin so, in their order.
    List { first: String },
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Done,
    /// There is a cell of this name.
    Taken,
    /// Nothing, if there is no cell of this name.
    Held(Option<Vec<u8>>),
    Names(Vec<String>),
    /// It failed as planned, and did nothing; or the process is dead.
    Failed,
}

impl Request {
    fn is_put(&self) -> bool {
        matches!(self, Request::Put { .. })
    }

    /// Whether it makes a difference to this call if the other one has landed before.
    fn sees(&self, earlier: &Request) -> bool {
        let Request::Put { name: put, .. } = earlier else { return false };
        match self {
            Request::Put { name, .. } | Request::Get { name } => name == put,
            Request::List { first } => put.starts_with(first),
        }
    }
}

impl medium::Request<Media> for Request {
    type Reply = Reply;

    fn class(&self) -> &'static Class {
        if self.is_put() { &PUT } else { &LOOK }
    }

    fn about(&self, _: &Media) -> About {
        let (verb, path) = match self {
            Request::Put { name, only_new: true, .. } => ("put if new", name),
            Request::Put { name, .. } => ("put", name),
            Request::Get { name } => ("get", name),
            Request::List { first } => ("list", first),
        };
        let range = if let Request::Put { bytes, .. } = self { Some((0, bytes.len() as u64)) } else { None };
        About { verb, path: path.clone(), to: None, range }
    }

    fn apply(&mut self, media: &mut Media, executor: &mut Executor, call: &Call) -> Reply {
        let Cells(cells) = &mut media.cells;
        match self {
            Request::Put { name, only_new: true, .. } if cells.contains_key(name) => {
                executor.note(call, xxh3_64(name.as_bytes()), 0);
                Reply::Taken
            }
            Request::Put { name, bytes, .. } => {
                executor.note_bytes(call, xxh3_64(name.as_bytes()), 1, bytes);
                executor.note_made();
                cells.insert(std::mem::take(name), std::mem::take(bytes));
                Reply::Done
            }
            Request::Get { name } => {
                let held = cells.get(name).cloned();
                executor.note_bytes(call, xxh3_64(name.as_bytes()), 2, held.as_deref().unwrap_or(&[]));
                Reply::Held(held)
            }
            Request::List { first } => {
                let names = media.cells.names_beginning_with(first);
                executor.note(call, xxh3_64(first.as_bytes()), names.len() as u64);
                Reply::Names(names)
            }
        }
    }

    fn refusal(&self, fault: FaultKind) -> Option<Reply> {
        matches!(fault, ReadEio | WriteEio).then_some(Reply::Failed)
    }

    fn dead() -> Reply {
        Reply::Failed
    }

    fn failure(reply: &Reply) -> Option<Failure> {
        const REFUSED: u32 = 1;
        let words = |_| "refused".to_owned();
        (*reply == Reply::Failed).then_some(Failure { number: REFUSED, no_space: false, words })
    }

    fn can_tell(&self, flight: &super::Sent) -> bool {
        matches!(flight, super::Sent::Cells(earlier) if self.sees(earlier))
    }
}

/// A put that is on its way by itself.
impl medium::Flight<Media> for Request {
    fn land(mut self, media: &mut Media, executor: &mut Executor, call: &Call) {
        medium::Request::apply(&mut self, media, executor, call);
    }

    fn can_tell(&self, earlier: &super::Sent) -> bool {
        medium::Request::can_tell(self, earlier)
    }

    fn digest(&self) -> u64 {
        let Request::Put { name, bytes, only_new } = self else { return 0 };
        let mut state = Xxh3::new();
        (name, bytes, only_new).hash(&mut state);
        state.finish()
    }

    fn about(&self) -> (String, String) {
        let Request::Put { name, .. } = self else { return Default::default() };
        (name.clone(), "put".to_owned())
    }
}

/// The cells as one process sees them.
#[derive(Clone, Debug)]
pub(crate) struct SimCells {
    sim: Arc<Sim>,
    process: Process,
}

impl SimCells {
    pub(crate) fn new(sim: Arc<Sim>, process: Process) -> SimCells {
        SimCells { sim, process }
    }

    /// Writes a cell of which there must be none. False if there is one.
    ///
    /// # Errors
    ///
    /// If the call fails, which has done nothing then.
    pub(crate) async fn put_new(&self, name: String, bytes: Vec<u8>) -> Result<bool, ()> {
        match self.sim.send(self.process, Request::Put { name, bytes, only_new: true }).await {
            Reply::Done => Ok(true),
            Reply::Taken => Ok(false),
            _ => Err(()),
        }
    }

    /// What a cell holds, if there is one.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub(crate) async fn get(&self, name: String) -> Result<Option<Vec<u8>>, ()> {
        match self.sim.perform(self.process, Request::Get { name }).await {
            Reply::Held(held) => Ok(held),
            _ => Err(()),
        }
    }

    /// The names that begin so, in their order.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub(crate) async fn list(&self, first: String) -> Result<Vec<String>, ()> {
        match self.sim.perform(self.process, Request::List { first }).await {
            Reply::Names(names) => Ok(names),
            _ => Err(()),
        }
    }
}
