//! Several processes and one store on a real disk: a killed writer loses nothing that it was told is durable, and a
//! second one is refused while the first lives.
//!
//! The other process is this test binary again, told by an environment variable what to do; it speaks through its
//! standard output and hears through its standard input. Not covered here: the loss of power, since the page cache
//! outlives a process.

use asl_host::env::OsEnv;
use asl_host::fs::OsFileSystem;
use asl_host::{Code, Host, HostTime, LogSeq, PosixHost, PosixOptions, Result, Store, StoreLocation};
use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::pin::pin;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Names the store's parent directory to the other process.
const ROOT: &str = "ASL_TEST_ROOT";
/// How often a writer is killed.
const ROUNDS: u64 = 5;
/// After how many acknowledgements it is killed, at least.
const RECORDS_PER_ROUND: u64 = 40;

/// One test at a time: between fork and exec, a child that another test starts holds copies of this process's files, and
/// with them the lock of a store that this one has just closed (flock(2)).
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

fn host(root: &Path) -> PosixHost {
    let options = PosixOptions { segment_len_max: 512, ..PosixOptions::default() };
    PosixHost::with_seams(OsFileSystem, OsEnv, root, options)
}

fn location(root: &Path) -> StoreLocation {
    StoreLocation::new(root.join("store").to_str().expect("temporary directories have plain names"))
}

/// What a record of this number holds; of different lengths, so that frames end anywhere.
fn record(number: u64) -> Vec<u8> {
    vec![number as u8; (number * 7 % 61) as usize]
}

/// Tells the other side something. The test harness captures `println!`, but not this.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    writeln!(out, "> {line}").and_then(|()| out.flush()).expect("the other side listens");
}

/// Another process, which runs one test of this binary; killed when it goes out of scope.
struct Other {
    child: Child,
    lines: io::Lines<BufReader<ChildStdout>>,
}

impl Other {
    fn start(test: &str, root: &Path) -> Other {
        let binary = env::current_exe().expect("this binary has a path");
        let mut child = Command::new(binary)
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(ROOT, root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start this binary again");
        let out = child.stdout.take().expect("it is piped");
        Other { child, lines: BufReader::new(out).lines() }
    }

    /// The number behind the next "> word"; `None` when the other side is gone.
    fn hear(&mut self, word: &str) -> Option<u64> {
        let mark = format!("> {word} ");
        // The harness writes too, even on the same line, and the last line may have been cut off in its number.
        let said = |line: String| line.split_once(&mark).and_then(|(_, number)| number.trim().parse().ok());
        self.lines.by_ref().map_while(io::Result::ok).find_map(said)
    }

    fn kill(&mut self) {
        self.child.kill().expect("kill it");
        self.child.wait().expect("wait for its end");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In the other process: appends until killed, and says each number once it is acknowledged.
async fn append_for_ever(root: &Path) -> Result<()> {
    let host = host(root);
    let store = host.open_store(&location(root)).await?;
    let mut last = store.durable_upto().await?.0;
    loop {
        let HostTime(now) = host.now().await?;
        let seq = store.append(&record(last + 1)).await?;
        assert_eq!(seq, LogSeq(last + 1));
        last = seq.0;
        say(&format!("acknowledged {seq}"));
        say(&format!("clock {now}"));
    }
}

#[test]
fn a_killed_writer_loses_nothing_that_was_acknowledged() {
    let _alone = alone();
    if let Some(root) = env::var_os(ROOT) {
        block_on(append_for_ever(Path::new(&root))).expect("append until killed");
        return;
    }
    let dir = tempfile::tempdir().expect("make a temporary directory");
    let root = dir.path();
    drop(block_on(host(root).create_store(&location(root))).expect("create"));
    let mut last = 0;
    for round in 1..=ROUNDS {
        let mut other = Other::start("a_killed_writer_loses_nothing_that_was_acknowledged", root);
        let mut acknowledged = last;
        while acknowledged < last + RECORDS_PER_ROUND + round {
            acknowledged = other.hear("acknowledged").expect("it appends");
        }
        other.kill();
        while let Some(number) = other.hear("acknowledged") {
            acknowledged = number.max(acknowledged);
        }
        last = check(root, acknowledged);
    }
}

/// The log holds what was acknowledged, and at most the record that was under way; the number of the last.
fn check(root: &Path, acknowledged: u64) -> u64 {
    let records = block_on(async {
        let store = host(root).open_store(&location(root)).await?;
        store.read(LogSeq::FIRST, usize::MAX).await
    });
    let records = records.expect("the store opens");
    for (found, number) in records.iter().zip(1..) {
        assert_eq!((found.seq, &found.data), (LogSeq(number), &record(number)));
    }
    let count = records.len() as u64;
    assert!(count == acknowledged || count == acknowledged + 1, "{count} for {acknowledged} acknowledged");
    count
}

#[test]
fn the_clock_goes_on_where_a_killed_process_left_it() {
    let _alone = alone();
    if let Some(root) = env::var_os(ROOT) {
        block_on(append_for_ever(Path::new(&root))).expect("append until killed");
        return;
    }
    let dir = tempfile::tempdir().expect("make a temporary directory");
    let root = dir.path();
    drop(block_on(host(root).create_store(&location(root))).expect("create"));
    let mut last = HostTime(0);
    for _ in 0..2 {
        let mut other = Other::start("the_clock_goes_on_where_a_killed_process_left_it", root);
        for _ in 0..10 {
            let now = other.hear("clock").map(HostTime).expect("it goes on");
            assert!(now > last);
            last = now;
        }
        other.kill();
        while let Some(now) = other.hear("clock") {
            last = HostTime(now).max(last);
        }
        let now = block_on(host(root).now()).expect("read the clock");
        assert!(now > last, "{now:?} after {last:?}");
        last = now;
    }
}

/// In the other process: holds the store open until its standard input ends.
async fn hold(root: &Path) -> Result<()> {
    let store = host(root).open_store(&location(root)).await?;
    say(&format!("holding {}", store.durable_upto().await?));
    let mut nothing = Vec::new();
    io::stdin().lock().read_to_end(&mut nothing).expect("wait for the end");
    store.append(b"written while others were refused").await?;
    store.close().await
}

#[test]
fn a_second_process_is_refused_while_the_first_lives() {
    let _alone = alone();
    if let Some(root) = env::var_os(ROOT) {
        block_on(hold(Path::new(&root))).expect("hold the store");
        return;
    }
    let test = "a_second_process_is_refused_while_the_first_lives";
    let dir = tempfile::tempdir().expect("make a temporary directory");
    let root = dir.path();
    let (host, location) = (host(root), location(root));
    drop(block_on(host.create_store(&location)).expect("create"));
    let refused = || {
        let opened = block_on(host.open_store(&location)).err().map(|error| error.code());
        assert_eq!(opened, Some(Code::ConcurrentModification));
        let destroyed = block_on(host.destroy_store(&location)).err().map(|error| error.code());
        assert_eq!(destroyed, Some(Code::ConcurrentModification));
        let created = block_on(host.create_store(&location)).err().map(|error| error.code());
        assert_eq!(created, Some(Code::Exists));
    };

    let mut killed = Other::start(test, root);
    assert_eq!(killed.hear("holding"), Some(0));
    refused();
    killed.kill();
    drop(block_on(host.open_store(&location)).expect("the lock died with its process"));

    let mut closing = Other::start(test, root);
    assert_eq!(closing.hear("holding"), Some(0));
    refused();
    drop(closing.child.stdin.take());
    assert!(closing.child.wait().expect("wait for its end").success());
    let store = block_on(host.open_store(&location)).expect("the other one has closed it");
    assert_eq!(block_on(store.durable_upto()).expect("ask"), LogSeq(1));
}
