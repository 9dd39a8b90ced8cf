//! The search itself: from a point between two processes, recover in every way, crash again, go on, and end.
//!
//! A [`Down`] is such a point: the world after a crash (or before the first start), and the scenario and decisions that lead
//! there. A [`Leaf`] is one way to recover from it that clients, or a later crash, can tell from the others.

use super::crashes::kills;
use super::{Counts, Found, Letter, Options, Progress, Report, alphabet, outcome};
use crate::base::decide::{Decider, Decisions, Site};
use crate::check::judge_with;
use crate::executor::{Class, Within};
use crate::hosts::Target;
use crate::run::{Runner, Started, Up};
use crate::scenario::generate::Reach;
use crate::scenario::{FaultKind, Op, Scenario};
use crate::trial::{Trial, trial};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Ways to sample a crash point that has too many states.
const SAMPLES: u64 = 1_000;

/// A point between two processes.
pub(super) struct Down<'a> {
    pub(super) run: Runner<'a>,
    pub(super) scenario: Arc<Scenario>,
    /// Answers that are not 0 and led here.
    pub(super) decisions: Decisions,
    /// Letters that its workload has room for.
    pub(super) letters_left: u32,
    pub(super) crashes_left: u32,
}

/// A way to recover.
pub(super) struct Leaf {
    pub(super) answers: Decisions,
    /// How many questions were asked for it.
    pub(super) asked: usize,
}

impl Leaf {
    /// Answers as it did, and then in every way.
    pub(super) fn decider(&self) -> Decider {
        Decider::branching(self.answers.clone(), self.asked)
    }
}

/// What the ways to an orderly end came to.
struct Ends {
    /// Calls count from this site on.
    from: Site,
    calls: BTreeMap<Site, Calls>,
    /// Whether none failed.
    sound: bool,
}

impl Ends {
    fn from(from: Site) -> Ends {
        Ends { from, calls: BTreeMap::new(), sound: true }
    }
}

/// The calls of one site.
pub(super) type Calls = Vec<&'static Class>;

/// What one thread explores with.
pub(super) struct Search<'a> {
    target: &'a Target,
    options: &'a Options,
    letters: &'a [Letter],
    progress: &'a Progress,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        target: &'a Target,
        options: &'a Options,
        letters: &'a [Letter],
        progress: &'a Progress,
    ) -> Search<'a> {
        Search { target, options, letters, progress }
    }

    /// Whether this kind of failure can come to the host: a program cannot be told that a client stopped waiting.
    pub(super) fn can_inject(&self, kind: FaultKind) -> bool {
        self.target.reach() == Reach::Everything || kind != FaultKind::Cancel
    }

    /// The world before the first start.
    pub(super) fn fresh(&self, scenario: &Arc<Scenario>) -> Down<'a> {
        Down {
            run: Runner::new(self.target, scenario, Decider::branching(Decisions::new(), 0)),
            scenario: scenario.clone(),
            decisions: Decisions::new(),
            letters_left: self.options.ops,
            crashes_left: self.options.crashes,
        }
    }

    /// Crashes a word in its last letter, and in all that may follow on that; the empty word in the creation of the store.
    pub(super) fn word(&self, word: &[usize]) -> Report {
        let letters: Vec<&Letter> = word.iter().map(|&at| &self.letters[at]).collect();
        let mut task = Task::new(self, letters.iter().map(|letter| letter.name).collect());
        let fresh = self.fresh(&Arc::new(self.options.scenario()));
        let leaf = Leaf { answers: Decisions::new(), asked: 0 };
        match letters.split_last() {
            None => {
                let (_, calls) = task.recover(&fresh);
                task.crash_in_start(&fresh, &calls);
            }
            Some((last, earlier)) => {
                let earlier = alphabet::spell(earlier, 0);
                let earlier = with_ops(&fresh.scenario, earlier);
                let letters_left = self.options.ops - word.len() as u32;
                task.letter(&fresh, &leaf, &earlier, last, letters_left);
                if self.options.failing_calls {
                    let all = with_ops(&earlier, alphabet::spell(&[*last], earlier.ops.len() as u32));
                    task.fail_each_call(self, &all);
                }
            }
        }
        task.report.counts.workloads = 1;
        self.progress.workloads.fetch_add(1, Ordering::Relaxed);
        task.report
    }
}

fn with_ops(scenario: &Scenario, ops: Vec<Op>) -> Arc<Scenario> {
    let mut scenario = scenario.clone();
    scenario.ops.extend(ops);
    Arc::new(scenario)
}

/// What is known of one word.
pub(super) struct Task<'s, 'a> {
    search: &'s Search<'a>,
    word: Vec<&'static str>,
    pub(super) report: Report,
    /// Points between processes, and recovered states, that were met: carried on once.
    pub(super) met: BTreeSet<(u128, u128)>,
    /// What a failure is called at first sight, and after it was tried as a case.
    signatures: BTreeMap<String, String>,
}

impl<'s, 'a> Task<'s, 'a> {
    fn new(search: &'s Search<'a>, word: Vec<&'static str>) -> Task<'s, 'a> {
        Task { search, word, report: Report::default(), met: BTreeSet::new(), signatures: BTreeMap::new() }
    }

    pub(super) fn stopped(&self) -> bool {
        self.search.progress.stop.load(Ordering::Relaxed)
    }

    /// Everything that follows on a crash.
    pub(super) fn descend(&mut self, down: &Down<'a>) {
        let (leaves, calls) = self.recover(down);
        if down.crashes_left == 0 {
            return;
        }
        self.crash_in_start(down, &calls);
        for leaf in leaves {
            if self.stopped() {
                return;
            }
            self.go_on(down, &leaf, &down.scenario, down.letters_left);
        }
    }

    /// After a recovery, every word that the workload has room for, crashed in each of its letters.
    fn go_on(&mut self, down: &Down<'a>, leaf: &Leaf, scenario: &Arc<Scenario>, letters_left: u32) {
        if letters_left == 0 {
            return;
        }
        for letter in self.search.letters {
            let left = letters_left - 1;
            if let Some(scenario) = self.letter(down, leaf, scenario, letter, left) {
                self.go_on(down, leaf, &scenario, left);
            }
        }
    }

    /// Adds a letter to a workload: ends after it, and crashes in each point of it. The scenario with it, unless it failed.
    fn letter(
        &mut self,
        down: &Down<'a>,
        leaf: &Leaf,
        scenario: &Arc<Scenario>,
        letter: &Letter,
        letters_left: u32,
    ) -> Option<Arc<Scenario>> {
        let first = scenario.ops.len() as u32;
        let scenario = with_ops(scenario, alphabet::spell(&[letter], first));
        let mut calls = self.end(down, leaf, &scenario, Site::Op(first))?;
        for op in first..scenario.ops.len() as u32 {
            let calls = calls.remove(&Site::Op(op)).unwrap_or_default();
            for cut in kills(&calls, true) {
                self.crash_in_op(down, leaf, &scenario, (op, cut), letters_left);
                if letter.has_two_processes() {
                    self.kill_one_in_op(down, leaf, &scenario, (op, cut), letters_left);
                }
            }
        }
        Some(scenario)
    }

    /// Recovers in every way, and ends each orderly. Says from which ways that went well there is to go on, and which calls recovery
    /// makes.
    fn recover(&mut self, down: &Down<'a>) -> (Vec<Leaf>, Calls) {
        let site = down.run.next_start();
        let states = down.run.crash_states();
        let (mut leaves, mut calls) = (Vec::new(), Calls::new());
        let mut tried = 0;
        let mut next = Some(Decider::branching(Decisions::new(), 0));
        while let Some(decide) = next.take() {
            let mut run = down.run.fork(&down.scenario, decide);
            run.record_calls();
            let up = loop {
                match run.start() {
                    Started::Up(up) => break Some(up),
                    Started::Again => {}
                    Started::Never => break None,
                }
            };
            let decide = run.take_decider();
            let outcome = outcome::digest(&run.history());
            tried += 1;
            widen(&mut calls, run.take_calls().remove(&site).unwrap_or_default());
            if run.crashes() > 0 {
                self.report.outcomes.insert(outcome);
            }
            if self.met.insert((outcome, run.digest())) {
                match up {
                    Some(up) => leaves.extend(self.end_recovered(down, run, up, &decide)),
                    None => drop(self.judge(run, &down.scenario, &with(&down.decisions, &decide.answers()))),
                }
            }
            next = self.next_state(decide, tried);
        }
        self.report.counts.recovered += tried;
        self.report.counts.deduced =
            self.report.counts.deduced.saturating_add(states.saturating_sub(tried.into()));
        self.search.progress.recovered.fetch_add(tried, Ordering::Relaxed);
        (leaves, calls)
    }

    /// Ends a run that has just recovered, in every way that decisions fall from there on: the first time it goes on itself. How it
    /// recovered, unless it fails.
    fn end_recovered(
        &mut self,
        down: &Down<'a>,
        mut run: Runner<'a>,
        up: Up,
        recovered: &Decider,
    ) -> Option<Leaf> {
        let leaf = Leaf { answers: recovered.answers(), asked: recovered.asked() };
        run.decide_by(recovered.clone().settled());
        if run.go_on(up) {
            while !run.is_ending() && run.live() {}
        }
        let mut ends = Ends::from(Site::Closing);
        let next = self.ended(run, down, &down.scenario, &mut ends);
        self.end_from(next, down, &down.scenario, &mut ends);
        ends.sound.then_some(leaf)
    }

    /// The next state to recover from; above the bound a few that are drawn.
    fn next_state(&mut self, decide: Decider, tried: u64) -> Option<Decider> {
        let bound = self.search.options.states_max;
        if self.stopped() || tried == bound.saturating_add(SAMPLES) {
            return None;
        }
        if tried < bound {
            return decide.next();
        }
        if tried == bound {
            decide.next()?;
            self.report.counts.sampled += 1;
        }
        Some(Decider::seeded(tried).trailing())
    }

    /// Goes on from a recovery with what is new in the scenario to an orderly end, in every way that the decisions fall, and judges
    /// it. The calls that were made at each site from `from` on; none if it fails.
    pub(super) fn end(
        &mut self,
        down: &Down<'a>,
        leaf: &Leaf,
        scenario: &Arc<Scenario>,
        from: Site,
    ) -> Option<BTreeMap<Site, Calls>> {
        let mut ends = Ends::from(from);
        self.end_from(Some(leaf.decider()), down, scenario, &mut ends);
        ends.sound.then_some(ends.calls)
    }

    /// Goes on so, and then in every way that comes after.
    fn end_from(
        &mut self,
        mut next: Option<Decider>,
        down: &Down<'a>,
        scenario: &Arc<Scenario>,
        ends: &mut Ends,
    ) {
        while let Some(decide) = next {
            let mut run = down.run.fork(scenario, decide);
            run.record_calls();
            while !run.is_ending() && run.live() {}
            next = self.ended(run, down, scenario, ends);
        }
    }

    /// Takes a look at a run that came to its end, orderly or not. The next way that decisions can fall.
    fn ended(
        &mut self,
        run: Runner<'a>,
        down: &Down<'a>,
        scenario: &Arc<Scenario>,
        ends: &mut Ends,
    ) -> Option<Decider> {
        let decide = run.take_decider();
        for (site, calls) in run.take_calls().into_iter().filter(|(site, _)| *site >= ends.from) {
            widen(ends.calls.entry(site).or_default(), calls);
        }
        let decisions = with(&down.decisions, &decide.answers());
        ends.sound &= if run.is_ending() {
            self.last_look(&run, scenario, &decisions)
        } else {
            self.judge(run, scenario, &decisions)
        };
        decide.next()
    }

    /// The last start after an orderly end, in every way.
    fn last_look(&mut self, ending: &Runner<'a>, scenario: &Arc<Scenario>, decisions: &Decisions) -> bool {
        let mut sound = true;
        let mut next = Some(Decider::branching(Decisions::new(), 0));
        while let Some(decide) = next {
            let mut run = ending.fork(scenario, decide);
            while run.live() {}
            let decide = run.take_decider();
            sound &= self.judge(run, scenario, &with(decisions, &decide.answers()));
            next = decide.next();
        }
        sound
    }

    /// Whether the contract allows what clients saw. If not, the run is tried as the case that it would be stored as.
    pub(super) fn judge(&mut self, run: Runner<'a>, scenario: &Arc<Scenario>, decisions: &Decisions) -> bool {
        let outcome = run.finish();
        let verdict = judge_with(&outcome.history, self.search.target.invariants());
        self.report.armed.resize(verdict.armed.len(), 0);
        self.report.armed.iter_mut().zip(&verdict.armed).for_each(|(sum, &count)| *sum += u64::from(count));
        let at_first_sight = Trial { scenario: scenario.clone(), outcome, verdict };
        let Some(signature) = at_first_sight.signature() else { return true };
        self.search.progress.failed.fetch_add(1, Ordering::Relaxed);
        let known = self.signatures.get(&signature).cloned();
        let signature = known.unwrap_or_else(|| self.found(signature, scenario, decisions));
        *self.report.signatures.entry(signature).or_default() += 1;
        false
    }

    fn found(&mut self, at_first_sight: String, scenario: &Arc<Scenario>, decisions: &Decisions) -> String {
        let decider = Decider::replaying(decisions.clone()).recording();
        let trial = trial(self.search.target, scenario, &decider);
        let signature = trial.signature().unwrap_or_else(|| {
            panic!("what was explored replays, but {at_first_sight} passed: {scenario:?}, {decisions:?}")
        });
        self.signatures.insert(at_first_sight, signature.clone());
        if self.report.found.iter().all(|found| found.trial.signature().as_ref() != Some(&signature)) {
            self.report.found.push(Found { word: self.word.clone(), trial });
        }
        signature
    }
}

/// Calls at a site, of runs that did different things there: a write wins, since it can be crashed in more ways.
fn widen(calls: &mut Calls, other: Calls) {
    for (at, class) in other.into_iter().enumerate() {
        match calls.get_mut(at) {
            Some(known) if class.within != Within::Nothing => *known = class,
            Some(_) => {}
            None => calls.push(class),
        }
    }
}

pub(super) fn with(decisions: &Decisions, others: &Decisions) -> Decisions {
    let mut all = decisions.clone();
    all.extend(others);
    all
}

impl Counts {
    /// All states that crashes may have left.
    pub fn states(&self) -> u128 {
        self.deduced.saturating_add(self.recovered.into())
    }
}
