//! asl-host's own host, made a program by this crate: in the simulated file system, on a real disk, and asked what it should not be.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A program that Cargo has built beside this test, or an example.
fn built(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("it has a path");
    let deps = this.parent().expect("it is in a directory");
    deps.parent().expect("that is in the target directory").join(name)
}

/// The simulator that Cargo has built beside this test, as it does for the whole workspace; without one it is built. One that is
/// there is taken as it is: to build it here would be with other features, and take a minute each time.
fn simulator() -> PathBuf {
    let simulator = built("asl-sim");
    if simulator.exists() {
        return simulator;
    }
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "asl-sim", "--bin", "asl-sim"]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("there is a cargo");
    assert!(status.success(), "asl-sim cannot be built");
    simulator
}

fn asl_sim(place: &Path, words: &str) -> Output {
    let program = built("examples/posix_driver");
    let mut command = Command::new(simulator());
    command.args(words.split(' ')).arg("--").arg(program);
    command.current_dir(place).stdin(Stdio::null()).output().expect("it can be started")
}

fn place() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is room")
}

#[test]
fn the_posix_host_as_a_program_keeps_the_contract_in_the_simulated_file_system() {
    let output = asl_sim(place().path(), "run exec --seed 1 --seeds 20");
    if output.status.code() == Some(13) {
        eprintln!("skipped: {}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_posix_host_as_a_program_keeps_the_contract_on_a_real_disk() {
    let place = place();
    let output = asl_sim(place.path(), "conform exec --location .");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

/// What the program answers to these lines, and whether it ended well.
fn session(lines: &str) -> (Vec<String>, bool) {
    let mut program = Command::new(built("examples/posix_driver"));
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = program.spawn().expect("it can be started");
    child.stdin.take().expect("it is piped").write_all(lines.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8(output.stdout).expect("it is text");
    (said.lines().map(str::to_owned).collect(), output.status.success())
}

#[test]
fn what_is_asked_too_early_or_of_a_closed_store_is_refused_and_the_program_goes_on() {
    let place = place();
    let root = place.path().display();
    let (said, well) = session(&format!(
        r#"{{"id":1,"op":"now"}}
{{"id":2,"op":"hello","protocol":2,"root":"{root}"}}
{{"id":3,"op":"hello","protocol":1,"root":"{root}"}}
{{"id":4,"op":"create_store","location":"{root}/store"}}
{{"id":5,"op":"close_store","store":1}}
{{"id":6,"op":"append","store":1,"data":""}}
{{"id":7,"op":"defragment","store":1}}
"#
    ));
    assert!(well);
    for (line, part) in said.iter().zip([
        "unsupported",
        "unsupported",
        "\"max_record_len\":1048576",
        "\"ok\":{\"store\":1}",
        "\"ok\":{}",
        "closed",
        "unsupported",
    ]) {
        assert!(line.contains(part), "{line}: {part}");
    }
    assert_eq!(said.len(), 7);
}

#[test]
fn a_line_that_is_no_request_ends_the_program() {
    let (said, well) = session("good morning\n");
    assert!(said.is_empty() && !well);
}
