//! Makes a failing run small: fewer operations, faults and crashes, then shorter payloads and a plainer world, until nothing that
//! is tried can be taken away without the failure going too.
//!
//! A failure is the same as long as its signature is (primary invariant, operation, fault class); details of it may change.
//! The search is delta debugging (Zeller and Hildebrandt, TSE 2002) over the scenario, not over a seed. Taking something out
//! moves where questions stand and what there is to lose, so the decisions of the bigger run do not always lead to the failure in the
//! smaller one; then a bounded number of other ways for decisions to fall are tried, the same ones every time.
//!
//! The result depends on the run and on nothing else, however many threads there are, unless time or a stop cut the search
//! short. It is small, not the smallest: no change *of these kinds* makes it smaller. Profile and fault class stay as they are.

mod decisions;
mod details;
mod renumber;
mod search;
mod structure;

use crate::base::decide::Decider;
use crate::hosts::Target;
use crate::scenario::Scenario;
use crate::trial::{Trial, trial};
use search::Search;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

/// How a run is to be made small.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many threads; at least one is used. What comes out does not depend on it.
    pub jobs: usize,
    /// After this long the search ends with what it has.
    pub time_max: Duration,
    /// How many other ways for decisions to fall are tried before a smaller scenario is given up; ten times as many where the story
    /// stays long.
    pub ways: u32,
}

impl Default for Options {
    fn default() -> Options {
        Options { jobs: 1, time_max: Duration::from_mins(1), ways: 24 }
    }
}

/// How far a search is: can be watched, and stops it, from another thread.
#[derive(Debug, Default)]
pub struct Progress {
    /// Set to end the search with what it has.
    pub stop: AtomicBool,
    /// Operations that the run had at first.
    pub ops_before: AtomicU64,
    /// Operations that the smallest failing run has that was found so far.
    pub ops_now: AtomicU64,
    /// Smaller runs that were tried.
    pub tries: AtomicU64,
}

/// What came of a search.
#[derive(Debug)]
pub struct Shrunk {
    /// The smallest failing run that was found; its decider was recording.
    pub trial: Trial,
    /// Operations that the run had at first.
    pub ops_before: usize,
    /// How many smaller runs were tried.
    pub tries: u64,
    /// Whether the search came to its end: false if time or a stop cut it short.
    pub complete: bool,
}

/// Makes a failing run small. The trial's decider was recording.
///
/// # Panics
///
/// If the trial passed, or if the simulator has a bug.
pub fn shrink(target: &Target, failing: &Trial, options: &Options, progress: &Progress) -> Shrunk {
    let mut search = Search::new(target, failing, options, progress);
    // First what is simplest, since it makes all that follows faster; then with other ways for decisions to fall.
    for ways in [0, options.ways] {
        while search.goes_on() {
            let before = search.weight();
            structure::take_out(&mut search, ways);
            details::simplify(&mut search, ways);
            if search.weight() == before {
                break;
            }
        }
    }
    if !is_short(search.scenario()) {
        harder(&mut search, options.ways);
    }
    structure::renumber(&mut search);
    decisions::clear(&mut search);
    settle(target, failing, search)
}

/// A story of so many operations fits a screen.
const SHORT_OPS: usize = 6;
/// How many times as many other ways for decisions to fall a long story is worth.
const HARDER: u32 = 10;

fn is_short(scenario: &Scenario) -> bool {
    let crashes: usize = scenario.crashes.iter().map(|plan| 1 + plan.inside.len()).sum();
    scenario.ops.len() <= SHORT_OPS && crashes <= 1
}

/// A failure that needs a rare decision, damage to one sector of many, is lost by nearly every change, and found again by trying
/// more.
fn harder(search: &mut Search<'_>, ways: u32) {
    while search.goes_on() {
        let before = search.weight();
        structure::take_out(search, ways * HARDER);
        if search.weight() == before {
            return;
        }
        details::simplify(search, ways);
    }
}

/// The run once more, from its decisions alone, as its case will replay it. A host that depends on more than its seams may not do
/// the same again; then it stays as it was.
fn settle(target: &Target, failing: &Trial, search: Search<'_>) -> Shrunk {
    let again = |scenario: &Arc<_>, decisions: &_| {
        trial(target, scenario, &Decider::replaying(Clone::clone(decisions)).recording())
    };
    let (best, tries, complete) = search.finish();
    let mut smallest = again(&best.scenario, &best.decisions);
    if smallest.signature() != failing.signature() {
        smallest = again(&failing.scenario, &failing.outcome.decisions);
    }
    Shrunk { trial: smallest, ops_before: failing.scenario.ops.len(), tries, complete }
}
