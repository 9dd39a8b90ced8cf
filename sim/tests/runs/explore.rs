//! Exhaustive search: as good as doing it without any cleverness, the same on any number of threads, and it finds what is there.

use asl_sim::explore::{Options, Progress, Report, explore, naive::naive};
use asl_sim::scenario::Profile;
use asl_sim::target::{self, Target};

fn target(name: &str) -> Target {
    target::find(name).expect("it is built in")
}

fn explored(name: &str, options: &Options) -> Report {
    let report = explore(&target(name), options, &Progress::default());
    assert_eq!(report.bug, None);
    report
}

#[test]
fn every_outcome_of_the_naive_loop_is_found_and_no_other() {
    for (name, profile) in [
        ("posix", Profile::Posix),
        ("posix", Profile::Ext4Ordered),
        ("specimen:control", Profile::Btrfs),
        // Here requests land late: each place is a state.
        ("object", Profile::Aws),
        ("specimen:control-bucket", Profile::StaleList),
    ] {
        let options = Options { ops: 1, crashes: 1, profile, keep_going: true, ..Options::default() };
        let (clever, naive) = (explored(name, &options), naive(&target(name), &options));
        assert_eq!(clever.outcomes.len(), naive.outcomes.len(), "{name}, {profile:?}");
        assert_eq!(clever.outcomes, naive.outcomes);
        assert!(clever.complete() && clever.found.is_empty() && naive.failed == 0);
        assert!(clever.counts.recovered < naive.recovered, "{:?} of {}", clever.counts, naive.recovered);
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let options = |jobs| Options { ops: 1, crashes: 2, jobs, keep_going: true, ..Options::default() };
    let name = "specimen:rename-unsynced-tmp";
    let (one, three) = (explored(name, &options(1)), explored(name, &options(3)));
    assert_eq!(one.counts, three.counts);
    assert_eq!(one.outcomes, three.outcomes);
    assert_eq!(one.signatures, three.signatures);
    let traces =
        |report: &Report| report.found.iter().map(|found| found.trial.outcome.trace).collect::<Vec<_>>();
    assert_eq!(traces(&one), traces(&three));
}

/// The first failure that is found, as its signature and the number of operations.
fn found(name: &str, options: &Options) -> (String, usize) {
    let report = explored(name, options);
    let found = report.found.first().unwrap_or_else(|| panic!("{name} is found: {:?}", report.counts));
    (found.trial.signature().expect("it failed"), found.trial.scenario.ops.len())
}

#[test]
fn planted_bugs_show_in_the_shortest_workloads() {
    let options = Options { ops: 1, crashes: 1, ..Options::default() };
    for (name, invariant, ops) in [
        ("segment-dir-not-synced", "append-durable", 1),
        ("rename-unsynced-tmp", "snapshot-atomic", 1),
        ("seal-rename-not-synced", "seal-durable", 3),
        ("commit-mark-unchecked", "append-atomic", 1),
        ("crc-omits-length", "log-prefix", 1),
        ("mark-left-to-journal", "create-durable", 0),
    ] {
        let (signature, length) = found(&format!("specimen:{name}"), &options);
        assert!(signature.starts_with(&format!("{invariant}/")), "{name}: {signature}");
        assert_eq!(length, ops, "{name}");
    }
}

#[test]
fn planted_bugs_that_take_a_failing_call_show_when_calls_fail() {
    let options = Options { ops: 2, crashes: 1, failing_calls: true, ..Options::default() };
    for (name, invariant) in [
        ("fsync-error-ignored", "append-durable"),
        ("fsync-retried", "append-durable"),
        ("failed-append-leaves-bytes", "append-atomic"),
    ] {
        let (signature, _) = found(&format!("specimen:{name}"), &options);
        assert!(signature.starts_with(&format!("{invariant}/")), "{name}: {signature}");
    }
}

#[test]
fn a_crash_point_with_too_many_states_is_sampled_and_said_to_be() {
    let options = Options { ops: 1, crashes: 1, states_max: 2, ..Options::default() };
    let report = explored("posix", &options);
    assert!(report.counts.sampled > 0 && !report.complete());
    assert!(report.found.is_empty());
}

#[test]
fn what_is_found_replays_as_a_case_does() {
    let options = Options { ops: 1, keep_going: true, ..Options::default() };
    let name = "specimen:rename-unsynced-tmp";
    for found in explored(name, &options).found {
        let case = asl_sim::case::Case::of(&found.trial, name, None, Vec::new());
        let again = asl_sim::trial::trial(&target(name), &found.trial.scenario, &case.decider());
        assert_eq!(again.outcome.trace, found.trial.outcome.trace);
        assert_eq!(again.signature(), found.trial.signature());
    }
}
