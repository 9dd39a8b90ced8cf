//! Conform as a library, for targets that are no part of asl-sim.
//!
//! Apart from the tests of the command, since those start processes: between its birth and its own program, another process
//! has copies of our files, and with them the lock of a store that a case has just closed (flock(2)).

use asl_host::PosixHost;
use asl_sim::conform::{Conform, Options, Outcome, Refused, conform};
use asl_sim::target::{self, Target};
use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

fn place() -> TempDir {
    tempfile::tempdir().expect("there is room")
}

fn is_empty(dir: &TempDir) -> bool {
    dir.path().read_dir().expect("it can be listed").next().is_none()
}

/// A host that is right, but for what is done with the directory that it is given.
fn with_root(root: impl Fn(&str) -> String + Send + Sync + 'static) -> Target {
    target::posix().on_disk(move |disk| PosixHost::new(root(disk.root())))
}

fn only(names: &[&str]) -> Options {
    Options { only: names.iter().map(|&name| name.to_owned()).collect(), ..Options::default() }
}

#[test]
fn a_host_that_breaks_the_contract_fails_by_name_with_what_was_seen() {
    let dir = place();
    let target = with_root(|root| format!("{root}/nothing/here"));
    let report = conform(&target, dir.path()).expect("it can be tried");
    assert!(!report.passed());
    let failed: Vec<&str> = report.failures().map(|check| check.name).collect();
    assert!(failed.contains(&"the_identity_is_the_same_across_boots"), "{failed:?}");
    assert!(!failed.contains(&"a_new_store_is_empty"), "{failed:?}");
    for check in report.failures() {
        let Outcome::Failed(why) = &check.outcome else { panic!("{check:?}") };
        assert!(why.contains("No such file or directory") && !why.contains('\n'), "{why}");
    }
    assert!(is_empty(&dir));
}

#[test]
fn without_a_helper_what_needs_other_processes_is_skipped_by_name() {
    let dir = place();
    let name = "a_killed_writer_loses_nothing_that_was_acknowledged";
    let prepared = Conform::prepare(&target::posix(), dir.path(), only(&[name])).expect("it can be tried");
    let report = prepared.run(|_| ());
    assert_eq!(report.checks[0].name, name);
    assert!(matches!(&report.checks[0].outcome, Outcome::Skipped(why) if why.contains("another process")));
}

#[test]
fn a_host_that_writes_beside_its_directory_is_found_out() {
    let dir = place();
    let target = with_root(|root| {
        let beside = Path::new(root).parent().expect("it has one").join("beside");
        drop(fs::create_dir(&beside));
        root.to_owned()
    });
    let prepared =
        Conform::prepare(&target, dir.path(), only(&["a_new_store_is_empty"])).expect("it can be tried");
    let report = prepared.run(|_| ());
    let failed: Vec<_> = report.failures().collect();
    assert_eq!((failed.len(), failed[0].name), (1, "nothing_is_left_behind"));
    assert!(matches!(&failed[0].outcome, Outcome::Failed(why) if why.contains("beside")));
    assert!(is_empty(&dir));
}

#[test]
fn a_host_that_hangs_is_left_to_itself_and_the_others_go_on() {
    let dir = place();
    let target = with_root(|root| {
        while root.ends_with("a_new_store_is_empty") {
            std::thread::park();
        }
        root.to_owned()
    });
    let options = Options {
        deadline: Duration::from_secs(3),
        ..only(&["a_new_store_is_empty", "an_empty_record_is_a_record"])
    };
    let report = Conform::prepare(&target, dir.path(), options).expect("it can be tried").run(|_| ());
    let outcomes: Vec<&Outcome> = report.checks.iter().map(|check| &check.outcome).collect();
    assert_eq!(outcomes, [&Outcome::Hung, &Outcome::Passed, &Outcome::Passed]);
}

#[test]
fn a_target_that_has_no_disk_to_stand_on_is_refused() {
    let target =
        Target::new("simulated", "runs in simulation only", |machine| PosixHost::new(machine.root()));
    assert!(!target.runs_on_disk());
    let dir = place();
    assert!(matches!(conform(&target, dir.path()), Err(Refused::NotOnDisk)));
    let built_in = target::built_in();
    let is_simulated = |target: &&Target| !target.runs_on_disk() && !target.name().starts_with("specimen:");
    let simulated = built_in.iter().filter(is_simulated).map(Target::name);
    assert_eq!(
        simulated.collect::<Vec<_>>(),
        ["sim", "sim:on-flush", "sim:fence", "object"],
        "they stand on a simulated device, or a bucket"
    );
}
