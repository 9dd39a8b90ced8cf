//! What is known to make runs under madsim differ, or to reach from a dead process into the next one: each trap, and that nobody is
//! caught in it.
#![cfg(madsim)]
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "hosts use them, and madsim has them the same each time"
)]

use asl_host::Result;
use asl_host::env::Env;
use asl_host::fs::FileSystem;
use asl_sim::campaign::{capabilities, run_seed};
use asl_sim::history::{Ask, Event};
use asl_sim::scenario::generate::Wishes;
use asl_sim::scenario::{FaultClass, Runtime};
use asl_sim::target::{Machine, OwnOperation, Target};
use asl_sim::world::{Blocking, SimEnv, SimFileSystem};
use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio_host::{TokioHost, TokioStore};

type Store = TokioStore<SimFileSystem>;

const RUNS: u64 = 1000;

fn host(machine: &Machine<'_>) -> TokioHost<SimFileSystem, SimEnv> {
    TokioHost::new(machine.file_system(), machine.env(), machine.root())
}

/// Crashes, and nothing else.
fn wishes(target: &Target) -> Wishes {
    Wishes { runtime: Runtime::Madsim, classes: vec![FaultClass::Crash], ..target.wishes() }
}

/// What code sees that may differ from run to run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    /// The order of a hash map.
    order: Vec<u32>,
    /// Which of some branches that were all ready `select!` took.
    branches: Vec<u32>,
    /// A random number of the operating system's.
    random: u64,
    /// What time it is.
    time: SystemTime,
}

async fn look() -> Seen {
    let order = (0..8).collect::<HashSet<u32>>().into_iter().collect();
    let mut branches = Vec::new();
    for _ in 0..8 {
        branches.push(tokio::select! {
            () = std::future::ready(()) => 0,
            () = std::future::ready(()) => 1,
            () = std::future::ready(()) => 2,
        });
    }
    Seen { order, branches, random: RandomState::new().hash_one(0), time: SystemTime::now() }
}

/// The host, with an operation that looks around; and what a run's trace and its looks were.
fn looking() -> impl Fn(u64) -> (String, Vec<Seen>) {
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let looks = seen.clone();
    let operation = OwnOperation::new("look", move |_: &Store, _| {
        let looks = looks.clone();
        Box::pin(async move {
            let found = look().await;
            looks.lock().expect("nothing panics while it is held").push(found);
            Result::Ok(())
        })
    });
    let target = Target::new("looking", "a host that looks around", host).with_operation(operation);
    let wishes = Wishes { own: vec!["look".to_owned()], ..wishes(&target) };
    let offered = capabilities(&target, &wishes);
    move |seed| {
        let trial = run_seed(&target, seed, &wishes, &offered, false);
        assert!(trial.passed(), "seed {seed} fails: {:?}", trial.signature());
        (trial.outcome.trace.to_string(), std::mem::take(&mut *seen.lock().expect("as above")))
    }
}

/// Runs that differ between two processes are of no use to whoever replays one. What is seeded once a process, or once a thread, shows
/// when the same seeds are run in another order.
#[test]
fn a_thousand_seeds_run_twice_in_another_order_come_to_the_same() {
    let run = looking();
    let first: Vec<_> = (1..=RUNS).map(&run).collect();
    let second: Vec<_> = (1..=RUNS).rev().map(&run).collect();
    for (seed, (first, second)) in (1..=RUNS).zip(first.iter().zip(second.iter().rev())) {
        assert_eq!(first, second, "seed {seed}");
    }
    let all: Vec<&Seen> = first.iter().flat_map(|(_, seen)| seen).collect();
    assert!(all.len() > 1000, "{} looks", all.len());
    // And yet what differs in the field differs from seed to seed.
    assert!(all.iter().map(|seen| &seen.order).collect::<BTreeSet<_>>().len() > 100);
    assert!(all.iter().map(|seen| &seen.branches).collect::<BTreeSet<_>>().len() > 100);
    assert!(all.iter().map(|seen| seen.random).collect::<BTreeSet<_>>().len() > 1000);
    assert!(all.iter().map(|seen| seen.time).collect::<BTreeSet<_>>().len() > 1000);
}

/// A digest of the same seeds, for the test below, which runs it in processes of their own.
#[test]
#[ignore = "the one below starts it"]
fn child() {
    let run = looking();
    let traces: String = (1..=RUNS).map(|seed| run(seed).0 + " ").collect();
    println!("digest {:08x}", crc32c::crc32c(traces.as_bytes()));
}

#[test]
fn a_thousand_seeds_come_to_the_same_in_another_process() {
    let digest = || {
        let mut child = std::process::Command::new(std::env::current_exe().expect("it runs"));
        let output = child.args(["child", "--exact", "--ignored", "--nocapture"]).output();
        let told = String::from_utf8(output.expect("it can be started").stdout).expect("a text");
        let line =
            told.lines().find_map(|line| line.split_once("digest ").map(|(_, digest)| digest.to_owned()));
        line.unwrap_or_else(|| panic!("no digest in {told}"))
    };
    assert_eq!(digest(), digest());
}

/// Makes a file when it is dropped, as something that cleans up behind itself would remove one.
struct Ghost {
    process: Blocking,
    /// How many of them were dropped, and how many could still do something.
    seen: Arc<(AtomicUsize, AtomicUsize)>,
}

impl Drop for Ghost {
    fn drop(&mut self) {
        let path = format!("/root/ghost-{}", self.seen.0.fetch_add(1, Ordering::Relaxed));
        let made = self.process.call(self.process.files().create_dir(Path::new(&path)));
        self.seen.1.fetch_add(usize::from(made.is_ok()), Ordering::Relaxed);
    }
}

/// madsim drops the futures of a node that is killed after it has reset the node, when its successor may have begun.
#[test]
fn what_a_killed_process_does_as_it_is_dropped_changes_nothing() {
    let seen: Arc<(AtomicUsize, AtomicUsize)> = Arc::default();
    let shared = seen.clone();
    let target = Target::new("haunted", "a host with a ghost", move |machine| {
        let ghost = Ghost { process: machine.blocking(), seen: shared.clone() };
        tokio::spawn(async move {
            let _ghost = ghost;
            std::future::pending::<()>().await;
        });
        host(machine)
    });
    let wishes = wishes(&target);
    let offered = capabilities(&target, &wishes);
    // Another process, which tries to open the store and leaves at once, is not killed.
    let mut left = 0;
    for seed in 1..=200 {
        let trial = run_seed(&target, seed, &wishes, &offered, false);
        assert!(trial.passed(), "seed {seed} fails: {:?}", trial.signature());
        let second =
            |event: &&Event| matches!(event, Event::Asked { ask: Ask::Open { second: true, .. }, .. });
        left += trial.outcome.history.events().iter().filter(second).count();
    }
    let (dropped, acted) = (seen.0.load(Ordering::Relaxed), seen.1.load(Ordering::Relaxed));
    assert!(dropped - left > 400, "{dropped} were dropped, {left} in processes that left");
    assert!(acted <= left, "{acted} of {dropped} acted, {left} in processes that left");
}

/// Tasks of tokio itself, which a library that knows nothing of madsim spawns, would wait for ever.
#[test]
fn a_host_that_spawns_with_tokio_itself_is_told_so() {
    let target = Target::new("lost", "a host whose task nobody runs", |machine| {
        real_tokio::spawn(std::future::pending::<()>());
        host(machine)
    });
    let wishes = wishes(&target);
    let panic =
        catch_unwind(AssertUnwindSafe(|| capabilities(&target, &wishes))).expect_err("it cannot be run");
    let said = panic.downcast_ref::<String>().expect("a text");
    assert!(said.contains("madsim-tokio"), "{said}");
}

/// The seam's clock is the simulated one, and goes on as timers do.
#[test]
fn the_clock_of_the_seam_and_timers_agree() {
    let apart: Arc<Mutex<Vec<(Duration, Duration)>>> = Arc::default();
    let shared = apart.clone();
    let target = Target::new("timed", "a host that waits", move |machine| {
        let (env, apart) = (machine.env(), shared.clone());
        tokio::spawn(async move {
            let (timer, seam) = (tokio::time::Instant::now(), env.now_ns());
            env.sleep(Duration::from_millis(50)).await;
            let by_seam = Duration::from_nanos(env.now_ns() - seam);
            apart.lock().expect("nothing panics while it is held").push((timer.elapsed(), by_seam));
        });
        host(machine)
    });
    // No jumps of the clock.
    let wishes = Wishes { classes: vec![FaultClass::None], ..wishes(&target) };
    let offered = capabilities(&target, &wishes);
    for seed in 1..=100 {
        assert!(run_seed(&target, seed, &wishes, &offered, false).passed());
    }
    let apart = apart.lock().expect("nothing panics while it is held");
    assert!(apart.len() > 50, "{} waits", apart.len());
    for (by_timer, by_seam) in apart.iter() {
        assert!(*by_timer >= Duration::from_millis(50), "{by_timer:?}");
        assert!(by_seam.abs_diff(*by_timer) < Duration::from_millis(2), "{by_timer:?} and {by_seam:?}");
    }
}
