//! What exhaustive search asks of a run between two processes.

use super::Runner;
use crate::decide::{Decider, Decisions, Site};
use crate::history::History;
use crate::runtime::CallKind;
use crate::scenario::Cut;
use std::cell::Ref;
use std::collections::BTreeMap;

impl Runner<'_> {
    /// What clients saw so far.
    pub(crate) fn history(&self) -> Ref<'_, History> {
        self.history.borrow()
    }

    /// A hash of what the next process can see.
    pub(crate) fn digest(&self) -> u128 {
        self.sim.lock().fs.digest()
    }

    /// How many states crashes may have left.
    pub(crate) fn crash_states(&self) -> u128 {
        self.sim.lock().fs.crash_states()
    }

    /// Decides now all that crashes left open.
    pub(crate) fn decide_all(&self) {
        let mut world = self.sim.lock();
        let world = &mut *world;
        world.fs.decide_all(&mut world.decide);
    }

    /// How many crashes there were.
    pub(crate) fn crashes(&self) -> u32 {
        self.exercised.kills + self.exercised.power_losses
    }

    /// Whether nothing is to come but the last start.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending
    }

    /// The site of the next start.
    pub(crate) fn next_start(&self) -> Site {
        Site::Boot { nth: self.nth, attempt: self.attempt }
    }

    /// The next start is to be crashed here.
    pub(crate) fn cut_next_start(&mut self, cut: Cut) {
        self.cuts.push_back(cut);
    }

    /// From now on, calls are noted.
    pub(crate) fn record_calls(&self) {
        self.sim.lock().calls = Some(BTreeMap::new());
    }

    /// The calls that were noted, by site.
    pub(crate) fn take_calls(&self) -> BTreeMap<Site, Vec<CallKind>> {
        self.sim.lock().calls.take().unwrap_or_default()
    }

    /// What the run was decided by, with its trail; from now on every answer is 0.
    pub(crate) fn take_decider(&self) -> Decider {
        std::mem::replace(&mut self.sim.lock().decide, Decider::replaying(Decisions::new()))
    }
}
