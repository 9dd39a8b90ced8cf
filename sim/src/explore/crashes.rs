//! Where a search crashes, and how it goes on from there.
//!
//! What a process does until it is killed it also does until the power goes: one run leads to both.

use super::outcome;
use super::search::{Calls, Down, Leaf, Task, with};
use crate::base::decide::{Decider, Decisions};
use crate::executor::{Class, PROCESSES, Within};
use crate::run::Runner;
use crate::scenario::{CrashKind, CrashPlan, Cut, Scenario, When};
use std::sync::Arc;

impl<'a> Task<'_, 'a> {
    /// Crashes an operation at one instant, by a kill and by a loss of power.
    pub(super) fn crash_in_op(
        &mut self,
        down: &Down<'a>,
        leaf: &Leaf,
        scenario: &Arc<Scenario>,
        (op, kill): (u32, Cut),
        letters_left: u32,
    ) {
        let [killed, without_power] = both(kill).map(|at| crashing(scenario, op, at));
        let until_it_crashes = until_another_crash(down);
        let left = (letters_left, down.crashes_left - 1);
        self.crash(down, leaf, &killed, Some(&without_power), left, until_it_crashes);
    }

    /// Kills each of two processes at one instant of an operation, while the other goes on.
    pub(super) fn kill_one_in_op(
        &mut self,
        down: &Down<'a>,
        leaf: &Leaf,
        scenario: &Arc<Scenario>,
        (op, kill): (u32, Cut),
        letters_left: u32,
    ) {
        let left = (letters_left, down.crashes_left - 1);
        for process in 0..PROCESSES {
            let killed = crashing(scenario, op, Cut { process: Some(process), ..kill });
            self.crash(down, leaf, &killed, None, left, until_another_crash(down));
        }
    }

    /// Crashes at each change that a start makes, whichever way it recovers.
    pub(super) fn crash_in_start(&mut self, down: &Down<'a>, calls: &Calls) {
        for kill in kills(calls, false) {
            let [killed, without_power] = both(kill).map(|cut| {
                let mut crashing = Scenario::clone(&down.scenario);
                match crashing.crashes.last_mut() {
                    Some(plan) => plan.inside.push(cut),
                    None => crashing.crashes.push(CrashPlan { op: None, at: cut, inside: Vec::new() }),
                }
                Arc::new(crashing)
            });
            let leaf = Leaf { answers: Decisions::new(), asked: 0 };
            let left = (down.letters_left, down.crashes_left - 1);
            self.crash(down, &leaf, &killed, Some(&without_power), left, |run| {
                run.cut_next_start(kill);
                run.live();
            });
        }
    }

    /// Crashes in every way that decisions fall on the way there, and looks at what is left, no more.
    pub(super) fn crash_without_following_up(
        &mut self,
        down: &Down<'a>,
        leaf: &Leaf,
        crashing: &Arc<Scenario>,
        until_it_crashes: impl Fn(&mut Runner<'a>),
    ) {
        self.crash(down, leaf, crashing, None, (0, 0), until_it_crashes);
    }

    /// Crashes in every way that decisions fall on the way there, and follows up on each, with so many letters and crashes. If it is
    /// by a kill, the scenario in which the power goes instead is tried from the same runs.
    fn crash(
        &mut self,
        down: &Down<'a>,
        leaf: &Leaf,
        crashing: &Arc<Scenario>,
        without_power: Option<&Arc<Scenario>>,
        (letters_left, crashes_left): (u32, u32),
        until_it_crashes: impl Fn(&mut Runner<'a>),
    ) {
        let before = down.run.crashes();
        let after = |run, scenario: &Arc<Scenario>, decisions| Down {
            run,
            scenario: scenario.clone(),
            decisions,
            letters_left,
            crashes_left,
        };
        let mut next = Some(leaf.decider());
        while let Some(decide) = next {
            if self.stopped() {
                return;
            }
            let mut run = down.run.fork(crashing, decide);
            until_it_crashes(&mut run);
            let decide = run.take_decider();
            let decisions = with(&down.decisions, &decide.answers());
            if run.crashes() == before {
                self.judge(run, crashing, &decisions);
            } else {
                let killed = after(run, crashing, decisions);
                if let Some(scenario) = without_power {
                    self.lose_power_instead(&killed, scenario, &after);
                }
                self.follow_up(&killed);
            }
            next = decide.next();
        }
    }

    /// Has the power go where a run was killed.
    fn lose_power_instead(
        &mut self,
        killed: &Down<'a>,
        scenario: &Arc<Scenario>,
        after: &impl Fn(Runner<'a>, &Arc<Scenario>, Decisions) -> Down<'a>,
    ) {
        let mut next = Some(Decider::branching(Decisions::new(), 0));
        while let Some(decide) = next {
            let run = killed.run.with_power_lost(scenario, decide);
            let decide = run.take_decider();
            let decisions = with(&killed.decisions, &decide.answers());
            self.follow_up(&after(run, scenario, decisions));
            next = decide.next();
        }
    }

    /// Everything that follows on a crash, unless it led to what was met before.
    fn follow_up(&mut self, down: &Down<'a>) {
        self.report.counts.crash_points += 1;
        let seen = (outcome::digest(&down.run.history()), down.run.digest());
        if self.met.insert(seen) {
            self.descend(down);
        } else {
            let states = down.run.crash_states();
            self.report.counts.deduced = self.report.counts.deduced.saturating_add(states);
        }
    }
}

/// The scenario with one more crash, in this operation.
pub(super) fn crashing(scenario: &Scenario, op: u32, at: Cut) -> Arc<Scenario> {
    let mut crashing = scenario.clone();
    crashing.crashes.push(CrashPlan { op: Some(op), at, inside: Vec::new() });
    Arc::new(crashing)
}

/// Has a run that forked from this one go on until it crashes once more, or comes to its end.
pub(super) fn until_another_crash<'a>(down: &Down<'a>) -> impl Fn(&mut Runner<'a>) + use<'a> {
    let before = down.run.crashes();
    move |run| while run.crashes() == before && run.live() {}
}

/// Where to crash among these calls, by a loss of power and by a kill.
pub(super) fn cuts(calls: &Calls, before: bool) -> Vec<Cut> {
    kills(calls, before).into_iter().flat_map(both).collect()
}

/// Where to kill a process among these calls: before the first that changes something if nothing else did that, after each, inside
/// of each write, and at the end, when the client was told.
pub(super) fn kills(calls: &Calls, before: bool) -> Vec<Cut> {
    let changes: Vec<&Class> = calls.iter().copied().filter(|class| class.changes).collect();
    let mut points = Vec::new();
    if before {
        points.push((0, When::Before));
    }
    for (change, class) in changes.iter().enumerate() {
        if class.within != Within::Nothing {
            points.push((change as u32, When::Within));
        }
        points.push((change as u32, When::After));
    }
    points.push((changes.len() as u32, When::After));
    points.into_iter().map(|(change, when)| Cut::new(change, when, CrashKind::Kill)).collect()
}

/// The same instant by a kill and by a loss of power.
fn both(kill: Cut) -> [Cut; 2] {
    [kill, Cut { kind: CrashKind::Power, ..kill }]
}
