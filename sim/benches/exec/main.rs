//! How many crashes a second a host gets through that is a program: with the file system mounted, and with the library loaded into it.
//!
//! ```text
//! cargo bench -p asl-sim --bench exec
//! ```
//!
//! Counted are kills and losses of power, each with the start of a new process, its recovery and the look at everything after it, and
//! the operations before it. The hosts are the examples in C and in Python, whose start alone takes many times as long. The two worlds
//! take turns, with the same seeds, on all cores; each figure is the best of the rounds. It ends with status 13 where nothing can be
//! mounted, after the figures that do not take that.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

const ROUNDS: usize = 3;
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");

/// A host, and how many runs a round takes.
struct Host {
    name: &'static str,
    words: Vec<String>,
    seeds: u32,
}

fn hosts(place: &Path) -> [Host; 2] {
    let (source, program) = (format!("{EXAMPLES}/c/host.c"), place.join("host").display().to_string());
    let compiled = Command::new("cc").args(["-O2", "-o", &program, &source]).status();
    assert!(compiled.expect("there is a compiler").success());
    // The interpreter itself: `python3` may be a script that looks for it, and takes ten times as long to start.
    let asked = Command::new("python3").args(["-c", "import sys; print(sys.executable, end='')"]).output();
    let python = String::from_utf8(asked.expect("there is Python").stdout).expect("it is text");
    let python = [&python, "-S", &format!("{EXAMPLES}/python/host.py")].map(str::to_owned);
    [
        Host { name: "C", words: vec![program], seeds: 200 },
        Host { name: "Python", words: python.to_vec(), seeds: 20 },
    ]
}

/// Crashes a second; `None` if there is no such world here.
fn crashes_per_s(place: &Path, host: &Host, world: &str) -> Option<f64> {
    let seeds = host.seeds.to_string();
    let options = ["--seed", "1", "--seeds", &seeds, "--check-determinism", "off", "--format", "json"];
    let output = Command::new(env!("CARGO_BIN_EXE_asl-sim"))
        .args(["run", "exec", "--world", world])
        .args(options)
        .arg("--")
        .args(&host.words)
        .current_dir(place)
        .stdin(Stdio::null())
        .output()
        .expect("it can be started");
    if output.status.code() == Some(13) {
        return None;
    }
    let text = String::from_utf8(output.stdout).expect("it is text");
    assert!(output.status.success(), "{text}");
    let summary: Value = serde_json::from_str(text.lines().last().expect("a summary")).expect("it is JSON");
    let (crashes, seconds) = (summary["crashes"].as_f64(), summary["elapsed_s"].as_f64());
    Some(crashes.expect("a number") / seconds.expect("a number"))
}

/// The best of several rounds, in which the worlds take turns.
fn measured(place: &Path, host: &Host) -> (Option<f64>, f64) {
    let (mut fuse, mut preload) = (None, 0.0_f64);
    for _ in 0..ROUNDS {
        fuse = crashes_per_s(place, host, "fuse").map(|now| now.max(fuse.unwrap_or(0.0)));
        let now = crashes_per_s(place, host, "preload");
        preload = preload.max(now.expect("the library is built with the simulator"));
    }
    (fuse, preload)
}

fn main() -> ExitCode {
    let place = tempfile::tempdir().expect("there is room");
    let mut status = ExitCode::SUCCESS;
    println!("crashes/s of a host that is a program, the best of {ROUNDS} rounds:");
    for host in hosts(place.path()) {
        let (fuse, preload) = measured(place.path(), &host);
        match fuse {
            Some(fuse) => println!(
                "  {:<6}  fuse {fuse:>5.0}  preload {preload:>5.0}  {:.2} times as many",
                host.name,
                preload / fuse
            ),
            None => {
                println!("  {:<6}  preload {preload:>5.0}; nothing can be mounted", host.name);
                status = ExitCode::from(13);
            }
        }
    }
    status
}
