//! Runs are repeated in another process while a campaign goes on. A host that depends on more than its seams is found out
//! by that, whatever it depends on, and the report says where two runs of a seed part.

use asl_sim::campaign::{Campaign, Conduct, Progress, run_with};
use asl_sim::determinism::{Elsewhere, Sample};
use asl_sim::scenario::generate::Wishes;
use asl_sim::target::{Target, built_in, find, hidden};
use serde_json::Value;
use std::process::{Command, Output, Stdio};

fn asl_sim(args: &[&str]) -> Output {
    let place = tempfile::tempdir().expect("there is room");
    let mut command = Command::new(env!("CARGO_BIN_EXE_asl-sim"));
    command.args(args).current_dir(place.path()).stdin(Stdio::null()).output().expect("it can be started")
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).expect("it is text");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

fn nondeterministic() -> Vec<Target> {
    hidden().into_iter().filter(|target| target.name().starts_with("nondeterministic:")).collect()
}

#[test]
fn a_host_that_depends_on_more_than_its_seams_is_found_out_and_it_is_said_where() {
    for target in nondeterministic() {
        let args = ["run", target.name(), "--seed", "1", "--seeds", "300", "--format", "json"];
        let output = asl_sim(&args);
        assert_eq!(output.status.code(), Some(12), "{target:?}");
        let lines = lines(&output);
        let told = lines.iter().find(|line| line["type"] == "nondeterminism").expect("it is told");
        let hashes = told["trace_hashes"].as_array().expect("a list");
        assert_ne!(hashes[0], hashes[1]);
        let (here, there) = (told["here"].as_str(), told["there"].as_str());
        let (here, there) = (here.expect("it went on"), there.expect("it went on"));
        assert_ne!(here, there);
        assert!(here.contains("call ") && here.contains(" bytes "), "what differs is written: {here}");
        let summary = lines.last().expect("there is a summary");
        assert_eq!((&summary["nondeterministic"], &summary["violations"]), (&1.into(), &0.into()));
    }
}

#[test]
fn people_read_where_two_runs_part() {
    let output = asl_sim(&["run", "nondeterministic:hash-map", "--seed", "1", "--seeds", "20"]);
    let text = String::from_utf8(output.stdout).expect("it is text");
    let field = |name: &str| {
        let line = text.lines().map(str::trim).find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).trim().to_owned()
    };
    assert!(text.contains("nondeterminism: the run of seed 0x1 did different things in another process"));
    assert!(text.contains("the first difference is step "), "{text}");
    assert!(field("here").starts_with("op 0 (append), call 1: 549 bytes "), "{text}");
    assert!(field("there").starts_with("op 0 (append), call 1: 549 bytes "), "{text}");
    assert_eq!(field("replay"), "asl-sim replay nondeterministic:hash-map --seed 0x1");
    let replayed = asl_sim(&["replay", "nondeterministic:hash-map", "--seed", "0x1"]);
    assert_eq!(replayed.status.code(), Some(12));
}

#[test]
fn what_tests_the_check_is_no_specimen() {
    for target in hidden() {
        assert!(find(target.name()).is_ok());
        assert!(built_in().iter().all(|listed| listed.name() != target.name()));
    }
}

#[test]
fn a_handful_of_a_small_campaign_and_a_share_of_a_large_one_are_repeated() {
    let repeated = |more: &[&str]| {
        let args = [&["run", "posix", "--seed", "1", "--format", "json"], more].concat();
        let output = asl_sim(&args);
        assert_eq!(output.status.code(), Some(0));
        lines(&output).last().expect("there is a summary")["repeated"].as_u64().expect("a number")
    };
    assert_eq!(repeated(&["--seeds", "3"]), 3);
    assert_eq!(repeated(&["--seeds", "60"]), 4);
    assert_eq!(repeated(&["--seeds", "640", "--jobs", "1"]), 4 + 9);
    assert_eq!(repeated(&["--seeds", "640", "--jobs", "3"]), 4 + 9);
    assert_eq!(
        repeated(&["--seeds", "60", "--check-determinism", "2", "--ops", "20", "--faults", "crash"]),
        30
    );
    assert_eq!(repeated(&["--seeds", "60", "--check-determinism", "off"]), 0);
    for wrong in ["0", "-1", "on"] {
        assert_eq!(asl_sim(&["run", "posix", "--check-determinism", wrong]).status.code(), Some(2));
    }
}

#[test]
fn failures_of_a_deterministic_host_are_no_nondeterminism() {
    let args =
        ["run", "specimen:canary", "--seed", "1", "--seeds", "600", "--keep-going", "--format", "json"];
    let output = asl_sim(&[&args[..], &["--check-determinism", "1"]].concat());
    assert_eq!(output.status.code(), Some(10));
    let lines = lines(&output);
    let summary = lines.last().expect("there is a summary");
    assert!(summary["violations"].as_u64() > Some(0));
    assert_eq!((&summary["repeated"], &summary["nondeterministic"]), (&600.into(), &0.into()));
}

/// The other process ends, or says what makes no sense, or never was; the campaign goes on, and it is known why nothing
/// was repeated.
#[test]
fn without_another_process_a_campaign_goes_on_and_says_so() {
    for (program, why) in [
        ("/nothing/here", "could not be started"),
        ("true", "seed 0x1, and it ended, by exit status: 0"),
        ("cat", "it said \"trace 1\""),
    ] {
        let target = find("posix").expect("a built-in target");
        let campaign = Campaign {
            target,
            wishes: Wishes::default(),
            base_seed: 1,
            seeds: 100,
            jobs: 2,
            keep_going: false,
        };
        let elsewhere = Elsewhere::start(&mut Command::new(program));
        let conduct = Conduct { elsewhere: Some((&elsewhere, Sample::OneIn(100))), ..Conduct::default() };
        let summary = run_with(&campaign, conduct, &Progress::default());
        assert_eq!((summary.runs, summary.failed, summary.repeated), (100, 0, 0));
        let said = elsewhere.why_not().expect("it has failed");
        assert!(said.contains(why), "{said}");
    }
}
