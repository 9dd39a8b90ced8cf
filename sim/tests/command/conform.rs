//! `asl-sim conform` and `asl-sim doctor` as people and programs call them.
//!
//! What needs privileges or tools that are not here is skipped by conform itself, by name; that it was skipped with a
//! reason is all that is asked of it then. Full disks of ext4, xfs and btrfs are what `.ci/mounts` is for.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_asl-sim"));
    command.args(args).env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    command(args).output().expect("it can be started")
}

fn place() -> (TempDir, String) {
    let dir = tempfile::tempdir().expect("there is room");
    let name = dir.path().to_str().expect("temporary directories have plain names").to_owned();
    (dir, name)
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

fn entries(dir: &Path) -> BTreeSet<PathBuf> {
    dir.read_dir().expect("it can be listed").map(|entry| entry.expect("it can be listed").path()).collect()
}

/// Status 2, an error of one or two lines that says this, and nothing else.
#[track_caller]
fn assert_refused(output: &Output, part: &str) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.starts_with("error: ") && text.contains(part), "{text}");
    assert!((1..=2).contains(&text.lines().count()), "{text}");
    assert_eq!(stdout(output), "");
}

#[test]
fn posix_passes_and_leaves_the_directory_as_it_was() {
    let (dir, name) = place();
    fs::create_dir(dir.path().join("already here")).expect("there is room");
    let before = entries(dir.path());
    let output = run(&["conform", "posix", "--location", &name, "--format", "json"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()), "{}", stdout(&output));
    assert_eq!(entries(dir.path()), before);
    let lines = lines(&output);
    let (start, summary) = (&lines[0], &lines[lines.len() - 1]);
    assert_eq!(
        (&start["type"], &start["target"], &start["location"]),
        (&"start".into(), &"posix".into(), &name.into())
    );
    assert!(!start["file_system"].as_str().expect("it is text").is_empty());
    let cases = &lines[1..lines.len() - 1];
    // The check that nothing is left behind is no case that can be chosen.
    assert_eq!(Value::from(cases.len() - 1), start["cases"]);
    for case in cases {
        assert_eq!(case["type"], "case");
        let skipped = case["result"] == "skipped" && case["reason"].is_string();
        assert!(case["result"] == "passed" || skipped, "{case}");
        // For want of privileges; or because the host refuses a second writer, and has nobody to fence off.
        let by_nature = case["reason"] == "the host does not fence off older writers";
        let wanting = ["space", "read-only"].map(Value::from).contains(&case["group"]);
        assert!(!skipped || wanting || by_nature, "{case}");
    }
    assert_eq!((&summary["type"], &summary["failed"]), (&"summary".into(), &0.into()));
}

#[test]
fn a_single_case_reads_as_it_does() {
    let (_dir, name) = place();
    let output = run(&["conform", "posix", "--location", &name, "--case", "an empty record is a record"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let (first, rest) = text.split_once("\n\n").expect("a blank line follows the heading");
    assert!(first.starts_with(&format!("target posix  location {name}  file system ")), "{first}");
    let plain: Vec<String> = rest
        .lines()
        .map(|line| match line.split_once(" ms  ") {
            Some((_, sentence)) => format!("  passed         ms  {sentence}"),
            None if line.contains(" cases in ") => line.replace(|c: char| c.is_ascii_digit(), "N"),
            None => line.to_owned(),
        })
        .collect();
    insta::assert_snapshot!(plain.join("\n"));
}

#[test]
fn a_host_that_leaves_bytes_behind_on_a_full_disk_fails_with_a_command_that_shows_it_again() {
    let (dir, name) = place();
    let case = "running_out_of_space_loses_no_record_that_was_acknowledged";
    let target = "specimen:failed-append-leaves-bytes";
    let output = run(&["conform", target, "--location", &name, "--case", case]);
    let text = stdout(&output);
    if text.contains("  skipped  ") {
        assert!(text.contains("`asl-sim doctor` says"), "{text}");
        return;
    }
    assert_eq!(output.status.code(), Some(10), "{text}");
    assert!(text.contains("is torn: it has"), "{text}");
    let again = format!("again: asl-sim conform {target} --location {name} --case {case}\n");
    assert!(text.contains(&again), "{text}");
    assert_eq!(entries(dir.path()), BTreeSet::new());
}

#[test]
fn places_and_names_that_there_are_not_are_refused() {
    let (dir, name) = place();
    let file = dir.path().join("file");
    fs::File::create(&file).expect("there is room");
    assert_refused(&run(&["conform", "posix"]), "--location");
    assert_refused(&run(&["conform", "posix", "--location", "/nothing/here"]), "there is no such directory");
    assert_refused(&run(&["conform", "posix", "--location", &file.to_string_lossy()]), "not a directory");
    assert_refused(&run(&["conform", "posix", "--location", "/proc"]), "nothing can be made in it");
    assert_refused(
        &run(&["conform", "posx", "--location", &name]),
        r#"did you mean "posix" or "posix:on-flush"?"#,
    );
    let unknown = run(&["conform", "posix", "--location", &name, "--case", "a_new_store_is_emty"]);
    assert_refused(&unknown, r#"did you mean "a_new_store_is_empty"? `asl-sim list cases`"#);
    assert_refused(&run(&["conform-part", "posix", "hold", "/", "1"]), "has gone");
    assert_refused(&run(&["doctor", "--location", "/nothing/here"]), "/nothing/here");
    assert_eq!(entries(dir.path()), [file].into());
}

/// Starts a conform, and waits until this is in what it prints.
fn started(name: &str, until: &str) -> std::process::Child {
    let mut child =
        command(&["conform", "posix", "--location", name]).stdout(Stdio::piped()).spawn().expect("it starts");
    let out = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut lines = out.lines();
    let found = lines.by_ref().map_while(Result::ok).any(|line| line.starts_with(until));
    assert!(found, "it never came to {until}");
    // Somebody has to go on reading, or it is told that nobody does.
    std::thread::Builder::new().spawn(move || lines.count()).expect("there are threads to be had");
    child
}

#[test]
fn an_interrupt_ends_it_in_good_order() {
    let (dir, name) = place();
    let mut child = started(&name, "log");
    let sent = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status();
    assert!(sent.expect("there is a shell").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(entries(dir.path()), BTreeSet::new());
}

#[test]
fn a_kill_leaves_neither_processes_nor_mounts_behind() {
    let (dir, name) = place();
    for group in ["processes", "space"] {
        let mut child = started(&name, group);
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }
    let of_ours = || {
        let processes = fs::read_dir("/proc").expect("it can be listed").flatten();
        let mut told = processes.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
        told.any(|line| line.contains("conform-part") && line.contains(&name))
    };
    // They are told to die, which takes them a moment.
    let gone = (0..1_000).any(|_| {
        std::thread::park_timeout(Duration::from_millis(10));
        !of_ours()
    });
    assert!(gone, "another process goes on");
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("it can be read");
    assert!(!mounts.contains(&name), "{mounts}");
    // Nothing is mounted over it, so that it can be removed.
    dir.close().expect("it can be removed");
}

#[test]
fn a_doctor_says_what_there_is_and_what_is_skipped_for_want_of_the_rest() {
    let (_dir, name) = place();
    let text = stdout(&run(&["doctor", "--location", &name]));
    assert!(text.starts_with("machine   Linux ") && text.contains("location"), "{text}");
    assert!(!text.contains('\u{1b}'), "no escape codes where no terminal is: {text}");
    let output = run(&["doctor", "--format", "json"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    let object = &lines(&output)[0];
    assert_eq!(object["os"], "Linux");
    let items = object["items"].as_array().expect("it is a list");
    for name in ["location", "user", "mount namespaces", "loop devices", "ext4", "xfs", "btrfs", "/dev/fuse"]
    {
        let item = items.iter().find(|item| item["name"] == name);
        let item = item.unwrap_or_else(|| panic!("{name} is looked at"));
        assert_eq!(item["state"] != "ok", item["skipped"].is_string(), "{item}");
    }
}
