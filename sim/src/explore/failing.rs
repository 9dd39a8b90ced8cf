//! Each call of a word fails once, in each way that it can; and the disk is full during each operation.
//!
//! The word then goes to its orderly end, and once more is stopped by a loss of power right after its last operation. So an error
//! that is swallowed, retried or half cleaned up after has all that it takes to show.
//!
//! Not covered: two failures on one path, failures inside recovery, crashes elsewhere than after the last operation.

use super::crashes::{crashing, until_another_crash};
use super::search::{Calls, Leaf, Search, Task};
use crate::base::decide::{Decider, Decisions, Site};
use crate::scenario::{CrashKind, Cut, FaultClass, FaultKind, FaultPlan, FullPlan, Scenario, When};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many bytes are left when the disk gets full: none, a part of a record, and less than two.
const BYTES_LEFT: [u64; 3] = [0, 20, 100];

impl<'a> Task<'_, 'a> {
    /// Has each call of a workload fail, and each operation meet a full disk.
    pub(super) fn fail_each_call(&mut self, search: &Search<'a>, word: &Scenario) {
        let mut word = word.clone();
        word.setup.class = FaultClass::Error;
        let calls = calls(search, &word);
        let mut failing = Vec::new();
        for op in &word.ops {
            let site = Site::Op(op.id);
            for (kind, skip) in failures(calls.get(&site).unwrap_or(&Calls::new())) {
                if !search.can_inject(kind) {
                    continue;
                }
                failing.push(Scenario { faults: vec![FaultPlan { site, skip, kind }], ..word.clone() });
            }
            for bytes in BYTES_LEFT {
                let full = FullPlan { from_op: op.id, until_op: op.id + 1, bytes };
                failing.push(Scenario { full: vec![full], ..word.clone() });
            }
        }
        let leaf = Leaf { answers: Decisions::new(), asked: 0 };
        for scenario in failing {
            let scenario = Arc::new(scenario);
            let fresh = search.fresh(&scenario);
            self.report.counts.failures += 1;
            if self.end(&fresh, &leaf, &scenario, Site::Closing).is_some()
                && let Some(last) = scenario.ops.last()
            {
                // There is no such call: it comes when the operation is over.
                let at = Cut::new(u32::MAX, When::After, CrashKind::Power);
                let until_it_crashes = until_another_crash(&fresh);
                self.crash_without_following_up(
                    &fresh,
                    &leaf,
                    &crashing(&scenario, last.id, at),
                    until_it_crashes,
                );
            }
        }
    }
}

/// The calls of a workload in which nothing fails, by site.
fn calls(search: &Search<'_>, word: &Scenario) -> BTreeMap<Site, Calls> {
    let word = Arc::new(word.clone());
    let run = search.fresh(&word).run;
    let mut run = run.fork(&word, Decider::replaying(Decisions::new()));
    run.record_calls();
    while !run.is_ending() && run.live() {}
    run.take_calls()
}

/// The ways in which one of these calls can fail: how, and how many that could fail so go well before.
fn failures(calls: &Calls) -> Vec<(FaultKind, u32)> {
    let kinds = FaultKind::ALL.iter().filter(|(_, class, _)| *class == FaultClass::Error);
    let kinds = kinds.map(|(kind, ..)| *kind).filter(|kind| *kind != FaultKind::Stall);
    let of_kind = |kind: FaultKind| {
        let count = calls.iter().filter(|call| call.suffers(kind)).count() as u32;
        (0..count).map(move |skip| (kind, skip))
    };
    kinds.flat_map(of_kind).collect()
}
