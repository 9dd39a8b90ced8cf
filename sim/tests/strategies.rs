//! Property tests of hosts: what strategies make can be run, correct hosts pass, planted bugs are found and shrink to little, and
//! what is stored replays by the command. `ASL_STRATEGY_CASES` says how many attempts correct hosts get, 200 if it says nothing.

use asl_sim::campaign::capabilities;
use asl_sim::case::Case;
use asl_sim::scenario::{Action, FaultClass, Profile};
use asl_sim::strategies::{Attempt, Attempts, actions, own, payloads};
use asl_sim::target::{Target, find, posix, sim};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use std::path::Path;
use std::process::Command;

/// The same attempts each time.
fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, max_shrink_iters: 20_000, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn target(name: &str) -> Target {
    find(name).expect("a built-in target")
}

/// What it comes to, and the smallest attempt that fails.
fn failure(target: &Target, dir: &Path) -> (String, Attempt) {
    let attempts = Attempts::on(target).strategy();
    match runner(4_000).run(&attempts, |attempt| attempt.check_in(target, dir)) {
        Err(TestError::Fail(reason, attempt)) => (reason.message().to_owned(), attempt),
        other => panic!("{}: {other:?}", target.name()),
    }
}

/// The only case in a directory.
fn only_case(dir: &Path) -> Case {
    let mut files =
        std::fs::read_dir(dir).expect("it is there").map(|entry| entry.expect("it can be read").path());
    let (case, other) = (files.next().expect("one was stored"), files.next());
    assert_eq!(other, None, "each failing attempt takes the place of the one before");
    Case::load(&case).expect("it is whole")
}

#[test]
fn what_is_made_can_be_run_and_stored() {
    let mut runner = runner(1);
    for (name, classes) in
        [("posix", vec![FaultClass::Media]), ("sim:fence", vec![]), ("sim", vec![FaultClass::Error])]
    {
        for (profile, ..) in Profile::ALL {
            let attempts = Attempts::on(&target(name)).profile(*profile).classes(&classes).strategy();
            for _ in 0..100 {
                let attempt = attempts.new_tree(&mut runner).expect("nothing is filtered").current();
                assert_eq!(attempt.scenario().validate(), Ok(()));
                assert!(!classes.is_empty() || attempt.scenario().crashes.is_empty());
            }
        }
    }
}

#[test]
fn hosts_that_keep_the_contract_pass() {
    let place = tempfile::tempdir().expect("there is room");
    let cases = std::env::var("ASL_STRATEGY_CASES").map_or(200, |text| text.parse().expect("it is a number"));
    for name in ["posix", "posix:on-flush", "sim", "sim:on-flush", "sim:fence", "specimen:control", "object"]
    {
        let target = target(name);
        let attempts = Attempts::on(&target).strategy();
        let run = runner(cases).run(&attempts, |attempt| attempt.check_in(&target, place.path()));
        assert!(run.is_ok(), "{name}: {run:?}");
    }
}

#[test]
fn planted_bugs_are_found_and_shrink_to_a_few_operations() {
    for name in [
        "segment-dir-not-synced",
        "rename-unsynced-tmp",
        "fsync-error-ignored",
        "ack-then-timer-flush",
        "crc-omits-length",
        "torn-body-aborts-replay",
        "failed-append-leaves-bytes",
        "snapshot-takes-open-block",
    ] {
        let place = tempfile::tempdir().expect("there is room");
        let target = target(&format!("specimen:{name}"));
        let (told, smallest) = failure(&target, place.path());
        let (ops, crashes) = (smallest.scenario().ops.len(), smallest.scenario().crashes.len());
        println!("{name}: {ops} operations, {crashes} crashes");
        assert!(ops <= 4 && crashes <= 2, "{name}: {smallest:?}");
        let case = only_case(place.path());
        assert!(told.contains(&case.signature), "what is told last is what is stored: {told}");
        assert_eq!(case.scenario.ops.len(), ops);
    }
}

#[test]
fn the_case_of_a_failure_replays_by_the_command() {
    let place = tempfile::tempdir().expect("there is room");
    let (told, _) = failure(&target("specimen:segment-dir-not-synced"), place.path());
    let replay =
        told.lines().find_map(|line| line.trim().strip_prefix("replay")).expect("it says how").trim();
    let words: Vec<&str> = replay.split(' ').skip(1).collect();
    let output =
        Command::new(env!("CARGO_BIN_EXE_asl-sim")).args(&words).output().expect("it can be started");
    let text = String::from_utf8(output.stdout).expect("it is text");
    assert_eq!(output.status.code(), Some(10), "{text}");
    assert!(text.contains("violation: append-durable"), "{text}");
}

#[test]
fn operations_can_be_chosen_and_mixed_with_ones_own() {
    let mut runner = runner(1);
    let offered = capabilities(&posix(), &posix().wishes());
    let mixed = prop_oneof![1 => payloads().prop_map(Action::Append), 1 => own("compact")];
    let attempts = Attempts::on(&posix()).actions(mixed).ops_max(20).strategy();
    let mut drawn = Vec::new();
    for _ in 0..50 {
        let attempt = attempts.new_tree(&mut runner).expect("nothing is filtered").current();
        drawn.extend(attempt.scenario().ops.iter().map(|op| op.action.clone()));
    }
    let of_own =
        drawn.iter().filter(|action| matches!(action, Action::Own { name, .. } if name == "compact")).count();
    let appends = drawn.iter().filter(|action| matches!(action, Action::Append(_))).count();
    assert!(
        of_own > 100 && appends > 100 && of_own + appends == drawn.len(),
        "{of_own} and {appends} of {}",
        drawn.len()
    );
    // What a host does not offer is not drawn.
    let plain = asl_host::Capabilities { blocks: false, snapshots: false, ..offered };
    let strategy = actions(&plain);
    for _ in 0..500 {
        let action = strategy.new_tree(&mut runner).expect("nothing is filtered").current();
        assert!(!action.as_str().contains("block") && !action.as_str().contains("snapshot"), "{action:?}");
    }
}

// As a user writes it.
proptest! {
    #![proptest_config(Config { cases: 50, failure_persistence: None, ..Config::default() })]
    #[test]
    fn the_reference_host_keeps_the_contract(attempt in Attempts::on(&sim()).ops_max(20).strategy()) {
        attempt.check(&sim())?;
    }
}
