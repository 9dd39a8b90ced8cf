//! How soon each specimen is found: the measure of the simulator itself.
//!
//! A [`hunt`] for a specimen is a few *rounds*, each a campaign from a base seed of its own until the first failure. What
//! counts is the median of the runs that it took, and whether every round ended by the invariant that the planted bug
//! breaks. A host without a planted bug is hunted too: there it is right that nothing is found.
//!
//! Which runs are made, and so how many it takes, depends on the base seed and the code only; how many seconds, on the
//! machine. Each round's failure is made small, within a time that is bounded; that is not part of the seconds.

pub mod past;

use crate::base::Stopwatch;
use crate::base::panics;
use crate::campaign::{self, Campaign, Failure, Progress, Summary};
use crate::case::Case;
use crate::hosts::Target;
use crate::scenario::generate::Wishes;
use crate::shrink::{self, Shrunk, shrink};
use crate::tell::story::story;
use std::time::Duration;

/// Longest time that making a failure small may take.
const SHRINK_TIME_MAX: Duration = Duration::from_secs(2);

/// How specimens are hunted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Round `k` has the base seed `base_seed + k * seeds`.
    pub base_seed: u64,
    /// A specimen that survives so many runs of a round has survived.
    pub seeds: u64,
    /// How many operations each run has; drawn if it is not given.
    pub ops: Option<u32>,
    /// How many rounds.
    pub rounds: u64,
    /// In how many rounds of a specimen another invariant may come first. Most bugs break several in the end, and which is seen first is
    /// luck: under seeds that nobody chose, a round in some hundred ends by another.
    pub others_max: u64,
    /// How many threads.
    pub jobs: usize,
}

/// A campaign until the first failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// How many runs it took, the failing one included; if there is none, how many were made.
    pub runs: u64,
    /// How long they took.
    pub elapsed: Duration,
    /// The seed of the failing run, and what it broke first: an invariant, or `hang`.
    pub killed: Option<(u64, String)>,
}

/// What came of the hunt for one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunted {
    /// The target's name, without `specimen:`.
    pub name: String,
    /// The invariant that its planted bug breaks, if it has one.
    pub expected: Option<&'static str>,
    /// All rounds, in the order of their seeds.
    pub rounds: Vec<Round>,
    /// The smallest of the failures that were expected.
    pub smallest: Option<Smallest>,
    /// In how many rounds another invariant may have come first.
    pub others_max: u64,
}

/// The smallest failing run that was found, as a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smallest {
    /// How many operations it has.
    pub ops: u64,
    /// How many crashes, those inside recovery included.
    pub crashes: u64,
    /// The case.
    pub case: Case,
}

/// Why a hunt came to no end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Somebody interrupted it.
    Interrupted,
    /// The simulator has a bug: the seed, and what it said.
    Bug(u64, String),
}

impl Hunted {
    /// What it broke in each round; `None` where it survived.
    pub fn killers(&self) -> impl Iterator<Item = Option<&str>> {
        self.rounds.iter().map(|round| round.killed.as_ref().map(|(_, killer)| &**killer))
    }

    /// Whether every round ended as it should, but for so many in which another invariant may come first.
    pub fn is_as_expected(&self) -> bool {
        let wrong = self.killers().filter(|&killer| killer != self.expected).count() as u64;
        let survived = self.expected.is_some() && self.killers().any(|killer| killer.is_none());
        let others_max = if self.expected.is_some() { self.others_max } else { 0 };
        !survived && wrong <= others_max
    }

    /// What is to be said of how it ended: what it should not have ended by, if there was such a round.
    pub fn killer(&self) -> Option<&str> {
        let wrong = self.killers().find(|&killer| killer != self.expected && !self.is_as_expected());
        wrong.unwrap_or(self.expected)
    }

    /// The median of the runs that it took; `None` if it survived a round, or has no bug.
    pub fn runs_to_kill(&self) -> Option<u64> {
        let killed = self.rounds.iter().all(|round| round.killed.is_some());
        killed.then(|| median(self.rounds.iter().map(|round| round.runs)))
    }

    /// All runs that were made.
    pub fn runs(&self) -> u64 {
        self.rounds.iter().map(|round| round.runs).sum()
    }

    /// The median of the times that rounds took.
    pub fn time_to_kill(&self) -> Duration {
        median(self.rounds.iter().map(|round| round.elapsed))
    }
}

/// The middle one; of an even number, the smaller of the two.
pub(crate) fn median<T: Ord + Default>(values: impl Iterator<Item = T>) -> T {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    let middle = values.len().saturating_sub(1) / 2;
    values.into_iter().nth(middle).unwrap_or_default()
}

/// The hosts with a planted bug, and those that they are made from.
pub fn specimens() -> Vec<Target> {
    let targets = crate::catalogue::built_in();
    targets.into_iter().filter(|target| target.name().starts_with("specimen:")).collect()
}

/// The name of a specimen, without what makes it a target's.
pub fn name(target: &Target) -> &str {
    target.name().trim_start_matches("specimen:")
}

/// Hunts one specimen.
///
/// # Errors
///
/// If it came to no end.
pub fn hunt(target: &Target, options: &Options, progress: &Progress) -> Result<Hunted, Stopped> {
    let wishes = Wishes { ops: options.ops, ..target.wishes() };
    let mut rounds = Vec::new();
    let mut smallest: Option<Smallest> = None;
    // Where nothing is to be found one round says as much as several.
    let count = if target.breaks().is_some() { options.rounds } else { 1 };
    for nth in 0..count {
        let campaign = Campaign {
            target: target.clone(),
            wishes: wishes.clone(),
            base_seed: options.base_seed.wrapping_add(nth.wrapping_mul(options.seeds)),
            seeds: options.seeds,
            jobs: options.jobs,
            keep_going: false,
        };
        let watch = Stopwatch::start();
        let summary = campaign::run(&campaign, progress);
        let round = round(&summary, watch.elapsed())?;
        let killed_by = round.killed.as_ref().map(|(_, killer)| &**killer);
        if let (Some(failure), true) = (summary.failures.first(), killed_by == target.breaks()) {
            let found = made_again(&campaign, failure)?;
            if smallest.as_ref().is_none_or(|other| found.size() < other.size()) {
                smallest = Some(found);
            }
        }
        rounds.push(round);
    }
    Ok(Hunted {
        name: name(target).to_owned(),
        expected: target.breaks(),
        rounds,
        smallest,
        others_max: options.others_max,
    })
}

fn round(summary: &Summary, elapsed: Duration) -> Result<Round, Stopped> {
    if let Some((seed, said)) = &summary.bug {
        return Err(Stopped::Bug(*seed, said.clone()));
    }
    if summary.interrupted {
        return Err(Stopped::Interrupted);
    }
    let killed = summary.failures.first().map(|failure| {
        let killer = failure.signature.split('/').next().unwrap_or_default();
        (failure.seed, killer.to_owned())
    });
    Ok(Round { runs: summary.runs, elapsed, killed })
}

/// The failing run of a campaign, made small, as a case.
fn made_again(campaign: &Campaign, failure: &Failure) -> Result<Smallest, Stopped> {
    let (target, wishes, seed) = (&campaign.target, &campaign.wishes, failure.seed);
    let again = panics::caught(|| {
        let capabilities = campaign::capabilities(target, wishes);
        let trial = campaign::settle_seed(target, seed, wishes, &capabilities).0;
        let options =
            shrink::Options { jobs: campaign.jobs, time_max: SHRINK_TIME_MAX, ..shrink::Options::default() };
        (!trial.passed()).then(|| shrink(target, &trial, &options, &shrink::Progress::default()))
    });
    match again.map_err(|said| Stopped::Bug(seed, said))? {
        None => Err(Stopped::Bug(seed, "a run that failed passes when it is made again".to_owned())),
        Some(shrunk) => Ok(Smallest::of(&shrunk, target, seed)),
    }
}

impl Smallest {
    fn of(shrunk: &Shrunk, target: &Target, seed: u64) -> Smallest {
        let scenario = &shrunk.trial.scenario;
        let crashes = scenario.crashes.iter().map(|plan| 1 + plan.inside.len() as u64).sum();
        let case = Case::of_shrunk(shrunk, target.name(), Some(seed), story(&shrunk.trial));
        Smallest { ops: scenario.ops.len() as u64, crashes, case }
    }

    fn size(&self) -> u64 {
        self.ops + self.crashes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hunted(expected: Option<&'static str>, killers: &[Option<&str>]) -> Hunted {
        let rounds = killers.iter().zip([30, 10, 20]).map(|(killer, runs)| Round {
            runs,
            elapsed: Duration::from_millis(runs),
            killed: killer.map(|killer| (1, killer.to_owned())),
        });
        Hunted { name: "some".to_owned(), expected, rounds: rounds.collect(), smallest: None, others_max: 0 }
    }

    #[test]
    fn a_specimen_is_killed_as_expected_if_every_round_says_so() {
        let right = hunted(Some("a"), &[Some("a"); 3]);
        assert!(right.is_as_expected());
        assert_eq!((right.killer(), right.runs_to_kill(), right.runs()), (Some("a"), Some(20), 60));
        assert_eq!(right.time_to_kill(), Duration::from_millis(20));
        let wrong = hunted(Some("a"), &[Some("a"), Some("b"), Some("a")]);
        assert!(!wrong.is_as_expected());
        assert_eq!(wrong.killer(), Some("b"));
        let survived = hunted(Some("a"), &[Some("a"), None, Some("a")]);
        assert!(!survived.is_as_expected());
        assert_eq!((survived.killer(), survived.runs_to_kill()), (None, None));
    }

    #[test]
    fn a_round_may_end_by_another_invariant_where_that_is_allowed_but_not_in_survival() {
        let allowed = |killers: &[Option<&str>]| Hunted { others_max: 1, ..hunted(Some("a"), killers) };
        assert!(allowed(&[Some("a"), Some("b"), Some("a")]).is_as_expected());
        assert!(!allowed(&[Some("b"), Some("b"), Some("a")]).is_as_expected());
        assert!(!allowed(&[Some("a"), None, Some("a")]).is_as_expected());
        let sound = Hunted { others_max: 1, ..hunted(None, &[Some("a")]) };
        assert!(!sound.is_as_expected(), "a host without a bug breaks nothing");
    }

    #[test]
    fn a_host_without_a_bug_is_as_expected_if_nothing_is_found() {
        assert!(hunted(None, &[None]).is_as_expected());
        assert!(!hunted(None, &[Some("a")]).is_as_expected());
        assert_eq!(hunted(None, &[Some("a")]).killer(), Some("a"));
    }

    #[test]
    fn a_hunt_does_not_depend_on_the_number_of_threads_but_for_its_seconds() {
        let target = crate::catalogue::find("specimen:segment-dir-not-synced").expect("it is built in");
        let with = |jobs| {
            let options = Options { base_seed: 1, seeds: 500, ops: None, rounds: 3, others_max: 0, jobs };
            let mut hunted = hunt(&target, &options, &Progress::default()).expect("it comes to an end");
            hunted.rounds.iter_mut().for_each(|round| round.elapsed = Duration::ZERO);
            hunted
        };
        let one = with(1);
        assert!(one.is_as_expected() && one.smallest.is_some());
        assert_eq!(one, with(3));
    }

    #[test]
    fn an_interrupted_hunt_says_so() {
        let target = crate::catalogue::find("specimen:control").expect("it is built in");
        let progress = Progress::default();
        progress.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let options = Options { base_seed: 1, seeds: 500, ops: None, rounds: 1, others_max: 0, jobs: 1 };
        assert_eq!(hunt(&target, &options, &progress), Err(Stopped::Interrupted));
    }
}
