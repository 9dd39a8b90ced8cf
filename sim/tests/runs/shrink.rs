//! Failing runs of a hundred operations are made small: to a handful of operations, the same on any number of threads.

use asl_sim::campaign::{capabilities, run_seed};
use asl_sim::scenario::generate::Wishes;
use asl_sim::shrink::{Options, Progress, Shrunk, shrink};
use asl_sim::target::{Target, find};
use asl_sim::trial::Trial;
use std::time::Duration;

/// Failing runs of at least so many operations, the first ones from this seed on.
fn failing(target: &Target, ops: u32, wanted: usize, seeds_max: u64) -> Vec<Trial> {
    let classes = target.usual_faults().to_vec();
    let wishes = Wishes { classes, ops: Some(ops), ..Wishes::default() };
    let offered = capabilities(target, &wishes);
    let runs = (1..=seeds_max).map(|seed| run_seed(target, seed, &wishes, &offered, true));
    runs.filter(|trial| !trial.passed()).take(wanted).collect()
}

fn small(target: &Target, trial: &Trial, jobs: usize) -> Shrunk {
    let options = Options { jobs, time_max: Duration::from_mins(10), ..Options::default() };
    shrink(target, trial, &options, &Progress::default())
}

fn crashes(trial: &Trial) -> usize {
    trial.scenario.crashes.iter().map(|plan| 1 + plan.inside.len()).sum()
}

fn median(mut values: Vec<usize>) -> usize {
    values.sort_unstable();
    values[values.len() / 2]
}

#[test]
fn a_hundred_operations_become_a_handful() {
    let (mut all_ops, mut all_crashes) = (Vec::new(), Vec::new());
    for name in ["segment-dir-not-synced", "fsync-error-ignored", "ack-then-timer-flush"] {
        let target = find(&format!("specimen:{name}")).expect("a built-in target");
        for run in failing(&target, 100, 1, 1_000) {
            let shrunk = small(&target, &run, 2);
            assert!(shrunk.complete);
            assert_eq!(shrunk.trial.signature(), run.signature());
            all_ops.push(shrunk.trial.scenario.ops.len());
            all_crashes.push(crashes(&shrunk.trial));
        }
    }
    assert_eq!(all_ops.len(), 3, "each specimen fails");
    assert!(median(all_ops.clone()) <= 6 && median(all_crashes) <= 1, "{all_ops:?}");
}

#[test]
fn what_comes_out_does_not_depend_on_the_number_of_threads() {
    let target = find("specimen:segment-dir-not-synced").expect("a built-in target");
    let run = failing(&target, 30, 1, 1_000).pop().expect("it fails");
    let (one, three) = (small(&target, &run, 1), small(&target, &run, 3));
    assert_eq!(one.trial.scenario, three.trial.scenario);
    assert_eq!(one.trial.outcome.decisions, three.trial.outcome.decisions);
    assert_eq!(one.tries, three.tries);
}
