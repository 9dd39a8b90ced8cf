//! One run and what the oracle says of it.

use crate::base::decide::Decider;
use crate::check::{Verdict, judge, judge_with};
use crate::executor::call_log::CallLog;
use crate::history::{Ask, Event};
use crate::hosts::Target;
use crate::run::{Outcome, run, run_logged};
use crate::scenario::generate::{Wishes, generate};
use crate::scenario::{CrashKind, Cut, Scenario, When};
use asl_host::Capabilities;
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
/// A loss that shows after a crash inside recovery is blamed on recovery only if that crash is what it takes: if the other
/// crashes, as bad as the worst of them, lose nothing however their decisions fall. Then `recovery-idempotent` comes
/// first in the verdict. An open that fails is blamed so only if it does in many of the ways, since what the first crash left may
/// be as rare as the failure.
///
/// A store that was there before a crash and can be created again was lost, or is not looked for. It was not looked for if the same
/// run without crashes creates one twice as well; then `create-exclusive` comes before `create-durable`.
///
/// # Panics
///
/// If the simulator has a bug.
pub fn trial(target: &Target, scenario: &Arc<Scenario>, decider: &Decider) -> Trial {
    judged(target, scenario, run(target, scenario, decider.clone()))
}

/// The same, with a log of what went on below the host.
pub(crate) fn trial_logged(target: &Target, scenario: &Arc<Scenario>, decider: &Decider) -> (Trial, CallLog) {
    let (outcome, log) = run_logged(target, scenario, decider.clone());
    (judged(target, scenario, outcome), log)
}

fn judged(target: &Target, scenario: &Arc<Scenario>, outcome: Outcome) -> Trial {
    let mut verdict = judge_with(&outcome.history, target.invariants());
    let recovery = verdict.violations.iter().position(|v| v.name() == "recovery-idempotent");
    if let Some(at) = recovery.filter(|&at| at > 0)
        && (!is_open(&outcome, verdict.violations[at].event) || often_breaks(target, scenario))
        && !breaks(target, first_crashes_alone(scenario))
        && !breaks(target, recovery_undisturbed(scenario))
    {
        verdict.violations[..=at].rotate_right(1);
    }
    let at = |name| verdict.violations.iter().position(|violation| violation.name() == name);
    if let (Some(lost), Some(twice)) = (at("create-durable"), at("create-exclusive"))
        && verdict.violations[lost].event == verdict.violations[twice].event
        && creates_twice(target, without_crashes(scenario))
    {
        verdict.violations[lost..=twice].rotate_right(1);
    }
    Trial { scenario: scenario.clone(), outcome, verdict }
}

/// Whether an event is the answer to an open.
fn is_open(outcome: &Outcome, event: usize) -> bool {
    let events = outcome.history.events();
    let Event::Told { asked, .. } = &events[event] else { return false };
    matches!(&events[*asked], Event::Asked { ask: Ask::Open { .. }, .. })
}

/// The same without the crashes inside recovery, the crash before them as bad as the worst of them.
fn first_crashes_alone(scenario: &Scenario) -> Scenario {
    let mut without = scenario.clone();
    for plan in &mut without.crashes {
        if plan.inside.drain(..).any(|cut| cut.kind == CrashKind::Power) {
            plan.at.kind = CrashKind::Power;
        }
    }
    without
}

/// The same with every crash inside recovery put off until the store is open and was looked at.
fn recovery_undisturbed(scenario: &Scenario) -> Scenario {
    let mut later = scenario.clone();
    for plan in &mut later.crashes {
        let worst = plan.inside.iter().map(|cut| cut.kind).max();
        for cut in &mut plan.inside {
            *cut = Cut::new(u32::MAX, When::Before, worst.unwrap_or(cut.kind));
        }
    }
    later
}

/// The same without a crash but the one at the end.
fn without_crashes(scenario: &Scenario) -> Scenario {
    Scenario { crashes: Vec::new(), ..scenario.clone() }
}

/// Whether a store is created twice in any of some ways.
fn creates_twice(target: &Target, scenario: Scenario) -> bool {
    let scenario = Arc::new(scenario);
    let twice = |verdict: &Verdict| verdict.violations.iter().any(|v| v.name() == "create-exclusive");
    (1..=WAYS).any(|way| twice(&verdict_in(target, &scenario, way)))
}

/// How many ways for decisions to fall are tried before recovery is blamed.
const WAYS: u64 = 24;

/// Whether anything is wrong with a scenario in any of some ways. They are the same whether the run is seeded or replayed, so
/// that a case has its campaign's verdict.
fn breaks(target: &Target, scenario: Scenario) -> bool {
    let scenario = Arc::new(scenario);
    let mut verdicts = (1..=WAYS).map(|way| verdict_in(target, &scenario, way));
    verdicts.any(|verdict| !verdict.violations.is_empty())
}

/// Whether an open fails after a crash inside recovery in at least a quarter of these ways.
fn often_breaks(target: &Target, scenario: &Arc<Scenario>) -> bool {
    let fails = |verdict: &Verdict| verdict.violations.iter().any(|v| v.name() == "recovery-idempotent");
    let failing = (1..=WAYS).map(|way| verdict_in(target, scenario, way)).filter(fails).count() as u64;
    failing * 4 >= WAYS
}

fn verdict_in(target: &Target, scenario: &Arc<Scenario>, way: u64) -> Verdict {
    judge(&run(target, scenario, Decider::seeded(way)).history)
}

/// What a host offers, asked outside of any run.
pub fn capabilities(target: &Target, wishes: &Wishes) -> Capabilities {
    crate::run::capabilities(target, wishes)
}

/// Makes the run of one seed.
///
/// # Panics
///
/// If the simulator has a bug.
pub fn run_seed(
    target: &Target,
    seed: u64,
    wishes: &Wishes,
    capabilities: &Capabilities,
    record: bool,
) -> Trial {
    let scenario = Arc::new(generate(seed, wishes, capabilities));
    let decider = Decider::seeded(seed);
    trial(target, &scenario, &if record { decider.recording() } else { decider })
}

/// Makes the run of one seed as a case of it would replay: from the decisions that the seed led to. The second trial, if
/// there is one, did something else than the first, so that one of them depends on more than the seed.
///
/// # Panics
///
/// If the simulator has a bug.
pub fn settle_seed(
    target: &Target,
    seed: u64,
    wishes: &Wishes,
    capabilities: &Capabilities,
) -> (Trial, Option<Trial>) {
    let drawn = run_seed(target, seed, wishes, capabilities, true);
    let decider = Decider::replaying(drawn.outcome.decisions.clone()).recording();
    let replayed = trial(target, &drawn.scenario, &decider);
    if replayed.outcome.trace == drawn.outcome.trace { (replayed, None) } else { (drawn, Some(replayed)) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::find;
    use crate::check::Violation;
    use crate::scenario::{Action, CrashPlan, FaultClass, Op, Payload, Style};

    #[test]
    fn a_run_with_a_log_comes_to_the_same() {
        for name in ["posix", "specimen:fsync-retried", "specimen:torn-middle-is-eof"] {
            let target = find(name).expect("a built-in target");
            let classes = vec![FaultClass::Crash, FaultClass::Error, FaultClass::Media];
            let wishes = Wishes { classes, ..Wishes::default() };
            let capabilities = capabilities(&target, &wishes);
            for seed in 0..60 {
                let scenario = Arc::new(generate(seed, &wishes, &capabilities));
                let decider = Decider::seeded(seed).recording();
                let plain = trial(&target, &scenario, &decider);
                let (watched, log) = trial_logged(&target, &scenario, &decider);
                assert_eq!(watched.outcome.trace, plain.outcome.trace, "{name}, seed {seed}");
                assert_eq!(watched.outcome.decisions, plain.outcome.decisions);
                assert_eq!(watched.outcome.history.events(), plain.outcome.history.events());
                assert_eq!(watched.verdict, plain.verdict);
                assert!(!log.entries.is_empty());
            }
        }
    }

    #[test]
    fn a_store_that_a_crash_took_is_not_blamed_on_the_creation_that_follows() {
        // Of 100,000 runs of this specimen, 37 were: the second store was gone, and a creation was the first to come there.
        let target = find("specimen:mark-left-to-journal").expect("a built-in target");
        let create = Action::SideCreate(Payload { style: Style::Unique, len: 8 });
        let ops: Vec<Op> = (0..2).map(|id| Op { id, client: 0, action: create.clone() }).collect();
        let wishes = Wishes { classes: vec![FaultClass::Crash], ..Wishes::default() };
        let drawn = generate(1, &wishes, &capabilities(&target, &wishes));
        let mut twice = Vec::new();
        for (change, seed) in (0..12).flat_map(|change| (0..16).map(move |seed| (change, seed))) {
            let at = Cut::new(change, When::After, CrashKind::Power);
            let crashes = vec![CrashPlan { op: Some(0), at, inside: Vec::new() }];
            let scenario = Scenario { ops: ops.clone(), crashes, clock_jumps: Vec::new(), ..drawn.clone() };
            let verdict = trial(&target, &Arc::new(scenario), &Decider::seeded(seed)).verdict;
            let names: Vec<&str> = verdict.violations.iter().map(Violation::name).collect();
            twice.extend(names.contains(&"create-exclusive").then_some(names));
        }
        assert!(!twice.is_empty(), "a loss of the name shows");
        assert!(twice.iter().all(|names| names[0] == "create-durable"), "{twice:?}");
    }
}
