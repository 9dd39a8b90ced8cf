//! The search itself: from a point between two processes, recover in every way, crash again, go on, and end.
//!
//! A [`Down`] is such a point: the world after a crash (or before the first start), and the scenario and decisions that lead
//! there. A [`Leaf`] is one way to recover from it that clients, or a later crash, can tell from the others.

use super::{Counts, Found, Letter, Options, Progress, Report, alphabet, outcome};
use crate::check::judge_with;
use crate::decide::{Decider, Decisions, Site};
use crate::run::{Runner, Started};
use crate::runtime::CallKind;
use crate::scenario::generate::Reach;
use crate::scenario::{CrashKind, CrashPlan, Cut, FaultKind, Op, Scenario, When};
use crate::target::Target;
use crate::trial::{Trial, trial};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Ways to sample a crash point that has too many states.
const SAMPLES: u64 = 1_000;

/// A point between two processes.
pub(super) struct Down<'a> {
    pub(super) run: Runner<'a>,
    scenario: Arc<Scenario>,
    /// Answers that are not 0 and led here.
    decisions: Decisions,
    /// Letters that its workload has room for.
    letters_left: u32,
    crashes_left: u32,
}

/// A way to recover.
pub(super) struct Leaf {
    pub(super) answers: Decisions,
    /// How many questions were asked for it.
    pub(super) asked: usize,
}

impl Leaf {
    /// Answers as it did, and then in every way.
    fn decider(&self) -> Decider {
        Decider::branching(self.answers.clone(), self.asked)
    }
}

/// The calls of one site.
pub(super) type Calls = Vec<CallKind>;

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
                task.end(&fresh, &leaf, &fresh.scenario, Site::Closing);
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
    report: Report,
    /// Points between processes, and recovered states, that were met: carried on once.
    met: BTreeSet<(u128, u128)>,
    /// What a failure is called at first sight, and after it was tried as a case.
    signatures: BTreeMap<String, String>,
}

impl<'s, 'a> Task<'s, 'a> {
    fn new(search: &'s Search<'a>, word: Vec<&'static str>) -> Task<'s, 'a> {
        Task { search, word, report: Report::default(), met: BTreeSet::new(), signatures: BTreeMap::new() }
    }

    pub(super) fn report_mut(&mut self) -> &mut Report {
        &mut self.report
    }

    fn stopped(&self) -> bool {
        self.search.progress.stop.load(Ordering::Relaxed)
    }

    /// Everything that follows on a crash.
    fn descend(&mut self, down: &Down<'a>) {
        let (leaves, calls) = self.recover(down);
        if down.crashes_left > 0 {
            self.crash_in_start(down, &calls);
        }
        for leaf in leaves {
            if self.stopped() {
                return;
            }
            let failed = self.end(down, &leaf, &down.scenario, Site::Closing).is_none();
            if !failed && down.crashes_left > 0 {
                self.go_on(down, &leaf, &down.scenario, down.letters_left);
            }
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
            for cut in cuts(&calls, true) {
                self.crash_in_op(down, leaf, &scenario, (op, cut), letters_left);
            }
        }
        Some(scenario)
    }

    /// Recovers in every way, and says which ways there are; and which calls recovery makes.
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
                    Started::Up(_) => break true,
                    Started::Again => {}
                    Started::Never => break false,
                }
            };
            let decide = run.take_decider();
            let (answers, asked) = (decide.answers(), decide.asked());
            let outcome = outcome::digest(&run.history());
            tried += 1;
            widen(&mut calls, run.take_calls().remove(&site).unwrap_or_default());
            if run.crashes() > 0 {
                self.report.outcomes.insert(outcome);
            }
            if self.met.insert((outcome, run.digest())) {
                if up {
                    leaves.push(Leaf { answers, asked });
                } else {
                    self.judge(run, &down.scenario, &with(&down.decisions, &answers));
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
        let mut all = BTreeMap::<Site, Calls>::new();
        let mut sound = true;
        let mut next = Some(leaf.decider());
        while let Some(decide) = next {
            let mut run = down.run.fork(scenario, decide);
            run.record_calls();
            while !run.is_ending() && run.live() {}
            let decide = run.take_decider();
            for (site, calls) in run.take_calls().into_iter().filter(|(site, _)| *site >= from) {
                widen(all.entry(site).or_default(), calls);
            }
            let decisions = with(&down.decisions, &decide.answers());
            sound &= if run.is_ending() {
                self.last_look(&run, scenario, &decisions)
            } else {
                self.judge(run, scenario, &decisions)
            };
            next = decide.next();
        }
        sound.then_some(all)
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

    fn crash_in_op(
        &mut self,
        down: &Down<'a>,
        leaf: &Leaf,
        scenario: &Arc<Scenario>,
        (op, cut): (u32, Cut),
        letters_left: u32,
    ) {
        let mut crashing = Scenario::clone(scenario);
        crashing.crashes.push(CrashPlan { op: Some(op), at: cut, inside: Vec::new() });
        let before = down.run.crashes();
        let until_it_crashes = |run: &mut Runner<'a>| while run.crashes() == before && run.live() {};
        let left = (letters_left, down.crashes_left - 1);
        self.crash(down, leaf, &Arc::new(crashing), left, until_it_crashes);
    }

    /// Crashes at each change that a start makes, whichever way it recovers.
    fn crash_in_start(&mut self, down: &Down<'a>, calls: &Calls) {
        for cut in cuts(calls, false) {
            let mut crashing = Scenario::clone(&down.scenario);
            match crashing.crashes.last_mut() {
                Some(plan) => plan.inside.push(cut),
                None => crashing.crashes.push(CrashPlan { op: None, at: cut, inside: Vec::new() }),
            }
            let leaf = Leaf { answers: Decisions::new(), asked: 0 };
            let left = (down.letters_left, down.crashes_left - 1);
            self.crash(down, &leaf, &Arc::new(crashing), left, |run| {
                run.cut_next_start(cut);
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
        self.crash(down, leaf, crashing, (0, 0), until_it_crashes);
    }

    /// Crashes in every way that decisions fall on the way there, and follows up on each, with so many letters and crashes.
    fn crash(
        &mut self,
        down: &Down<'a>,
        leaf: &Leaf,
        crashing: &Arc<Scenario>,
        (letters_left, crashes_left): (u32, u32),
        until_it_crashes: impl Fn(&mut Runner<'a>),
    ) {
        let before = down.run.crashes();
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
                self.report.counts.crash_points += 1;
                let states = run.crash_states();
                if self.met.insert((outcome::digest(&run.history()), run.digest())) {
                    self.descend(&Down {
                        run,
                        scenario: crashing.clone(),
                        decisions,
                        letters_left,
                        crashes_left,
                    });
                } else {
                    self.report.counts.deduced = self.report.counts.deduced.saturating_add(states);
                }
            }
            next = decide.next();
        }
    }

    /// Whether the contract allows what clients saw. If not, the run is tried as the case that it would be stored as.
    fn judge(&mut self, run: Runner<'a>, scenario: &Arc<Scenario>, decisions: &Decisions) -> bool {
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

/// Where to crash among these calls: before the first that changes something if nothing else did that, after each, inside of each
/// write, and at the end, when the client was told; each time by a loss of power and by a kill.
pub(super) fn cuts(calls: &Calls, before: bool) -> Vec<Cut> {
    let changes: Vec<&CallKind> = calls.iter().filter(|kind| kind.is_change()).collect();
    let mut points = Vec::new();
    if before {
        points.push((0, When::Before));
    }
    for (change, kind) in changes.iter().enumerate() {
        if **kind == CallKind::Write {
            points.push((change as u32, When::Within));
        }
        points.push((change as u32, When::After));
    }
    points.push((changes.len() as u32, When::After));
    let kinds = [CrashKind::Power, CrashKind::Kill];
    let both = |(change, when)| kinds.map(|kind| Cut { change, when, kind });
    points.into_iter().flat_map(both).collect()
}

/// Calls at a site, of runs that did different things there: a write wins, since it can be crashed in more ways.
fn widen(calls: &mut Calls, other: Calls) {
    for (at, kind) in other.into_iter().enumerate() {
        match calls.get_mut(at) {
            Some(known) if kind == CallKind::Write => *known = kind,
            Some(_) => {}
            None => calls.push(kind),
        }
    }
}

fn with(decisions: &Decisions, others: &Decisions) -> Decisions {
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
