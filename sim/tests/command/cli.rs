//! The command as other programs and people call it: statuses, what is printed where, and that bad input is answered with
//! an error of one or two lines.

use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A directory to be in, and the command run in it.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().expect("there is room"))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_asl-sim"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null());
        for name in ["RUST_BACKTRACE", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("it can be started")
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        File::create(&path).and_then(|mut file| file.write_all(bytes)).expect("it can be written");
        path
    }

    /// A case of the canary, and what is printed when it is found.
    fn failing_case(&self) -> (PathBuf, Output) {
        let output =
            self.run(&["run", "specimen:canary", "--seed", "1", "--shrink-for", "0", "--format", "json"]);
        let case = lines(&output).iter().find_map(|line| line["case"].as_str().map(PathBuf::from));
        (self.0.path().join(case.expect("it fails")), output)
    }
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("it is text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("it is text")
}

fn lines(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

/// Status 2, an error of one or two lines that says this, and nothing else.
#[track_caller]
fn assert_refused(output: &Output, part: &str) {
    let text = stderr(output);
    assert_eq!(status(output), 2, "{text}");
    assert!(text.starts_with("error: ") && text.contains(part), "{text}");
    assert!((1..=2).contains(&text.lines().count()), "{text}");
    assert!(!text.contains("panicked") && !text.contains("RUST_BACKTRACE"), "{text}");
    assert_eq!(stdout(output), "");
}

#[test]
fn unknown_names_are_answered_with_the_nearest() {
    let place = Place::new();
    assert_refused(
        &place.run(&["run", "posx"]),
        r#"no target named "posx"; did you mean "posix" or "posix:on-flush"? `asl-sim list targets`"#,
    );
    assert_refused(&place.run(&["run", "specimen:canarry"]), r#""specimen:canary""#);
    assert_refused(&place.run(&["run", "posix", "--faults", "crsh"]), r#"did you mean "crash"?"#);
    assert_refused(&place.run(&["run", "posix", "--faults", "weather"]), "`asl-sim list faults`");
    assert_refused(&place.run(&["run", "posix", "--faults", "none,crash"]), "cannot be combined");
    assert_refused(&place.run(&["run", "posix", "--profile", "ext5"]), r#"no profile named "ext5""#);
    assert_refused(
        &place.run(&["run", "late:log", "--profile", "btrfs"]),
        r#"the profile "btrfs" is one of files, and late:log keeps its bytes in cells"#,
    );
    let (case, _) = place.failing_case();
    assert_refused(
        &place.run(&["replay", "--target", "late:log", &case.to_string_lossy()]),
        "the case is about files, and late:log keeps its bytes in cells",
    );
    assert_refused(
        &place.run(&["explore", "posix", "--profile", "cells"]),
        "its profiles: posix, ext4-ordered",
    );
    assert_refused(&place.run(&["run", "posix", "--sedes", "3"]), "--seeds");
    assert_refused(&place.run(&["rnu"]), "the commands are run, replay");
    assert_refused(&place.run(&["run"]), "<TARGET>");
    assert_refused(&place.run(&["list", "nothing"]), "targets");
}

#[test]
fn absurd_numbers_are_refused_with_the_numbers_that_are_possible() {
    let place = Place::new();
    for (option, value, range) in [
        ("--seeds", "-1", "from 1 to"),
        ("--seeds", "0", "from 1 to"),
        ("--seeds", "99999999999999999999", "from 1 to"),
        ("--seeds", "many", "from 1 to"),
        ("--seed", "-1", "below 2^64"),
        ("--seed", "0x+1", "below 2^64"),
        ("--seed", "0x10000000000000000", "below 2^64"),
        ("--for", "30", "90s, 30m or 2h"),
        ("--for", "0s", "90s, 30m or 2h"),
        ("--shard", "0/2", "I from 1 to N"),
        ("--shard", "3/2", "I from 1 to N"),
        ("--jobs", "0", "from 1 to 256"),
        ("--jobs", "-3", "from 1 to 256"),
        ("--clients", "0", "from 1 to 32"),
        ("--clients", "1000", "from 1 to 32"),
        ("--ops", "-1", "from 0 to 10000"),
        ("--ops", "10001", "from 0 to 10000"),
        ("--crashes", "-1", "from 0 to 1000"),
    ] {
        assert_refused(&place.run(&["run", "posix", option, value]), range);
    }
}

#[test]
fn cases_that_cannot_be_read_are_refused() {
    let place = Place::new();
    let (case, _) = place.failing_case();
    let whole = std::fs::read(&case).expect("it is there");
    place.file("truncated", &whole[..whole.len() / 2]);
    let mut damaged = whole.clone();
    // Inside of a text the same bytes would be no damage.
    let key = whole.windows(10).position(|window| window == b"\"scenario\"").expect("it has one");
    damaged[key..key + 8].fill(b'}');
    place.file("damaged", &damaged);
    place.file("empty", b"");
    place.file("binary", &[0xff, 0, 0x80, 7]);
    place.file("other", b"{\"name\": \"something else\"}");
    place.file("future", b"{\"format\": \"asl-sim-case\", \"version\": 7, \"more\": []}");
    std::fs::create_dir(place.0.path().join("directory")).expect("it can be made");
    for (name, part) in [
        ("truncated", "not a whole case file"),
        ("damaged", "not a whole case file"),
        ("empty", "it is empty"),
        ("binary", "it is not text"),
        ("other", "not a whole case file"),
        ("future", "use a newer asl-sim"),
        ("directory", "it is a directory"),
        ("absent", "there is none"),
        ("posix", "posix is a target"),
        ("/dev/zero", "too many"),
    ] {
        assert_refused(&place.run(&["replay", name]), part);
        assert_refused(&place.run(&["replay", "--expect-pass", &case.to_string_lossy(), name]), name);
    }
    assert_refused(&place.run(&["replay", &case.to_string_lossy(), "--ops", "3"]), "go with --seed");
    assert_refused(&place.run(&["replay"]), "CASE");
}

#[test]
fn a_place_for_cases_that_cannot_be_written_is_refused_before_anything_is_run() {
    let place = Place::new();
    place.file("file", b"in the way");
    for out in ["file", "file/below", "/proc/nothing/here"] {
        assert_refused(&place.run(&["run", "specimen:canary", "--out", out]), "cannot store cases in");
    }
}

#[test]
fn posix_passes_and_leaves_nothing_behind() {
    let place = Place::new();
    let output = place.run(&["run", "posix", "--seeds", "200", "--seed", "7"]);
    let text = stdout(&output);
    assert_eq!((status(&output), stderr(&output)), (0, String::new()), "{text}");
    assert!(text.contains("passed: 200 runs") && text.contains("base seed 0x7"), "{text}");
    assert!(!text.contains('\u{1b}'), "no escape codes where no terminal is: {text}");
    assert_eq!(place.0.path().read_dir().expect("it is there").count(), 0);
}

#[test]
fn a_failure_is_told_once_and_its_case_replays_in_another_process() {
    let place = Place::new();
    let (case, found) = place.failing_case();
    assert_eq!((status(&found), stderr(&found)), (10, String::new()));
    let lines_found = lines(&found);
    let types: Vec<&str> = lines_found.iter().filter_map(|line| line["type"].as_str()).collect();
    assert_eq!(types, ["start", "violation", "summary"]);
    let violation = &lines_found[1];
    let replayed = place.run(&["replay", &case.to_string_lossy(), "--format", "json"]);
    assert_eq!(status(&replayed), 10, "{}", stderr(&replayed));
    let from_seed = violation["seed"].as_str().expect("it has a seed");
    let from_seed = place.run(&["replay", "specimen:canary", "--seed", from_seed, "--format", "json"]);
    assert_eq!(status(&from_seed), 10, "{}", stderr(&from_seed));
    for (output, outcome) in [(&replayed, "reproduced"), (&from_seed, "violation")] {
        let line = &lines(output)[0];
        assert_eq!(line["outcome"], outcome);
        for field in ["invariant", "signature", "trace_hash", "ops"] {
            assert_eq!(line[field], violation[field], "{field}");
        }
    }
}

#[test]
fn a_stored_case_becomes_smaller_beside_the_bigger_one_and_replays() {
    let place = Place::new();
    let (case, found) = place.failing_case();
    let before = std::fs::read(&case).expect("it is there");
    let shrunk = place.run(&["shrink", &case.to_string_lossy(), "--for", "20s", "--format", "json"]);
    assert_eq!((status(&shrunk), stderr(&shrunk)), (0, String::new()), "{}", stdout(&shrunk));
    let line = &lines(&shrunk)[0];
    assert_eq!(line["ops_before"], lines(&found)[1]["ops"]);
    assert!(line["ops"].as_u64() < line["ops_before"].as_u64(), "{line}");
    assert_eq!(std::fs::read(&case).expect("it is there"), before, "the bigger one stays as it was");
    let smaller = line["case"].as_str().expect("it was stored");
    assert!(smaller.ends_with(".small.json"), "{smaller}");
    let replayed = place.run(&["replay", smaller, "--format", "json"]);
    assert_eq!(status(&replayed), 10, "{}", stdout(&replayed));
    for field in ["signature", "trace_hash", "ops"] {
        assert_eq!(lines(&replayed)[0][field], line[field], "{field}");
    }
}

#[test]
fn what_cannot_be_made_smaller_is_told_in_a_line() {
    let place = Place::new();
    let (case, _) = place.failing_case();
    place.file("damaged", b"{\"format\": \"asl-sim-case\", \"version\": 2, ");
    assert_refused(&place.run(&["shrink", "damaged"]), "not a whole case file");
    assert_refused(&place.run(&["shrink", "absent"]), "there is none");
    edit(&case, "target", "posix");
    let mended = place.run(&["shrink", &case.to_string_lossy()]);
    assert_eq!(status(&mended), 5, "{}", stderr(&mended));
    assert!(stderr(&mended).contains("it passed"), "{}", stderr(&mended));
}

#[test]
fn a_case_that_passes_on_another_host_is_no_reproduction_unless_that_is_expected() {
    let place = Place::new();
    let (case, _) = place.failing_case();
    let case = case.to_string_lossy();
    let other = place.run(&["replay", &case, "--target", "posix"]);
    assert_eq!(status(&other), 5, "{}", stdout(&other));
    assert!(stdout(&other).contains("did not reproduce"));
    assert_eq!(status(&place.run(&["replay", "--expect-pass", &case, "--target", "posix"])), 0);
    assert_eq!(status(&place.run(&["replay", "--expect-pass", "asl-sim-out", "--target", "posix"])), 0);
    assert_refused(&place.run(&["replay", "--expect-pass", "."]), "there is no case in");
    assert_eq!(status(&place.run(&["replay", "--expect-pass", &case])), 10);
}

#[test]
fn cases_in_a_directory_that_are_about_another_medium_are_left_out_and_counted() {
    // Once there were cases of hosts on buckets among the others, no host on files could be tried on all of them.
    let place = Place::new();
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/cases");
    let cases = cases.to_string_lossy();
    for (target, of_another) in
        [("posix", "about another medium than that of posix"), ("object", "of object")]
    {
        let tried = place.run(&["replay", "--expect-pass", &cases, "--target", target]);
        assert_eq!(status(&tried), 0, "{}", stderr(&tried));
        assert!(stdout(&tried).contains(of_another), "{}", stdout(&tried));
    }
    let one = format!("{cases}/list-is-truth.json");
    assert_refused(&place.run(&["replay", "--expect-pass", &one, "--target", "posix"]), "about objects");
}

/// Replaces a string field of a case.
fn edit(case: &Path, field: &str, value: &str) {
    let text = std::fs::read_to_string(case).expect("it is there");
    let mut json: Value = serde_json::from_str(&text).expect("it is JSON");
    json[field] = value.into();
    let mut file = File::create(case).expect("it can be written");
    file.write_all(json.to_string().as_bytes()).expect("there is room");
}

#[test]
fn the_trace_is_compared_only_with_a_case_of_the_same_build() {
    let place = Place::new();
    let (case, _) = place.failing_case();
    edit(&case, "trace_hash", "0123456789abcdef-1");
    let output = place.run(&["replay", &case.to_string_lossy()]);
    assert_eq!(status(&output), 5);
    assert!(stdout(&output).contains("the trace is another"), "{}", stdout(&output));
    edit(&case, "build", "asl-sim 0.0.1");
    let output = place.run(&["replay", &case.to_string_lossy()]);
    assert_eq!(status(&output), 10);
    assert!(stdout(&output).contains("not compared"), "{}", stdout(&output));
    edit(&case, "invariant", "log-prefix");
    assert_eq!(status(&place.run(&["replay", &case.to_string_lossy()])), 5);
}

#[test]
fn what_is_found_does_not_depend_on_the_number_of_threads() {
    let place = Place::new();
    let told = |jobs: &str, keep_going: bool| {
        let mut args = vec![
            "run",
            "specimen:canary",
            "--seed",
            "1",
            "--seeds",
            "700",
            "--format",
            "json",
            "--shrink-for",
            "0",
            "--jobs",
            jobs,
        ];
        args.extend(keep_going.then_some("--keep-going"));
        let mut lines = lines(&place.run(&args));
        for line in &mut lines {
            let object = line.as_object_mut().expect("each line is an object");
            object.retain(|field, _| field != "elapsed_s" && field != "jobs");
        }
        lines
    };
    assert_eq!(told("1", false), told("2", false));
    assert_eq!(told("1", true), told("3", true));
}

#[test]
fn the_replay_command_carries_what_was_not_default() {
    let place = Place::new();
    let output = place.run(&[
        "run",
        "specimen:canary",
        "--seed",
        "1",
        "--seeds",
        "5000",
        "--ops",
        "20",
        "--faults",
        "crash",
        "--shrink-for",
        "0",
    ]);
    let text = stdout(&output);
    let command =
        text.lines().map(str::trim).find_map(|line| line.strip_prefix("asl-sim replay specimen:canary "));
    let command = command.expect("it is printed");
    assert!(command.ends_with("--faults crash --ops 20"), "{command}");
    let mut args = vec!["replay", "specimen:canary"];
    args.extend(command.split(' '));
    let replayed = place.run(&args);
    assert_eq!(status(&replayed), 10);
    let trace = |text: &str| text.lines().find(|line| line.trim().starts_with("trace ")).map(str::to_owned);
    assert_eq!(trace(&stdout(&replayed)), trace(&text));
}

#[test]
fn known_failures_are_reported_and_do_not_fail_the_campaign() {
    let place = Place::new();
    let (_, found) = place.failing_case();
    let signature = lines(&found)[1]["signature"].as_str().expect("it has one").to_owned();
    place.file("known", format!("# the canary\n{signature}  # sings\n").as_bytes());
    let args = ["run", "specimen:canary", "--seed", "1", "--seeds", "290", "--known", "known"];
    let output = place.run(&args);
    let text = stdout(&output);
    assert_eq!(status(&output), 0, "{text}");
    assert!(text.contains("passed: 290 runs") && text.contains("known failures\n"), "{text}");
    assert!(text.contains(&signature), "{text}");
    let json = lines(&place.run(&[&args[..], &["--format", "json"]].concat()));
    let summary = json.last().expect("there is a summary");
    assert!(summary["known"][&signature].as_u64() > Some(0) && summary["violations"] == 0);
    place.file("sentence", b"append durable");
    assert_refused(&place.run(&["run", "posix", "--known", "sentence"]), "line 1 is no signature");
    assert_refused(&place.run(&["run", "posix", "--known", "absent"]), "there is none");
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let place = Place::new();
    let mut child = place
        .command(&["list", "invariants"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((status(&output), stderr(&output)), (0, String::new()));
}

#[test]
fn lists_read_as_they_do() {
    let place = Place::new();
    for what in ["invariants", "faults", "profiles", "cases"] {
        insta::assert_snapshot!(format!("list_{what}"), stdout(&place.run(&["list", what])));
        assert!(!lines(&place.run(&["list", what, "--format", "json"])).is_empty());
    }
    let targets = stdout(&place.run(&["list", "targets"]));
    assert!(targets.starts_with("posix ") && targets.contains("\nspecimen:canary "), "{targets}");
    assert!(targets.contains("\nexec ") && targets.contains("run exec -- PROGRAM"), "{targets}");
}
