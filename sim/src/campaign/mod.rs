//! Many runs in parallel: one world a thread, chunks of seeds handed out in order, one result channel.
//!
//! The result does not depend on how many threads there are: chunks are merged in the order of their seeds, and unless all
//! failures are wanted, nothing behind the first failing seed is counted. Memory does not grow with the number of runs.

use crate::check::INVARIANTS;
use crate::decide::Decider;
use crate::determinism::{Diverged, Elsewhere, Sample};
use crate::panics;
use crate::run::Exercised;
use crate::scenario::generate::{Wishes, generate};
use crate::target::Target;
use crate::trace::TraceHash;
use crate::trial::{Trial, trial};
use asl_host::Capabilities;
use crossbeam_channel::bounded;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Seeds that a worker takes at once.
const CHUNK: u64 = 32;
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
}

/// A run that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// What a campaign did and found.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Runs that count.
    pub runs: u64,
    /// Runs that failed.
    pub failed: u64,
    /// The failures, in the order of their seeds; at most [`FAILURES_MAX`].
    pub failures: Vec<Failure>,
    /// How many runs failed with each signature.
    pub signatures: BTreeMap<String, u64>,
    /// What happened to the hosts, by name.
    pub totals: Totals,
    /// How often each invariant was checked, in the order of [`INVARIANTS`].
    pub armed: Vec<u64>,
    /// Runs that were repeated in another process.
    pub repeated: u64,
    /// Those of them that did another thing there, in the order of their seeds; at most [`FAILURES_MAX`].
    pub diverged: Vec<Diverged>,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// A bug of the simulator: the seed, and what it said.
    pub bug: Option<(u64, String)>,
}

/// Sums over all runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals(BTreeMap<&'static str, u64>);

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

/// Time since a campaign began. Nothing in a run depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts it.
    #[expect(clippy::disallowed_methods, reason = "how long a campaign takes is a fact of this world")]
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
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

/// Carries out a campaign. `progress` can be watched, and stops it, from another thread.
pub fn run(campaign: &Campaign, progress: &Progress) -> Summary {
    run_with(campaign, Conduct::default(), progress)
}

/// Carries out a campaign, in a way of its own.
pub fn run_with(campaign: &Campaign, conduct: Conduct<'_>, progress: &Progress) -> Summary {
    let capabilities = capabilities(&campaign.target, &campaign.wishes);
    let jobs = campaign.jobs.max(1);
    let (hand_out, tasks) = bounded::<u64>(jobs * 2);
    let (report, results) = bounded::<(u64, Summary)>(jobs * 2);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (tasks, report, capabilities) = (tasks.clone(), report.clone(), &capabilities);
            scope.spawn(move || {
                for chunk in tasks {
                    let result = run_chunk(campaign, conduct, capabilities, chunk, progress);
                    if report.send((chunk, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop((tasks, report));
        let chunks = campaign.seeds.div_ceil(CHUNK);
        let mut merged = Merged::new();
        let (mut next, mut outstanding) = (0, 0);
        loop {
            // No more than two chunks a thread are out, so that what waits to be merged is bounded.
            while next < chunks
                && outstanding < jobs * 2
                && next < merged.next + 8 * jobs as u64
                && !merged.done
            {
                if progress.stop.load(Ordering::Relaxed) || hand_out.send(next).is_err() {
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
            merged.add(chunk, result, campaign.keep_going);
        }
        drop(hand_out);
        let mut summary = merged.finish(campaign.keep_going);
        summary.interrupted = progress.stop.load(Ordering::Relaxed) && !merged_everything(&summary, campaign);
        summary
    })
}

fn merged_everything(summary: &Summary, campaign: &Campaign) -> bool {
    summary.runs == campaign.seeds || summary.ends(campaign.keep_going)
}

/// Chunks put together in their order.
struct Merged {
    total: Summary,
    waiting: BTreeMap<u64, Summary>,
    /// The next chunk to be put in.
    next: u64,
    done: bool,
}

impl Merged {
    fn new() -> Merged {
        let total = Summary { armed: vec![0; INVARIANTS.len()], ..Summary::default() };
        Merged { total, waiting: BTreeMap::new(), next: 0, done: false }
    }

    fn add(&mut self, chunk: u64, result: Summary, keep_going: bool) {
        self.waiting.insert(chunk, result);
        while let Some(result) = self.waiting.remove(&self.next) {
            self.next += 1;
            if self.done {
                continue;
            }
            self.done = result.ends(keep_going);
            self.put_in(result);
        }
    }

    fn put_in(&mut self, result: Summary) {
        let total = &mut self.total;
        total.runs += result.runs;
        total.failed += result.failed;
        total.failures.extend(result.failures);
        total.failures.truncate(FAILURES_MAX);
        total.repeated += result.repeated;
        total.diverged.extend(result.diverged);
        total.diverged.truncate(FAILURES_MAX);
        for (signature, count) in result.signatures {
            *total.signatures.entry(signature).or_default() += count;
        }
        total.totals.merge(&result.totals);
        total.armed.iter_mut().zip(&result.armed).for_each(|(sum, count)| *sum += count);
        total.bug = total.bug.take().or(result.bug);
    }

    /// What an interruption left behind a gap counts too, up to what ends the campaign.
    fn finish(mut self, keep_going: bool) -> Summary {
        for result in std::mem::take(&mut self.waiting).into_values() {
            if self.total.ends(keep_going) {
                break;
            }
            self.put_in(result);
        }
        self.total
    }
}

fn run_chunk(
    campaign: &Campaign,
    conduct: Conduct<'_>,
    capabilities: &Capabilities,
    chunk: u64,
    progress: &Progress,
) -> Summary {
    let mut summary = Summary { armed: vec![0; INVARIANTS.len()], ..Summary::default() };
    for index in chunk * CHUNK..campaign.seeds.min((chunk + 1) * CHUNK) {
        if progress.stop.load(Ordering::Relaxed) {
            break;
        }
        let seed = campaign.base_seed.wrapping_add(index);
        let wishes = &campaign.wishes;
        let trial = match panics::caught(|| run_seed(&campaign.target, seed, wishes, capabilities, false)) {
            Ok(trial) => trial,
            Err(said) => {
                summary.bug = Some((seed, said));
                return summary;
            }
        };
        summary.runs += 1;
        progress.runs.fetch_add(1, Ordering::Relaxed);
        summary.totals.add(&trial.outcome.exercised);
        summary.armed.iter_mut().zip(&trial.verdict.armed).for_each(|(sum, &count)| *sum += u64::from(count));
        repeat(conduct, index, seed, trial.outcome.trace, &mut summary);
        if let Some(signature) = trial.signature() {
            summary.failed += 1;
            progress.failed.fetch_add(1, Ordering::Relaxed);
            let hang = trial.verdict.violations.is_empty();
            *summary.signatures.entry(signature.clone()).or_default() += 1;
            summary.failures.push(Failure { index, seed, signature, hang, trace: trial.outcome.trace });
        }
        if summary.ends(campaign.keep_going) {
            break;
        }
    }
    summary
}

/// Has a run made once more in another process, if it is one of the sample.
fn repeat(conduct: Conduct<'_>, index: u64, seed: u64, here: TraceHash, summary: &mut Summary) {
    let Some((elsewhere, sample)) = conduct.elsewhere else { return };
    if sample.takes(index)
        && let Some(there) = elsewhere.trace(seed)
    {
        summary.repeated += 1;
        if there != here {
            summary.diverged.push(Diverged { index, seed, here, there });
        }
    }
}

impl Summary {
    /// Whether what was found ends a campaign.
    fn ends(&self, keep_going: bool) -> bool {
        let found = self.failed > 0 || !self.diverged.is_empty();
        self.bug.is_some() || (found && !keep_going)
    }
}
