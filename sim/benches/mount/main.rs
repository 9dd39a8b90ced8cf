//! How long one cycle through a mount takes: 50 appends of 512 bytes with fdatasync each, a loss of power, a new mount, and a look
//! at what is left.
//!
//! ```text
//! cargo bench -p asl-sim --bench mount
//! ```
//!
//! Told apart are the appends, the change of mounts (cut, unmount, loss of power, mount) and the check; each is the median of
//! the cycles. The calls are made by this process, so that no start of a program is in it. It ends with status 13 where nothing
//! can be mounted.

use asl_sim::fuse::{Incoming, Mount, available};
use asl_sim::scenario::Profile;
use asl_sim::world::vfs::{Owner, Served};
use crossbeam_channel::unbounded;
use rustix::time::{ClockId, clock_gettime};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

const CYCLES: usize = 300;
const APPENDS: usize = 50;
const RECORD: [u8; 512] = [7; 512];

fn now() -> Duration {
    clock_gettime(ClockId::Monotonic).try_into().expect("it does not go below zero")
}

fn since(begin: Duration) -> Duration {
    now().checked_sub(begin).expect("this clock does not go back")
}

/// Serves the world on a thread as long as the mount is there, and has something done with it meanwhile.
fn mounted<T>(world: &Mutex<Served>, dir: &Path, work: impl FnOnce() -> T) -> (T, Duration) {
    let (sender, receiver) = unbounded();
    let begin = now();
    let mount = Mount::new(dir, "asl-sim:bench", sender).expect("it can be mounted");
    let mounting = since(begin);
    thread::scope(|scope| {
        scope.spawn(|| {
            for Incoming { request, reply } in receiver {
                reply.answer(world.lock().expect("nothing panicked").carry_out(request));
            }
        });
        let done = work();
        let begin = now();
        mount.cut();
        mount.unmount().expect("nobody uses it");
        (done, mounting + (since(begin)))
    })
}

fn append(path: &Path) -> Duration {
    let begin = now();
    let mut file = OpenOptions::new().append(true).create(true).open(path).expect("it can be opened");
    let dir = File::open(path.parent().expect("it has one")).expect("it is there");
    dir.sync_all().expect("it can be synced");
    for _ in 0..APPENDS {
        file.write_all(&RECORD).and_then(|()| file.sync_data()).expect("nothing fails");
    }
    since(begin)
}

fn check(path: &Path) -> Duration {
    let begin = now();
    let bytes = fs::read(path).expect("its name was synced");
    assert_eq!(bytes.len(), APPENDS * RECORD.len(), "all of it was synced");
    assert!(bytes.iter().all(|byte| *byte == RECORD[0]));
    fs::remove_file(path).expect("it is there");
    since(begin)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

fn main() -> ExitCode {
    if let Err(why) = available() {
        eprintln!("nothing can be mounted: {why}");
        return ExitCode::from(13);
    }
    let place = tempfile::tempdir().expect("there is room");
    let (dir, path) = (place.path(), place.path().join("log"));
    let world = Mutex::new(Served::new(Profile::Posix, 1, Owner::default()));
    let (mut appends, mut changes, mut checks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..CYCLES {
        let (appending, first) = mounted(&world, dir, || append(&path));
        let begin = now();
        world.lock().expect("nothing panicked").crash().expect("the root is there");
        let crashing = since(begin);
        let (checking, second) = mounted(&world, dir, || check(&path));
        appends.push(appending);
        changes.push((first + second) / 2 + crashing);
        checks.push(checking);
    }
    let (appends, changes, checks) = (median(appends), median(changes), median(checks));
    println!("{CYCLES} cycles of {APPENDS} appends of {} B with fdatasync, medians:", RECORD.len());
    println!("  appends {appends:.2} ms, cut and new mount {changes:.2} ms, check {checks:.2} ms");
    println!("  a cycle {:.2} ms", appends + changes + checks);
    ExitCode::SUCCESS
}
