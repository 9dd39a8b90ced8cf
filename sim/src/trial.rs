//! One run and what the oracle says of it.

use crate::check::{INVARIANTS, Verdict, judge};
use crate::decide::Decider;
use crate::history::Event;
use crate::run::{Outcome, run};
use crate::scenario::{CrashKind, Scenario};
use crate::target::Target;
use std::sync::Arc;

/// A run and its verdict.
#[derive(Debug)]
pub struct Trial {
    /// What was run.
    pub scenario: Arc<Scenario>,
    /// What came of it.
    pub outcome: Outcome,
    /// What the oracle says.
    pub verdict: Verdict,
}

/// Runs a scenario and judges it.
///
/// A loss that shows after a crash inside recovery is blamed on recovery only if that crash is what it takes: if the first
/// crash alone, as bad as the worst of them, loses nothing however its decisions fall. Then `recovery-idempotent` comes
/// first in the verdict.
///
/// # Panics
///
/// If the simulator has a bug.
pub fn trial(target: &Target, scenario: &Arc<Scenario>, decider: &Decider) -> Trial {
    let outcome = run(target, scenario, decider.clone());
    let mut verdict = judge(&outcome.history);
    let recovery =
        verdict.violations.iter().position(|v| INVARIANTS[v.invariant].name == "recovery-idempotent");
    if let Some(at) = recovery.filter(|&at| at > 0)
        && !first_crashes_alone_break(target, scenario)
    {
        verdict.violations[..=at].rotate_right(1);
    }
    Trial { scenario: scenario.clone(), outcome, verdict }
}

/// How many ways for decisions to fall are tried before recovery is blamed.
const WAYS: u64 = 24;

/// The ways are the same whether the run is seeded or replayed, so that a case has its campaign's verdict.
fn first_crashes_alone_break(target: &Target, scenario: &Scenario) -> bool {
    let mut without = scenario.clone();
    for plan in &mut without.crashes {
        if plan.inside.drain(..).any(|cut| cut.kind == CrashKind::Power) {
            plan.at.kind = CrashKind::Power;
        }
    }
    let without = Arc::new(without);
    let mut verdicts = (1..=WAYS).map(Decider::seeded).map(|way| judge(&run(target, &without, way).history));
    verdicts.any(|verdict| !verdict.violations.is_empty())
}

impl Trial {
    /// Whether the host did what the contract says, and did not hang.
    pub fn passed(&self) -> bool {
        self.verdict.violations.is_empty() && self.outcome.history.stuck().is_none()
    }

    /// What tells this failure from others: primary invariant, operation, fault class. `None` if it is none.
    pub fn signature(&self) -> Option<String> {
        let history = &self.outcome.history;
        let class = self.scenario.setup.class.as_str();
        match self.verdict.primary() {
            Some(violation) => {
                let operation = match &history.events()[violation.event] {
                    Event::Told { asked, .. } => match &history.events()[*asked] {
                        Event::Asked { ask, .. } => ask.name(),
                        _ => "crash",
                    },
                    _ => "crash",
                };
                Some(format!("{}/{operation}/{class}", violation.name()))
            }
            None => history.stuck().map(|_| format!("hang/{class}")),
        }
    }
}
