//! Calls of hosts, as far as time, faults and crash points tell them apart.

use super::call_log::Effect;
use crate::base::decide::{Address, Question, Site};
use crate::plan::{Cut, FaultKind};

/// A class of calls, as its medium describes it: all that the executor has to know of a call.
#[derive(Debug)]
pub(crate) struct Class {
    /// What stands for it in traces; the media share the numbers.
    pub(crate) number: u8,
    /// What it is called where nobody says more.
    pub(crate) name: &'static str,
    /// What it does, as far as an explanation tells calls apart.
    pub(crate) effect: Effect,
    /// How long it takes.
    pub(crate) latency_ns: u64,
    /// Whether it changes what there is, or what of it is durable: then it can be where a crash comes.
    pub(crate) changes: bool,
    /// What a crash in its middle leaves.
    pub(crate) within: Within,
    /// The faults that can hit it.
    pub(crate) suffers: &'static [FaultKind],
}

/// What a crash in the middle of a call leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Within {
    /// Nothing: a call that is done as a whole has no middle, and the crash comes before it.
    Nothing,
    /// A part of it.
    Part,
    /// The request, on its way: it may land later, or never.
    Flight,
}

/// Two classes are one if they have the same number.
impl PartialEq for Class {
    fn eq(&self, other: &Class) -> bool {
        self.number == other.number
    }
}

impl Eq for Class {}

impl Class {
    /// Whether this kind of fault can hit it.
    pub(crate) fn suffers(&self, fault: FaultKind) -> bool {
        self.suffers.contains(&fault)
    }
}

/// Time that passes; no call of a medium.
pub(crate) static PAUSE: Class = Class {
    number: 10,
    name: "sleep",
    effect: Effect::Looks,
    latency_ns: 5_000,
    changes: false,
    within: Within::Nothing,
    suffers: &[],
};

/// A call on its way to taking effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) class: &'static Class,
    pub(super) task: usize,
    pub(crate) site: Site,
    /// Which call of its site it is.
    pub(crate) index: u32,
    /// What the medium's clock showed when the call was made; a sync covers what was changed up to then.
    pub(crate) mark: u64,
    pub(crate) fault: Option<FaultKind>,
    pub(crate) cut: Option<Cut>,
    /// Whether the crash that is due comes at this call, and ends another process than the one that makes it.
    pub(super) ends_another: bool,
}

impl Call {
    /// Where a question about this call stands.
    pub(crate) fn address(&self, question: Question) -> Address {
        self.nth_address(question, 0)
    }

    /// Where the nth of several questions about this call stands.
    pub(crate) fn nth_address(&self, question: Question, nth: u32) -> Address {
        Address::new(question, self.site.code(), self.index, nth)
    }
}
