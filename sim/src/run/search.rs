//! What exhaustive search asks of a run between two processes.

use super::Runner;
use crate::base::decide::{Decider, Decisions, Site};
use crate::executor::{Class, Medium};
use crate::history::History;
use crate::scenario::{CrashKind, Cut, Scenario};
use std::cell::Ref;
use std::collections::BTreeMap;
use std::sync::Arc;

impl<'a> Runner<'a> {
    /// What this run would be if the kill that just ended a process had been a loss of power: until then both are the same.
    ///
    /// # Panics
    ///
    /// If its last event is not a kill.
    pub(crate) fn with_power_lost(&self, scenario: &Arc<Scenario>, decider: Decider) -> Runner<'a> {
        let mut run = self.fork(scenario, decider);
        let in_recovery = run.history.get_mut().kill_was_power_loss();
        run.exercised.kills -= 1;
        // The next start has its number already.
        run.lose_power(if in_recovery { run.attempt } else { 0 });
        run.last_crash = Some(CrashKind::Power);
        run
    }

    /// What clients saw so far.
    pub(crate) fn history(&self) -> Ref<'_, History> {
        self.history.borrow()
    }

    /// A hash of what the next process can see.
    pub(crate) fn digest(&self) -> u128 {
        self.sim.digest()
    }

    /// How many states crashes may have left.
    pub(crate) fn crash_states(&self) -> u128 {
        self.sim.crash_states()
    }

    /// Decides now all that crashes left open.
    pub(crate) fn decide_all(&self) {
        let mut world = self.sim.lock();
        let world = &mut *world;
        world.medium.decide_all(&mut world.executor.decide);
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
        self.sim.lock().executor.calls = Some(BTreeMap::new());
    }

    /// The calls that were noted, by site.
    pub(crate) fn take_calls(&self) -> BTreeMap<Site, Vec<&'static Class>> {
        self.sim.lock().executor.calls.take().unwrap_or_default()
    }

    /// What this run is decided by from now on.
    pub(crate) fn decide_by(&self, decider: Decider) {
        self.sim.lock().executor.decide = decider;
    }

    /// What the run was decided by, with its trail; from now on every answer is 0.
    pub(crate) fn take_decider(&self) -> Decider {
        std::mem::replace(&mut self.sim.lock().executor.decide, Decider::replaying(Decisions::new()))
    }
}
