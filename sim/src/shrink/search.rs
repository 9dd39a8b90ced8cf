//! Tries smaller runs, several at a time, and keeps the first in their order that fails in the same way.

use super::{Options, Progress};
use crate::base::Stopwatch;
use crate::base::decide::{Decider, Decisions};
use crate::base::panics;
use crate::hosts::Target;
use crate::scenario::Scenario;
use crate::trial::{Trial, trial};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A run that may fail in the same way.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) scenario: Arc<Scenario>,
    pub(super) decisions: Decisions,
}

impl Candidate {
    pub(super) fn new(scenario: Scenario, decisions: Decisions) -> Candidate {
        Candidate { scenario: Arc::new(scenario), decisions }
    }

    /// The ways for its decisions to fall, from 0: as they are; then, in turn, drawn anew, and drawn where there are none.
    fn decider(&self, way: u32) -> Decider {
        let seed = u64::from(way.div_ceil(2));
        match way {
            0 => Decider::replaying(self.decisions.clone()),
            way if way % 2 == 1 => Decider::seeded(seed),
            _ => Decider::completing(self.decisions.clone(), seed),
        }
    }
}

/// What makes one run smaller than another, what weighs most first. Only ever goes down, so that every search ends.
pub(super) type Weight = (usize, usize, usize, u64, usize);

/// A search under way.
pub(super) struct Search<'a> {
    target: &'a Target,
    signature: String,
    jobs: usize,
    watch: Stopwatch,
    time_max: Duration,
    progress: &'a Progress,
    best: Candidate,
    tries: u64,
    cut_short: AtomicBool,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        target: &'a Target,
        failing: &Trial,
        options: &Options,
        progress: &'a Progress,
    ) -> Search<'a> {
        let ops = failing.scenario.ops.len() as u64;
        progress.ops_before.store(ops, Ordering::Relaxed);
        progress.ops_now.store(ops, Ordering::Relaxed);
        let best =
            Candidate { scenario: failing.scenario.clone(), decisions: failing.outcome.decisions.clone() };
        Search {
            target,
            signature: failing.signature().expect("a run that is made small has failed"),
            jobs: options.jobs.max(1),
            watch: Stopwatch::start(),
            time_max: options.time_max,
            progress,
            best,
            tries: 0,
            cut_short: AtomicBool::new(false),
        }
    }

    /// The smallest failing run so far.
    pub(super) fn best(&self) -> &Candidate {
        &self.best
    }

    pub(super) fn scenario(&self) -> &Scenario {
        &self.best.scenario
    }

    /// How big it is. Decisions weigh last: what is not in the map is the simplest.
    pub(super) fn weight(&self) -> Weight {
        let scenario = self.scenario();
        let inside: usize = scenario.crashes.iter().map(|plan| plan.inside.len()).sum();
        let troubles = scenario.faults.len() + scenario.full.len() + scenario.clock_jumps.len();
        let bytes = scenario.ops.iter().filter_map(|op| op.action.payload());
        let bytes = bytes.map(super::details::payload_weight).sum();
        (
            scenario.ops.len(),
            scenario.crashes.len() + inside,
            troubles,
            bytes,
            super::details::plainness(scenario),
        )
    }

    /// Whether neither time nor a stop has ended it.
    pub(super) fn goes_on(&self) -> bool {
        if self.progress.stop.load(Ordering::Relaxed) || self.watch.elapsed() >= self.time_max {
            self.cut_short.store(true, Ordering::Relaxed);
        }
        !self.cut_short.load(Ordering::Relaxed)
    }

    /// Tries candidates in their order, each in all ways before the next; the first that fails in the same way is the best from
    /// now on. Says which it was.
    pub(super) fn first(&mut self, candidates: &[Candidate], ways: u32) -> Option<usize> {
        let per_candidate = ways as usize + 1;
        let count = candidates.len() * per_candidate;
        let (next, found) = (AtomicUsize::new(0), Mutex::new(Found::default()));
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count || found.lock().expect(UNPOISONED).ends_before(index) || !self.goes_on() {
                    return;
                }
                let candidate = &candidates[index / per_candidate];
                let result = panics::caught(|| self.attempt(candidate, (index % per_candidate) as u32));
                found.lock().expect(UNPOISONED).add(index, result);
            }
        };
        if self.jobs == 1 || count < 4 {
            work();
        } else {
            std::thread::scope(|scope| {
                for _ in 0..self.jobs.min(count) {
                    scope.spawn(work);
                }
            });
        }
        let found = found.into_inner().expect(UNPOISONED);
        self.tries += found.first.as_ref().map_or(count, |(index, _)| index + 1) as u64;
        self.progress.tries.store(self.tries, Ordering::Relaxed);
        if let Some(said) = found.bug {
            panic!("{said}");
        }
        let (index, smaller) = found.first?;
        self.best = smaller;
        self.progress.ops_now.store(self.scenario().ops.len() as u64, Ordering::Relaxed);
        Some(index / per_candidate)
    }

    /// The candidate as it went, if it failed in the same way.
    fn attempt(&self, candidate: &Candidate, way: u32) -> Option<Candidate> {
        let trial = trial(self.target, &candidate.scenario, &candidate.decider(way).recording());
        let same = trial.signature().as_ref() == Some(&self.signature);
        same.then_some(Candidate { scenario: trial.scenario, decisions: trial.outcome.decisions })
    }

    /// The smallest failing run, how many were tried, and whether the search came to its end.
    pub(super) fn finish(self) -> (Candidate, u64, bool) {
        (self.best, self.tries, !self.cut_short.into_inner())
    }
}

const UNPOISONED: &str = "nobody panics while holding it";

/// What the threads of one call found.
#[derive(Default)]
struct Found {
    first: Option<(usize, Candidate)>,
    /// What the simulator said when it panicked.
    bug: Option<String>,
}

impl Found {
    fn ends_before(&self, index: usize) -> bool {
        self.bug.is_some() || self.first.as_ref().is_some_and(|(first, _)| *first < index)
    }

    fn add(&mut self, index: usize, result: Result<Option<Candidate>, String>) {
        match result {
            Err(said) => self.bug = self.bug.take().or(Some(said)),
            Ok(Some(smaller)) if !self.ends_before(index) => self.first = Some((index, smaller)),
            Ok(_) => {}
        }
    }
}
