//! A mount of the simulated file system against a directory on the disk: the same random calls in both, results and errors
//! compared call by call, and all that is there at the end of each round.
//!
//! How many calls there are says `ASL_SAME_CALLS` (100,000 if it is not set), which seed the first round has `ASL_SAME_SEED`. Each
//! round has a fresh mount. Where nothing can be mounted the test is ignored, by name.

mod calls;

use asl_sim::fuse::available;
use calls::{Call, Draw, Place};
use libtest_mimic::{Arguments, Failed, Trial};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

/// How many calls one mount sees.
const CALLS_IN_ROUND: u64 = 20_000;
/// How many calls are told of when a difference is found.
const CALLS_TOLD: usize = 12;

fn main() -> ExitCode {
    let can = available();
    let trial = Trial::test("random_calls_give_the_same_on_a_mount_as_on_the_disk", compare);
    libtest_mimic::run(&Arguments::from_args(), vec![trial.with_ignored_flag(can.is_err())]).exit_code()
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("it is a number"))
}

fn compare() -> Result<(), Failed> {
    let (count, seed) = (setting("ASL_SAME_CALLS", 100_000), setting("ASL_SAME_SEED", 1));
    for round in 0..count.div_ceil(CALLS_IN_ROUND) {
        let calls = CALLS_IN_ROUND.min(count - round * CALLS_IN_ROUND);
        compare_round(seed + round, calls).map_err(|difference| {
            format!("ASL_SAME_SEED={} ASL_SAME_CALLS={CALLS_IN_ROUND}: {difference}", seed + round)
        })?;
    }
    Ok(())
}

/// The process that serves a mount.
struct Served(Child);

impl Served {
    fn mount(dir: &Path, seed: u64) -> Served {
        let mut command = Command::new(env!("CARGO_BIN_EXE_asl-sim"));
        command.arg("mount").arg(dir).args(["--seed", &seed.to_string()]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it can be started");
        let mut told = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut told).expect("it tells");
        assert!(told.contains("mounted"), "{told}");
        Served(child)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let ended = Command::new("kill").arg(self.0.id().to_string()).status();
        assert!(ended.is_ok_and(|status| status.success()), "it was running");
        self.0.wait().expect("it ends");
    }
}

fn compare_round(seed: u64, calls: u64) -> Result<(), String> {
    let place = tempfile::tempdir().expect("there is room");
    let (mount, disk) = (place.path().join("mount"), place.path().join("disk"));
    fs::create_dir(&mount).and_then(|()| fs::create_dir(&disk)).expect("they are new");
    let _served = Served::mount(&mount, seed);
    let (mut mount, mut disk) = (Place::new(&mount, true), Place::new(&disk, false));
    let (mut draw, mut told, mut done) = (Draw(seed), Vec::new(), 0);
    for nth in 0..calls {
        let call = Call::draw(&mut draw);
        let (on_mount, on_disk) = (mount.make(&call), disk.make(&call));
        if on_mount != on_disk {
            let before = told[told.len().saturating_sub(CALLS_TOLD)..].join("\n  ");
            return Err(format!(
                "call {nth}, {call:?}\n gives {}\nbut on disk {}\nafter\n  {before}",
                short(&on_mount),
                short(&on_disk)
            ));
        }
        done += u64::from(on_disk.is_ok());
        told.push(format!("{call:?} -> {}", short(&on_disk)));
    }
    if mount.tree("") != disk.tree("") {
        return Err("what is there differs at the end".to_owned());
    }
    // Where nearly all fails there is little to compare.
    if done * 4 < calls { Err(format!("only {done} of {calls} calls did anything")) } else { Ok(()) }
}

fn short(result: &impl std::fmt::Debug) -> String {
    format!("{result:?}").chars().take(300).collect()
}
