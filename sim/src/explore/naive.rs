//! The search without any cleverness: every word, every crash point, every crash state, each from the very beginning.
//!
//! Enumerate, recover, check. It is the test oracle of the search proper, which must come to the same outcomes, and the floor
//! that its speed is measured from. One crash a run; what the decisions after the recovery are is left at the simplest.

use super::crashes::cuts;
use super::search::Calls;
use super::{Options, Outcomes, alphabet, letters, outcome, words};
use crate::base::decide::{Decider, Decisions, Site};
use crate::check::judge;
use crate::executor::PROCESSES;
use crate::hosts::Target;
use crate::run::{Runner, Started};
use crate::scenario::{Action, CrashKind, CrashPlan, Cut, Scenario};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What was done, and what came of it.
#[derive(Clone, Debug, Default)]
pub struct Naive {
    /// Outcomes of recoveries, as the search proper counts them.
    pub outcomes: Outcomes,
    /// Crash states that were recovered from.
    pub recovered: u64,
    /// How many of those runs the oracle found fault with.
    pub failed: u64,
}

/// Explores all words of `options.ops` letters, with one crash each.
pub fn naive(target: &Target, options: &Options) -> Naive {
    let letters = letters(target, options);
    let mut naive = Naive::default();
    for word in words(letters.len(), options.ops) {
        if word.len() as u32 == options.ops {
            let word: Vec<_> = word.iter().map(|&at| &letters[at]).collect();
            let mut scenario = options.scenario();
            scenario.ops = alphabet::spell(&word, 0);
            naive.word(target, &scenario);
        }
    }
    naive
}

impl Naive {
    fn word(&mut self, target: &Target, scenario: &Scenario) {
        let calls = calls(target, scenario);
        let start = calls.get(&Site::Boot { nth: 0, attempt: 0 });
        for cut in cuts(start.expect("a creation changes something"), false) {
            self.crash_point(target, scenario, None, cut);
        }
        for op in &scenario.ops {
            for cut in cuts(calls.get(&Site::Op(op.id)).unwrap_or(&Calls::new()), true) {
                self.crash_point(target, scenario, Some(op.id), cut);
                // Where two processes are at work, each is killed alone besides.
                if cut.kind == CrashKind::Kill && matches!(op.action, Action::TakeOver(_)) {
                    for process in 0..PROCESSES {
                        let alone = Cut { process: Some(process), ..cut };
                        self.crash_point(target, scenario, Some(op.id), alone);
                    }
                }
            }
        }
    }

    fn crash_point(&mut self, target: &Target, scenario: &Scenario, op: Option<u32>, cut: Cut) {
        let mut crashing = scenario.clone();
        // What comes after the crash is not part of the workload.
        crashing.ops.retain(|other| Some(other.id) <= op);
        crashing.crashes.push(CrashPlan { op, at: cut, inside: Vec::new() });
        let crashing = Arc::new(crashing);
        let mut next = Some(Decider::branching(Decisions::new(), 0));
        while let Some(decide) = next {
            let mut run = Runner::new(target, &crashing, decide);
            while run.crashes() == 0 && run.live() {}
            run.decide_all();
            let mut up = None;
            while up.is_none() {
                up = match run.start() {
                    Started::Up(up) => Some(Some(up)),
                    Started::Again => None,
                    Started::Never => Some(None),
                };
            }
            self.recovered += 1;
            self.outcomes.insert(outcome::digest(&run.history()));
            next = run.take_decider().next();
            if let Some(Some(up)) = up {
                run.last_look(&up);
            }
            self.failed += u64::from(!judge(&run.finish().history).violations.is_empty());
        }
    }
}

/// The calls of a workload, by site.
fn calls(target: &Target, scenario: &Scenario) -> BTreeMap<Site, Calls> {
    let scenario = Arc::new(scenario.clone());
    let mut run = Runner::new(target, &scenario, Decider::replaying(Decisions::new()));
    run.record_calls();
    while !run.is_ending() && run.live() {}
    run.take_calls()
}
