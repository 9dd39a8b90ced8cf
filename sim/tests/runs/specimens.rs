//! Every specimen is found, by the invariant that its bug breaks, within a number of runs that a debug build can make; and
//! the command that measures how soon.

use asl_sim::campaign::{Campaign, Progress, run};
use asl_sim::case::Case;
use asl_sim::scenario::Profile;
use asl_sim::target::{Target, built_in};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// No specimen on files may need more runs than this; in a seed's order the slowest needs a few hundred.
const RUNS_MAX: u64 = 3_000;
/// The same on buckets, where some take a request that lands late, and then two opens.
const RUNS_MAX_ON_BUCKETS: u64 = 10_000;

/// What the first failing run broke first, from this seed on.
fn killed_by(target: &Target, base_seed: u64) -> Option<String> {
    let wishes = target.wishes();
    let is_on_bucket = Profile::BUCKETS.iter().any(|(profile, _)| *profile == wishes.profile);
    let seeds = if is_on_bucket { RUNS_MAX_ON_BUCKETS } else { RUNS_MAX };
    let campaign = Campaign { target: target.clone(), wishes, base_seed, seeds, jobs: 2, keep_going: false };
    let summary = run(&campaign, &Progress::default());
    assert_eq!(summary.bug, None, "{}", target.name());
    let signature = &summary.failures.first()?.signature;
    Some(signature.split('/').next().unwrap_or_default().to_owned())
}

#[test]
fn every_specimen_is_killed_by_the_invariant_that_its_bug_breaks() {
    let specimens: Vec<Target> = built_in().into_iter().filter(|target| target.breaks().is_some()).collect();
    let mut wrong = Vec::new();
    for target in &specimens {
        for base_seed in [1, 1 << 32] {
            let killer = killed_by(target, base_seed);
            if killer.as_deref() != target.breaks() {
                wrong.push((target.name(), base_seed, target.breaks(), killer));
            }
        }
    }
    assert!(specimens.len() > 20, "there are specimens");
    assert!(wrong.is_empty(), "not killed as expected: {wrong:#?}");
}

fn command(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_asl-sim"));
    command.arg("specimens").args(args).current_dir(dir).stdin(Stdio::null());
    command.output().expect("it can be started")
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).expect("it is text");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is an object")).collect()
}

#[test]
fn the_command_says_what_killed_a_specimen_and_how_soon_and_keeps_its_smallest_case() {
    let dir = tempfile::tempdir().expect("a directory");
    let args = ["--only", "canary", "--rounds", "3", "--cases", "cases", "--seeds-to-kill", "past.json"];
    let first = command(dir.path(), &[&args[..], &["--format", "json"]].concat());
    assert_eq!(first.status.code(), Some(0), "{first:?}");
    let [start, canary, summary] = &lines(&first)[..] else { panic!("three lines: {first:?}") };
    assert_eq!((&start["type"], &start["base_seed"]), (&"start".into(), &"0x1".into()));
    assert_eq!((&canary["name"], &canary["invariant"]), (&"canary".into(), &"append-durable".into()));
    assert_eq!((&canary["as_expected"], &canary["runs_before"]), (&true.into(), &Value::Null));
    assert_eq!((&summary["specimens"], &summary["as_expected"]), (&1.into(), &1.into()));
    let case = Case::load(&dir.path().join("cases/canary.json")).expect("it was stored");
    assert_eq!(Some(case.scenario.ops.len() as u64), canary["ops"].as_u64());

    let again = command(dir.path(), &[&args[..], &["--format", "json"]].concat());
    assert_eq!(lines(&again)[1]["runs_before"], canary["median_runs"], "the file says how it was");
    let text = command(dir.path(), &args);
    let text = String::from_utf8(text.stdout).expect("it is text");
    assert!(text.contains("\ncanary    append-durable  yes ") && text.contains("passed: 1 of 1 specimen "));
}

#[test]
fn a_specimen_that_survives_has_a_status_of_its_own_and_a_host_without_a_bug_has_to_pass() {
    let dir = tempfile::tempdir().expect("a directory");
    let only = |name, seeds| command(dir.path(), &["--only", name, "--seeds", seeds, "--rounds", "2"]);
    let survived = only("torn-middle-is-eof", "1");
    assert_eq!(survived.status.code(), Some(14), "{survived:?}");
    let text = String::from_utf8(survived.stdout).expect("it is text");
    assert!(text.contains("survived: torn-middle-is-eof in 2 rounds; it should break corruption-detected"));
    assert_eq!(only("specimen:control", "200").status.code(), Some(0));
}

#[test]
fn what_cannot_be_used_is_told_in_two_lines() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut file = std::fs::File::create(dir.path().join("other.json")).expect("it is made");
    std::io::Write::write_all(&mut file, b"{}").expect("it is written");
    for (args, part) in [
        (&["--only", "canari"][..], "did you mean \"canary\"?"),
        (&["--seeds-to-kill", "other.json"], "cannot compare with \"other.json\""),
        (&["--rounds", "0"], "a whole number from 1"),
    ] {
        let output = command(dir.path(), args);
        let error = String::from_utf8(output.stderr).expect("it is text");
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(part) && error.lines().count() <= 2, "{error}");
    }
}
