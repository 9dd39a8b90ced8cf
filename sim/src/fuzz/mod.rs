//! Coverage-guided fuzzing: one input of a fuzzer's is one run, judged as any run is; an input that fails becomes a case.
//!
//! [`input`] says what bytes mean, [`mutate`] changes them record by record. The targets for cargo-fuzz are in `fuzz/`; `asl-sim fuzz-case` makes the case.

pub mod image;
pub mod input;
pub mod mutate;
pub mod readers;

use crate::hosts::Target;
use crate::scenario::generate::Wishes;
use crate::trial::capabilities;
use crate::trial::{Trial, trial};
use asl_host::Capabilities;
use input::Input;
use std::sync::Arc;

/// A host under a fuzzer.
#[derive(Debug)]
pub struct Fuzzed {
    target: Target,
    wishes: Wishes,
    offered: Capabilities,
    counts: Counts,
}

/// What inputs came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Runs.
    pub runs: u64,
    /// Operations that they had.
    pub ops: u64,
    /// Crashes that came, with those inside recovery, and without the loss of power at the end of each run.
    pub crashes: u64,
}

impl Fuzzed {
    /// This host, with runs as these wishes have them.
    pub fn new(target: Target, wishes: Wishes) -> Fuzzed {
        let offered = capabilities(&target, &wishes);
        Fuzzed { target, wishes, offered, counts: Counts::default() }
    }

    /// Makes the run of an input. What it decided is not recorded.
    ///
    /// # Panics
    ///
    /// If the simulator has a bug.
    pub fn run(&mut self, bytes: &[u8]) -> Trial {
        let input = Input::read(bytes, &self.wishes, &self.offered);
        let made = trial(&self.target, &Arc::new(input.scenario.clone()), &input.decider());
        let (exercised, counts) = (&made.outcome.exercised, &mut self.counts);
        counts.runs += 1;
        counts.ops += made.scenario.ops.len() as u64;
        let crashes = exercised.kills + exercised.power_losses;
        counts.crashes += u64::from(crashes.saturating_sub(1));
        made
    }

    /// The same run as its case replays it, with its decisions recorded.
    ///
    /// # Panics
    ///
    /// If the simulator has a bug.
    pub fn settle(&self, bytes: &[u8]) -> Trial {
        let input = Input::read(bytes, &self.wishes, &self.offered);
        trial(&self.target, &Arc::new(input.scenario.clone()), &input.decider().recording())
    }

    /// What all inputs so far came to.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The host.
    pub fn target(&self) -> &Target {
        &self.target
    }
}
