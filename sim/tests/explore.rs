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
    for (name, profile) in [("posix", Profile::Posix), ("posix", Profile::Ext4Ordered), ("specimen:control", Profile::Btrfs)] {
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
    let traces = |report: &Report| report.found.iter().map(|found| found.trial.outcome.trace).collect::<Vec<_>>();
    assert_eq!(traces(&one), traces(&three));
}
