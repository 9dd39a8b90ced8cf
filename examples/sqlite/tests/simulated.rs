//! The host in the simulated file system: correct with `synchronous=FULL` in every profile, and with `NORMAL` found to lose what it
//! acknowledged, as SQLite's documentation says.
//!
//! `ASL_SQLITE_SEEDS` says how many seeds each profile gets. Without `/dev/fuse` and the right to mount these tests say that they
//! are skipped.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const HOST: &str = env!("CARGO_BIN_EXE_sqlite-host");

/// The simulator that Cargo has built beside this test, as it does for the whole workspace; without one it is built. One that is
/// there is taken as it is: to build it here would be with other features, and take a minute each time.
fn simulator() -> PathBuf {
    let simulator = Path::new(HOST).with_file_name("asl-sim");
    if simulator.exists() {
        return simulator;
    }
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "asl-sim", "--bin", "asl-sim"]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("there is a cargo");
    assert!(built.success(), "asl-sim cannot be built");
    simulator
}

fn asl_sim(place: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(simulator());
    command.args(args).current_dir(place).stdin(Stdio::null()).output().expect("it can be started")
}

fn place() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is room")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("it is text")
}

/// Whether these tests cannot be made here, which is said.
fn is_skipped(output: &Output) -> bool {
    let skipped = output.status.code() == Some(13);
    if skipped {
        eprintln!("skipped: {}", String::from_utf8_lossy(&output.stderr));
    }
    skipped
}

#[test]
fn with_synchronous_full_it_keeps_the_contract_in_every_profile() {
    let seeds = std::env::var("ASL_SQLITE_SEEDS").unwrap_or_else(|_| "10".to_owned());
    for profile in ["posix", "ext4-ordered", "ext4-writeback", "xfs", "btrfs", "zfs"] {
        let place = place();
        let args = ["run", "exec", "--seed", "1", "--seeds", &seeds, "--profile", profile, "--", HOST];
        let output = asl_sim(place.path(), &args);
        if is_skipped(&output) {
            return;
        }
        assert_eq!(output.status.code(), Some(0), "{profile}: {}", text(output.stdout));
    }
}

#[test]
fn with_synchronous_normal_it_loses_what_it_acknowledged_and_the_case_replays() {
    let place = place();
    let words = "run exec --seed 1 --seeds 20 --faults crash --shrink-for 5s --format json --";
    let mut args: Vec<&str> = words.split(' ').collect();
    args.extend([HOST, "--synchronous", "normal"]);
    let output = asl_sim(place.path(), &args);
    if is_skipped(&output) {
        return;
    }
    let told = text(output.stdout);
    assert_eq!(output.status.code(), Some(10), "{told}");
    let mut lines = told.lines().map(|line| serde_json::from_str::<Value>(line).expect("it is JSON"));
    let violation = lines.find(|line| line["type"] == "violation").expect("it is told");
    assert_eq!(violation["invariant"], "append-durable", "{violation}");
    assert!(violation["ops"].as_u64() <= Some(5), "it was made small: {violation}");

    let case = violation["case"].as_str().expect("it was stored");
    let replayed = asl_sim(place.path(), &["replay", case]);
    let told = text(replayed.stdout);
    assert_eq!(replayed.status.code(), Some(10), "{told}");
    assert!(told.contains("the same as in the case"), "{told}");
    // With FULL the same crash loses nothing.
    let mended = asl_sim(place.path(), &["replay", case, "--target", &format!("exec -- {HOST}")]);
    assert_eq!(mended.status.code(), Some(5), "{}{}", text(mended.stdout), text(mended.stderr));
}

/// Closing a database takes a while: the simulator opened the store from another process before the first had let go of it.
#[test]
fn it_keeps_the_contract_on_a_real_disk() {
    let place = place();
    let output = asl_sim(place.path(), &["conform", "exec", "--location", ".", "--", HOST]);
    assert_eq!(output.status.code(), Some(0), "{}", text(output.stdout));
}
