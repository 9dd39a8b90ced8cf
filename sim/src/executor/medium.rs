//! The seam between the executor and what bytes are kept on. The executor knows time, plans and decisions; a medium knows what a
//! call does. Neither knows the other beyond this file.
//!
//! A call is data, a [`Request`], from when it is made until it takes effect at one instant. One that borrows nothing can be sent:
//! it is a [`Flight`] then, and may land after whoever sent it is dead.
//!
//! To add a medium: a folder in `media` with its state, its requests and their classes; [`Request`] for these, [`Flight`] for those
//! that can be sent; a line for it in each function of `media::Media`, which is the one [`Medium`] that the rest knows; and what its
//! runs may have, in `media::profile` and `media::setup`. All of it is static dispatch.

use super::Executor;
use super::call::{Call, Class};
use super::call_log::{About, Fate, Survivors};
use crate::base::decide::Decider;
use crate::plan::FaultKind;
use std::fmt::Debug;

/// Something that keeps bytes, in one run.
pub(crate) trait Medium: Clone + Debug + Send {
    /// A request of this medium that can outlive its caller.
    type Flight: Flight<Self>;

    /// A number that grows with each change. A call is given the one of when it was made.
    fn mark(&self) -> u64;

    /// The process of this number is dead; all are if there is none.
    fn process_died(&mut self, process: Option<u16>);

    /// The power goes: what may be lost is open from now on.
    fn power_lost(&mut self, crash: u32, executor: &mut Executor);

    /// Limits, or frees, the space that is left. Says whether that changed anything.
    fn limit_space(&mut self, bytes: Option<u64>) -> bool;

    /// Names that begin so, for the harness, which makes no calls.
    fn names_beginning_with(&mut self, first: &str, decide: &mut Decider) -> Vec<String>;

    /// A hash of all that a later process can see.
    fn digest(&self) -> u128;

    /// How many states a loss of power may have left; 1 if nothing is open. Saturates.
    fn crash_states(&self) -> u128;

    /// Decides now all that a loss of power left open.
    fn decide_all(&mut self, decide: &mut Decider);

    /// From now on, what it turns out to hold is kept, and calls are told by name.
    fn keep_fates(&mut self);

    /// What it turned out to hold since this was last asked.
    fn take_fates(&mut self) -> Vec<Fate>;

    /// What a loss of power now could not take, by name.
    fn survivors(&self, decide: &Decider) -> Survivors;
}

/// A call, as data.
pub(crate) trait Request<M: Medium>: Sized {
    /// What its caller gets.
    type Reply;

    /// All that the executor has to know of it.
    fn class(&self) -> &'static Class;

    /// What it is about, in words; asked only where calls are kept.
    fn about(&self, medium: &M) -> About;

    /// What it comes to, at the instant at which it takes effect.
    fn apply(&mut self, medium: &mut M, executor: &mut Executor, call: &Call) -> Self::Reply;

    /// The reply that a planned fault stands for, where the call then does nothing. What other faults do is `apply`'s.
    fn refusal(&self, fault: FaultKind) -> Option<Self::Reply>;

    /// The reply to a process that is dead.
    fn dead() -> Self::Reply;

    /// How the call failed, if it did.
    fn failure(reply: &Self::Reply) -> Option<Failure>;

    /// Whether whoever makes this call could tell if a request on its way had landed before it.
    fn can_tell(&self, _flight: &M::Flight) -> bool {
        false
    }
}

/// A request that can outlive its caller, for it borrows nothing.
pub(crate) trait Flight<M: Medium>: Clone + Debug + Send {
    /// It lands, and nobody hears of it.
    fn land(self, medium: &mut M, executor: &mut Executor, call: &Call);

    /// Whether it makes a difference if another one lands before it.
    fn can_tell(&self, earlier: &M::Flight) -> bool;

    /// A hash of what it would do.
    fn digest(&self) -> u64;

    /// The name of what it changes, and what it is called.
    fn about(&self) -> (String, String);
}

/// How a call failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// What stands for it in traces: of a system call, its errno.
    pub(crate) number: u32,
    /// Whether it was for want of space.
    pub(crate) no_space: bool,
    /// What a story calls an error of this number.
    pub(crate) words: fn(u32) -> String,
}
