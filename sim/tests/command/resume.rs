//! Campaigns that end before they are done: killed at any moment, interrupted, taken down by a run. What they did is not
//! lost, and what is told at last is what an undisturbed campaign tells.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

fn place() -> TempDir {
    tempfile::tempdir().expect("there is room")
}

/// The command in a place; ended by a signal after so many seconds, if they are given.
fn command(place: &TempDir, ended: Option<(&str, f64)>, args: &[&str]) -> Command {
    let program = env!("CARGO_BIN_EXE_asl-sim");
    let mut command = match ended {
        None => Command::new(program),
        Some((signal, seconds)) => {
            let mut command = Command::new("timeout");
            // A signal goes to the group as well, unless it is in the foreground; Ctrl-C is to come once.
            command.args((signal == "INT").then_some("--foreground"));
            command.args(["-s", signal, &seconds.to_string(), program]);
            command
        }
    };
    command.args(args).current_dir(place.path()).stdin(Stdio::null());
    for name in ["GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    command
}

fn run(place: &TempDir, args: &[&str]) -> Output {
    command(place, None, args).output().expect("it can be started")
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).expect("it is text");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

/// All that is told of what was found and done, without times.
fn told(output: &Output) -> Vec<Value> {
    let mut lines = lines(output);
    lines.retain(|line| line["type"] != "resume");
    for line in &mut lines {
        line.as_object_mut().expect("each line is an object").retain(|field, _| field != "elapsed_s");
    }
    lines
}

fn files(place: &TempDir) -> Vec<String> {
    let Ok(entries) = place.path().join("asl-sim-out").read_dir() else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("it is there").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[track_caller]
fn assert_refused(output: &Output, part: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.starts_with("error: ") && text.contains(part), "{text}");
    assert!(text.lines().count() <= 2, "{text}");
}

const RESUME: [&str; 4] = ["run", "specimen:canary", "--resume", "--format=json"];

/// How many runs take so long here, about. A number that was right for one build was over before the first kill in a faster one.
fn seeds_that_take(seconds: f64, target: &str) -> String {
    let tried = run(
        &place(),
        &[
            "run",
            target,
            "--seed",
            "1",
            "--seeds",
            "1000",
            "--keep-going",
            "--shrink-for",
            "0",
            "--format=json",
        ],
    );
    let took = lines(&tried).last().and_then(|line| line["elapsed_s"].as_f64()).expect("there is a summary");
    (1000.0 * seconds / took.max(0.01)).round().to_string()
}

#[test]
fn a_campaign_that_is_killed_again_and_again_tells_at_last_what_an_undisturbed_one_does() {
    let seeds = seeds_that_take(3.0, "specimen:canary");
    let canary =
        ["run", "specimen:canary", "--seed", "1", "--seeds", &seeds, "--keep-going", "--format=json"];
    let undisturbed = run(&place(), &canary);
    assert_eq!(undisturbed.status.code(), Some(10));
    let place = place();
    let mut ended = command(&place, Some(("KILL", 1.1)), &canary).output().expect("it can be started");
    let mut runs_before = Vec::new();
    for seconds in [0.02, 0.7, 0.1, 1.3, 0.05, 0.9] {
        assert_eq!(ended.status.code(), None, "{seconds}: it was killed: {ended:?}");
        ended = command(&place, Some(("KILL", seconds)), &RESUME).output().expect("it can be started");
        runs_before.extend(lines(&ended).first().and_then(|line| line["runs"].as_u64()));
        if ended.status.code().is_some() {
            break;
        }
    }
    if ended.status.code().is_none() {
        ended = run(&place, &RESUME);
    }
    assert_eq!(ended.status.code(), Some(10), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(told(&ended), told(&undisturbed));
    assert!(runs_before.is_sorted() && runs_before.last() > Some(&0), "it did go on: {runs_before:?}");
    assert!(files(&place).iter().all(|name| name.starts_with("specimen-canary-0x")), "{:?}", files(&place));
}

#[test]
fn an_interrupted_campaign_says_how_to_go_on_and_does() {
    let seeds = seeds_that_take(2.5, "posix");
    let args = ["run", "posix", "--seed", "5", "--seeds", &seeds];
    let place = place();
    let ended = command(&place, Some(("INT", 0.8)), &args).output().expect("it can be started");
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    let to_go_on = text.lines().find_map(|line| line.strip_prefix("to go on: asl-sim "));
    let to_go_on = to_go_on.unwrap_or_else(|| panic!("{text}"));
    assert_eq!(to_go_on, "run posix --resume --seed 0x5");
    let again: Vec<&str> = to_go_on.split(' ').chain(["--format", "json"]).collect();
    let ended = run(&place, &again);
    assert_eq!(ended.status.code(), Some(0));
    let undisturbed = run(&self::place(), &[&args[..], &["--format", "json"]].concat());
    assert_eq!(told(&ended), told(&undisturbed));
    assert_eq!(files(&place), Vec::<String>::new());
}

/// A run that aborts takes the campaign with it, and would do so again each time that it is resumed.
#[test]
fn a_run_that_takes_the_process_with_it_is_found_by_the_seed_that_was_at_work() {
    let place = place();
    let args = ["run", "fatal:abort", "--seed", "1", "--seeds", "900", "--keep-going"];
    let mut ended = run(&place, &args);
    let mut resumed = 0;
    while ended.status.code().is_none() {
        resumed += 1;
        assert!(resumed < 30, "each time a seed is left out");
        let next = ["run", "fatal:abort", "--seed", "2", "--seeds", "1"];
        if resumed == 1 {
            let said = String::from_utf8_lossy(&run(&place, &next).stderr).into_owned();
            assert!(said.contains("at work on 0x") && said.contains("--resume --seed 0x1"), "{said}");
        }
        ended = run(&place, &["run", "fatal:abort", "--resume", "--format", "json"]);
    }
    assert!(resumed > 0);
    assert_eq!(ended.status.code(), Some(10));
    let lines = lines(&ended);
    let summary = lines.last().expect("there is a summary");
    assert_eq!((&summary["runs"], &summary["violations"]), (&900.into(), &0.into()));
    let fatal: Vec<&str> = lines
        .iter()
        .filter(|line| line["type"] == "fatal")
        .map(|line| line["seed"].as_str().expect("a seed"))
        .collect();
    assert_eq!(summary["fatal"], fatal.len());
    assert!(!fatal.is_empty());
    for seed in fatal {
        let replayed = run(&place, &["replay", "fatal:abort", "--seed", seed]);
        assert_eq!(replayed.status.code(), None, "{seed} aborts");
    }
}

fn kept(place: &TempDir) -> std::path::PathBuf {
    let names = files(place);
    let name = names.iter().find(|name| name.starts_with("campaign-") && name.ends_with(".json"));
    place.path().join("asl-sim-out").join(name.expect("a campaign is kept"))
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).expect("it is there");
    assert!(text.contains(from), "{text}");
    let mut file = std::fs::File::create(path).expect("it can be written");
    std::io::Write::write_all(&mut file, text.replace(from, to).as_bytes()).expect("there is room");
}

#[test]
fn a_campaign_goes_on_as_it_was_begun_or_not_at_all() {
    let place = place();
    assert_refused(
        &run(&place, &["run", "posix", "--resume"]),
        "there is no campaign of posix to go on with",
    );
    assert_refused(&run(&place, &["run", "posx", "--resume"]), "no target named");
    let args = ["run", "posix", "--seed", "0x5", "--for", "1h", "--ops", "20", "--profile", "xfs"];
    command(&place, Some(("KILL", 0.3)), &args).output().expect("it can be started");
    for (option, value, part) in [
        (
            "--ops",
            "21",
            "with --profile xfs --ops 21, and the campaign was begun with --profile xfs --ops 20",
        ),
        ("--profile", "ext4-ordered", "--profile ext4-ordered --ops 20, and"),
        ("--faults", "crash", "--faults crash"),
        ("--for", "2h", "--for 2h was given, and the campaign was begun with --for 1h"),
        ("--seeds", "7", "--seeds 7 was given, and the campaign was begun without --seeds"),
        ("--known", "list", "--known list was given"),
        ("--check-determinism", "off", "--check-determinism off was given"),
        ("--seed", "0x6", "there is no campaign of posix"),
        ("--shard", "1/2", "there is no campaign of posix"),
    ] {
        assert_refused(&run(&place, &["run", "posix", "--resume", option, value]), part);
    }
    assert_refused(&run(&place, &["run", "posix", "--resume", "--keep-going"]), "--keep-going was given");
    let other = ["run", "posix", "--seed", "7", "--for", "1h"];
    command(&place, Some(("KILL", 0.3)), &other).output().expect("it can be started");
    assert_refused(&run(&place, &["run", "posix", "--resume"]), "there are 2 campaigns to go on with");
}

#[test]
fn what_was_kept_by_another_build_or_is_damaged_is_refused() {
    let place = place();
    let args = ["run", "posix", "--seed", "0x5", "--for", "1h"];
    command(&place, Some(("KILL", 0.3)), &args).output().expect("it can be started");
    replace(&kept(&place), "\"build\":\"", "\"build\":\"older ");
    assert_refused(&run(&place, &["run", "posix", "--resume"]), "another build of asl-sim");
    replace(&kept(&place), "\"build\"", "\"bulid\"");
    assert_refused(&run(&place, &["run", "posix", "--resume"]), "cannot read the campaign");
}

#[test]
fn a_campaign_that_goes_on_elsewhere_is_left_alone() {
    let place = place();
    let args = ["run", "posix", "--seed", "0x5", "--for", "1h"];
    let mut other = command(&place, None, &args).stdout(Stdio::piped()).spawn().expect("it can be started");
    // It has begun when it says what it does.
    let mut said = [0];
    let stdout = other.stdout.as_mut().expect("it is piped");
    std::io::Read::read_exact(stdout, &mut said).expect("it says something");
    let resumed = run(&place, &["run", "posix", "--resume"]);
    let same = run(&place, &["run", "posix", "--seed", "0x5", "--seeds", "20"]);
    other.kill().expect("it goes on");
    other.wait().expect("it ends");
    assert_refused(&resumed, "another process is at it");
    assert_eq!(same.status.code(), Some(0));
    let note = String::from_utf8_lossy(&same.stderr).into_owned();
    assert!(note.starts_with("note: this campaign cannot be resumed: the same campaign goes on"), "{note}");
    assert!(kept(&place).exists());
}
