//! A small share of the comparison, for real: the command on the kernel's own file systems, and what it leaves behind.
//!
//! It needs root, FUSE, loop devices and mkfs. Where something is missing, a test says SKIPPED with its name and why, and
//! passes.
//!
//! Not covered here: how much a comparison finds, which takes more crash points than a test has time for.

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The command's exit status where it cannot be done.
const UNAVAILABLE: i32 = 13;
/// How often it is looked whether everything is gone, and how long it is waited in between.
const LOOKS_MAX: u32 = 150;
const LOOK_EVERY: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for file_system in ["ext4", "xfs", "btrfs"] {
        trials.push(Trial::test(format!("what_{file_system}_leaves_is_inside_of_the_model"), move || {
            is_inside_of_the_model(file_system)
        }));
        trials.push(Trial::test(
            format!("killed_while_it_looks_at_{file_system}_it_leaves_nothing_behind"),
            move || leaves_nothing_behind(file_system, "KILL"),
        ));
    }
    trials.push(Trial::test("interrupted_it_leaves_nothing_behind", || leaves_nothing_behind("ext4", "INT")));
    let mut arguments = Arguments::from_args();
    // They wait for devices more than they compute.
    arguments.test_threads.get_or_insert(trials.len());
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn command(file_system: &str, crash_points: &str, home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_asl-reality"));
    command.args(["--file-system", file_system, "--crash-points", crash_points]).env("TMPDIR", home);
    command
}

fn is_inside_of_the_model(file_system: &str) -> Result<(), Failed> {
    let home = TempDir::new()?;
    let Output { status, stdout, stderr } = command(file_system, "60", home.path()).output()?;
    let said = String::from_utf8_lossy(&stderr);
    if status.code() == Some(UNAVAILABLE) {
        skipped(&format!("what_{file_system}_leaves_is_inside_of_the_model"), &said);
        return Ok(());
    }
    if !status.success() {
        return Err(format!("{status}\n{}{said}", String::from_utf8_lossy(&stdout)).into());
    }
    nothing_is_left(home.path())
}

fn leaves_nothing_behind(file_system: &str, signal: &str) -> Result<(), Failed> {
    let home = TempDir::new()?;
    let mut command = command(file_system, "100000", home.path());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    sleep(Duration::from_secs(2));
    if child.try_wait()?.is_some_and(|status| status.code() == Some(UNAVAILABLE)) {
        let said = child.wait_with_output()?.stderr;
        let name = format!("leaves_nothing_behind ({file_system}, {signal})");
        skipped(&name, &String::from_utf8_lossy(&said));
        return Ok(());
    }
    send(signal, &child)?;
    child.wait()?;
    nothing_is_left(home.path())
}

fn send(signal: &str, child: &Child) -> Result<(), Failed> {
    let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status()?;
    if sent.success() { Ok(()) } else { Err("it could not be killed".into()) }
}

fn skipped(name: &str, said: &str) {
    println!("SKIPPED {name}: {}", said.trim());
}

/// Waits until there are neither directories nor loop devices of a run, and fails if they stay.
fn nothing_is_left(home: &Path) -> Result<(), Failed> {
    let mut left = Vec::new();
    for _ in 0..LOOKS_MAX {
        left.clear();
        for entry in std::fs::read_dir(home)? {
            left.push(entry?.path().display().to_string());
        }
        let devices = Command::new("losetup")
            .args(["--list", "--noheadings", "--output", "NAME,BACK-FILE"])
            .output()?;
        let devices = String::from_utf8_lossy(&devices.stdout).into_owned();
        let name = home.display().to_string();
        left.extend(devices.lines().filter(|line| line.contains(&name)).map(str::to_owned));
        if left.is_empty() {
            return Ok(());
        }
        sleep(LOOK_EVERY);
    }
    Err(format!("left behind: {left:?}").into())
}

#[expect(clippy::disallowed_methods, reason = "what another process does takes time of this world")]
fn sleep(time: Duration) {
    std::thread::sleep(time);
}
