//! Programs in the world that is loaded into them: what is led there, what is not, and what is said then. That the examples keep the
//! contract there, and that bugs are found, is in `exec.rs`, beside the mount.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const C_HOST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/c/host.c");

fn asl_sim(place: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_asl-sim"));
    command.args(args).current_dir(place).stdin(Stdio::null()).output().expect("it can be started")
}

fn place() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is room")
}

/// The program that this C source comes to. Without a compiler there is no Rust either.
fn compiled(place: &Path, source: &str, options: &[&str]) -> PathBuf {
    let program = place.join("host");
    let mut cc = Command::new("cc");
    let done = cc.args(["-O2", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&program).arg(source).args(options);
    assert!(done.status().expect("there is a compiler").success());
    program
}

#[test]
fn a_program_that_is_linked_statically_is_refused_with_a_way_out() {
    let place = place();
    compiled(place.path(), C_HOST, &["-static"]);
    let output =
        asl_sim(place.path(), &["run", "exec", "--world", "preload", "--seeds", "1", "--", "./host"]);
    let said = String::from_utf8(output.stderr).expect("it is text");
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("linked statically") && said.contains("--world fuse"), "{said}");
}

#[test]
fn without_the_library_it_is_said_where_to_get_it() {
    let place = place();
    let mut command = Command::new(env!("CARGO_BIN_EXE_asl-sim"));
    command.args(["run", "exec", "--world", "preload", "--seeds", "1", "--", "true"]);
    let output = command.env("ASL_SIM_PRELOAD", "/not/there.so").current_dir(place.path()).output();
    let output = output.expect("it can be started");
    let said = String::from_utf8(output.stderr).expect("it is text");
    assert_eq!(output.status.code(), Some(13), "{said}");
    assert!(said.contains("/not/there.so") && said.contains("cargo build -p asl-preload"), "{said}");
}

#[test]
fn the_same_calls_come_to_the_same_as_on_the_disk() {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/preload_programs/calls.c");
    let place = place();
    let program = compiled(place.path(), source, &["-Wno-format-truncation"]);
    let real = place.path().join("real");
    std::fs::create_dir(&real).expect("there is room");
    let (disk, world) = (place.path().join("disk.txt"), place.path().join("world.txt"));
    let status = Command::new(&program).arg(&real).arg(&disk).status().expect("it can be started");
    assert!(status.success());
    let out = world.to_string_lossy();
    let words = ["run", "exec", "--world", "preload", "--seeds", "1", "--ops", "1", "--faults", "none"];
    let more = ["--check-determinism", "off", "--shrink-for", "0", "--", "./host", &out];
    // That it is no host is found out, and is not what this is about.
    let output = asl_sim(place.path(), &[&words[..], &more].concat());
    let transcript = |path: &Path| std::fs::read_to_string(path).expect("it was written");
    let (disk, world) = (transcript(&disk), transcript(&world));
    assert!(disk.ends_with("the end\n"), "{disk}");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(world.ends_with("the end\n"), "{world}{said}");
    let differing: Vec<_> = disk.lines().zip(world.lines()).filter(|(disk, world)| disk != world).collect();
    assert!(differing.is_empty(), "on the disk and in the world: {differing:#?}");
}
