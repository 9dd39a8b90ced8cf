//! Many runs in parallel: one world a thread, chunks of seeds handed out in order, one result channel.
//!
//! The result does not depend on how many threads there are: chunks are merged in the order of their seeds, and unless all
//! failures are wanted, nothing behind the first failing seed is counted. Memory does not grow with the number of runs.
//! What is merged is kept in a file from time to time, so that a campaign that was killed can go on ([`keep`]).

pub mod keep;
mod merge;
mod shard;

pub use crate::base::Stopwatch;
pub use crate::trial::{capabilities, run_seed, settle_seed};
pub use shard::Shard;

use crate::base::panics;
use crate::base::trace::TraceHash;
use crate::check::INVARIANTS;
use crate::determinism::{Diverged, Elsewhere, Ending, Sample};
use crate::hosts::Target;
use crate::run::Exercised;
use crate::scenario::generate::Wishes;
use crate::trial::Trial;
use asl_host::Capabilities;
use crossbeam_channel::{Receiver, Sender, bounded};
use keep::Keeper;
use merge::{Chunk, Merged};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Seeds that a worker takes at once.
const CHUNK: u64 = 32;
/// The same, where a run starts programs and takes a thousand times as long.
const CHUNK_OF_PROGRAMS: u64 = 2;
/// Failures that are kept when all are wanted: a campaign that finds more has found enough.
pub const FAILURES_MAX: usize = 10_000;

/// What a campaign is to do.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// The host.
    pub target: Target,
    /// What the scenarios should be like.
    pub wishes: Wishes,
    /// Run `i` has the seed `base_seed + i`.
    pub base_seed: u64,
    /// How many runs.
    pub seeds: u64,
    /// How many threads.
    pub jobs: usize,
    /// Whether to go on after a failure.
    pub keep_going: bool,
}

/// How a campaign is carried out besides; without any of it, it makes all of its runs and nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conduct<'a> {
    /// Another process that repeats some of the runs, and which ones.
    pub elsewhere: Option<(&'a Elsewhere, Sample)>,
    /// Which of the runs.
    pub shard: Shard,
    /// For how long from now, if not until all runs are made.
    pub time_max: Option<Duration>,
    /// So many runs are made even if the time is up before.
    pub runs_min: u64,
    /// Signatures of failures that are known: they are counted apart, and end nothing.
    pub known: Option<&'a BTreeSet<String>>,
    /// Keeps what was done, and what was done before.
    pub keeper: Option<&'a Keeper>,
}

/// A run that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which run.
    pub index: u64,
    /// Its seed.
    pub seed: u64,
    /// What tells it from others.
    pub signature: String,
    /// Whether it hung, rather than broke an invariant.
    pub hang: bool,
    /// The hash of its trace.
    pub trace: TraceHash,
}

/// A run that is not made, because it ends the process that makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fatal {
    /// Which run.
    pub index: u64,
    /// Its seed.
    pub seed: u64,
    /// How the process ended that made it, or that it did not answer.
    pub ending: Ending,
}

/// What a campaign did and found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Runs that count.
    pub runs: u64,
    /// Runs that failed.
    pub failed: u64,
    /// The failures, in the order of their seeds; at most [`FAILURES_MAX`].
    pub failures: Vec<Failure>,
    /// How many runs failed with each signature.
    pub signatures: BTreeMap<String, u64>,
    /// How many runs failed in a way that is known, by signature. They are not among those that failed.
    pub known: BTreeMap<String, u64>,
    /// Runs that were left out because they end the process that makes them. They are not among those that failed.
    pub fatal: Vec<Fatal>,
    /// What happened to the hosts, by name.
    pub totals: Totals,
    /// How often each invariant was checked, in the order of [`INVARIANTS`], then of the target's own.
    pub armed: Vec<u64>,
    /// Runs that were repeated in another process.
    pub repeated: u64,
    /// Those of them that did another thing there, in the order of their seeds; at most [`FAILURES_MAX`].
    pub diverged: Vec<Diverged>,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// Whether its time was up before all runs were made.
    pub time_is_up: bool,
    /// A bug of the simulator: the seed, and what it said.
    pub bug: Option<(u64, String)>,
}

/// Sums over all runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, u64>")]
pub struct Totals(BTreeMap<&'static str, u64>);

impl From<BTreeMap<String, u64>> for Totals {
    fn from(sums: BTreeMap<String, u64>) -> Totals {
        let mut totals = Totals::default();
        Exercised::default().each(|name, _| {
            totals.0.insert(name, sums.get(name).copied().unwrap_or(0));
        });
        totals
    }
}

impl Totals {
    fn add(&mut self, exercised: &Exercised) {
        exercised.each(|name, count| *self.0.entry(name).or_default() += count);
    }

    fn merge(&mut self, other: &Totals) {
        for (name, count) in &other.0 {
            *self.0.entry(name).or_default() += count;
        }
    }

    /// The sum under a name, 0 if there is none.
    pub fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// All sums, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.0.iter().map(|(name, count)| (*name, *count))
    }
}

/// What is known while a campaign goes on.
#[derive(Debug, Default)]
pub struct Progress {
    /// Set to end it early.
    pub stop: AtomicBool,
    /// Runs so far.
    pub runs: AtomicU64,
    /// Failures so far.
    pub failed: AtomicU64,
}

/// Carries out a campaign. `progress` can be watched, and stops it, from another thread.
pub fn run(campaign: &Campaign, progress: &Progress) -> Summary {
    run_with(campaign, Conduct::default(), progress)
}

/// Carries out a campaign, in a way of its own.
pub fn run_with(campaign: &Campaign, conduct: Conduct<'_>, progress: &Progress) -> Summary {
    let (jobs, watch) = (campaign.jobs.max(1), Stopwatch::start());
    let work = Work {
        campaign,
        conduct,
        capabilities: capabilities(&campaign.target, &campaign.wishes),
        progress,
        watch,
    };
    let (hand_out, tasks) = bounded::<u64>(jobs * 2);
    let (report, results) = bounded::<(u64, Chunk)>(jobs * 2);
    std::thread::scope(|scope| {
        for worker in 0..jobs {
            let (tasks, report, work) = (tasks.clone(), report.clone(), &work);
            scope.spawn(move || {
                for chunk in tasks {
                    let result = work.run_chunk(worker, chunk);
                    if report.send((chunk, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop((tasks, report));
        work.hand_out_and_merge(hand_out, &results)
    })
}

/// What the threads of a campaign share.
struct Work<'a> {
    campaign: &'a Campaign,
    conduct: Conduct<'a>,
    capabilities: Capabilities,
    progress: &'a Progress,
    watch: Stopwatch,
}

impl Work<'_> {
    /// How many runs there are to make.
    fn runs(&self) -> u64 {
        self.conduct.shard.count(self.campaign.seeds)
    }

    fn chunk_len(&self) -> u64 {
        if self.campaign.target.is_a_program() { CHUNK_OF_PROGRAMS } else { CHUNK }
    }

    fn is_stopped(&self) -> bool {
        self.progress.stop.load(Ordering::Relaxed)
    }

    /// Whether the time is up, and all runs were made that are made in any case.
    fn time_is_up(&self, runs: u64) -> bool {
        let is_up = |time_max| self.watch.elapsed() >= time_max;
        runs >= self.conduct.runs_min && self.conduct.time_max.is_some_and(is_up)
    }

    fn hand_out_and_merge(&self, hand_out: Sender<u64>, results: &Receiver<(u64, Chunk)>) -> Summary {
        let keep_going = self.campaign.keep_going;
        let (chunks, jobs) = (self.runs().div_ceil(self.chunk_len()), self.campaign.jobs.max(1));
        let mut merged = Merged::new(self.conduct.keeper.map(Keeper::begun), keep_going);
        let (mut next, mut outstanding) = (merged.next, 0);
        loop {
            // No more than two chunks a thread are out, so that what waits to be merged is bounded.
            while next < chunks
                && outstanding < jobs * 2
                && next < merged.next + 8 * jobs as u64
                && !merged.done
            {
                let runs = next * self.chunk_len();
                if self.is_stopped() || self.time_is_up(runs) || hand_out.send(next).is_err() {
                    break;
                }
                next += 1;
                outstanding += 1;
            }
            if outstanding == 0 {
                break;
            }
            let Ok((chunk, result)) = results.recv() else { break };
            outstanding -= 1;
            merged.add(chunk, result, keep_going);
            if let Some(keeper) = self.conduct.keeper {
                keeper.keep_if_due(merged.next, &merged.total);
            }
        }
        // The workers have nothing more to wait for.
        drop(hand_out);
        if let Some(keeper) = self.conduct.keeper {
            keeper.keep(merged.next, &merged.total);
        }
        let mut summary = merged.finish(keep_going);
        let all = summary.runs == self.runs() || summary.ends(keep_going);
        summary.interrupted = self.is_stopped() && !all;
        summary.time_is_up = self.time_is_up(summary.runs) && !summary.interrupted && !all;
        summary
    }

    fn run_chunk(&self, worker: usize, chunk: u64) -> Chunk {
        let mut summary = Summary { armed: vec![0; INVARIANTS.len()], ..Summary::default() };
        let keep = |seed| self.conduct.keeper.iter().for_each(|keeper| keeper.at_work(worker, seed));
        let len = self.chunk_len();
        for nth in chunk * len..self.runs().min((chunk + 1).saturating_mul(len)) {
            if self.is_stopped() || self.time_is_up(nth) {
                keep(None);
                return Chunk { summary, whole: false };
            }
            let index = self.conduct.shard.index(nth);
            let seed = self.campaign.base_seed.wrapping_add(index);
            keep(Some(seed));
            self.make(nth, index, seed, &mut summary);
            if summary.ends(self.campaign.keep_going) {
                break;
            }
        }
        keep(None);
        Chunk { summary, whole: true }
    }

    /// Makes one run, and counts what came of it.
    fn make(&self, nth: u64, index: u64, seed: u64, summary: &mut Summary) {
        if let Some(ending) = self.conduct.keeper.and_then(|keeper| keeper.fatal(seed)) {
            summary.runs += 1;
            self.progress.failed.fetch_add(1, Ordering::Relaxed);
            summary.fatal.push(Fatal { index, seed, ending: ending.clone() });
            return;
        }
        let Campaign { target, wishes, .. } = self.campaign;
        let made = panics::caught(|| {
            let trial = run_seed(target, seed, wishes, &self.capabilities, false);
            // Silence of a process may be the machine's: it counts when it is there a second time.
            let silent = target.is_a_program() && trial.outcome.history.stuck().is_some();
            if silent { run_seed(target, seed, wishes, &self.capabilities, false) } else { trial }
        });
        let trial = match made {
            Ok(trial) => trial,
            Err(said) => {
                summary.bug = Some((seed, said));
                return;
            }
        };
        summary.runs += 1;
        self.progress.runs.fetch_add(1, Ordering::Relaxed);
        summary.totals.add(&trial.outcome.exercised);
        summary.count_checks(trial.verdict.armed.iter().map(|&count| u64::from(count)));
        self.repeat(nth, index, seed, trial.outcome.trace, summary);
        self.count_failure(index, seed, &trial, summary);
    }

    fn count_failure(&self, index: u64, seed: u64, trial: &Trial, summary: &mut Summary) {
        let Some(signature) = trial.signature() else { return };
        if self.conduct.known.is_some_and(|known| known.contains(&signature)) {
            *summary.known.entry(signature).or_default() += 1;
            return;
        }
        summary.failed += 1;
        self.progress.failed.fetch_add(1, Ordering::Relaxed);
        let hang = trial.verdict.violations.is_empty();
        *summary.signatures.entry(signature.clone()).or_default() += 1;
        summary.failures.push(Failure { index, seed, signature, hang, trace: trial.outcome.trace });
    }

    /// Has a run made once more in another process, if it is one of the sample.
    fn repeat(&self, nth: u64, index: u64, seed: u64, here: TraceHash, summary: &mut Summary) {
        let Some((elsewhere, sample)) = self.conduct.elsewhere else { return };
        if sample.takes(nth)
            && let Some(there) = elsewhere.trace(seed)
        {
            summary.repeated += 1;
            if there != here {
                summary.diverged.push(Diverged { index, seed, here, there });
            }
        }
    }
}

impl Summary {
    /// Adds how often each invariant was checked.
    fn count_checks(&mut self, counts: impl ExactSizeIterator<Item = u64>) {
        // A target may have invariants of its own.
        self.armed.resize(self.armed.len().max(counts.len()), 0);
        self.armed.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }

    /// Whether what was found ends a campaign.
    fn ends(&self, keep_going: bool) -> bool {
        let found = self.failed > 0 || !self.diverged.is_empty() || !self.fatal.is_empty();
        self.bug.is_some() || (found && !keep_going)
    }
}
