//! Hosts that test what a campaign does about hosts that it cannot rely on: the host on POSIX file systems, with something
//! mixed into the entropy that it is given.
//!
//! What `nondeterministic:` hosts mix in is of this process: an address that the kernel chose, the order of a hash map, a
//! static variable that outlives a run, how threads were scheduled, the wall clock. It is written to the medium, so that
//! traces differ. `fatal:abort` takes its whole process with it, in one run in some hundred.

use crate::hosts::{Machine, Target};
use crate::media::SimEnv;
use asl_host::env::Env;
use asl_host::{PosixHost, PosixOptions};
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is mixed in, given what was drawn.
type Source = fn(u64) -> u64;

const SOURCES: [(&str, &str, Source); 6] = [
    ("nondeterministic:address", "depends on an address", |_| address()),
    ("nondeterministic:hash-map", "depends on the order of a hash map", |_| hash_map()),
    ("nondeterministic:static", "depends on a static variable that outlives a run", |_| static_variable()),
    ("nondeterministic:threads", "depends on how threads are scheduled", |_| threads()),
    ("nondeterministic:clock", "depends on the wall clock", |_| clock()),
    ("fatal:abort", "aborts its process in one run in some hundred", abort),
];

pub(super) fn targets() -> Vec<Target> {
    let target = |(name, about, source): (&str, &str, Source)| {
        Target::new(name, about, move |machine| host(machine, source))
    };
    SOURCES.into_iter().map(target).collect()
}

fn host(machine: &Machine<'_>, source: Source) -> PosixHost<crate::media::SimFileSystem, Leaky> {
    let options = PosixOptions { segment_len_max: machine.segment_len_max(), ..PosixOptions::default() };
    let env = Leaky { inner: machine.env(), source };
    PosixHost::with_seams(machine.file_system(), env, machine.root(), options)
}

/// The simulated environment, with entropy that is not only the scenario's.
#[derive(Clone, Debug)]
struct Leaky {
    inner: SimEnv,
    source: Source,
}

impl Env for Leaky {
    fn now_ns(&self) -> u64 {
        self.inner.now_ns()
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        self.inner.fill_random(buffer);
        let drawn = buffer.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        for (byte, leaked) in buffer.iter_mut().zip((self.source)(drawn).to_le_bytes()) {
            *byte ^= leaked;
        }
    }

    async fn sleep(&self, duration: Duration) {
        self.inner.sleep(duration).await;
    }
}

fn abort(drawn: u64) -> u64 {
    if drawn.is_multiple_of(2048) {
        std::process::abort();
    }
    0
}

fn address() -> u64 {
    static HERE: u8 = 0;
    // Where the kernel put the program; allocators may hand out the same addresses in every process.
    std::ptr::from_ref(&HERE).addr() as u64 >> 12
}

#[expect(clippy::disallowed_types, reason = "this is what the ban is about")]
fn hash_map() -> u64 {
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_u64(7);
    hasher.finish()
}

fn static_variable() -> u64 {
    static STARTS: AtomicU64 = AtomicU64::new(0);
    STARTS.fetch_add(1, Ordering::Relaxed)
}

/// How often one thread looks before it sees what another has done.
fn threads() -> u64 {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| done.store(true, Ordering::Release));
        let mut looks = 0;
        while !done.load(Ordering::Acquire) {
            looks += 1;
            std::hint::spin_loop();
        }
        looks
    })
}

#[expect(clippy::disallowed_methods, reason = "this is what the ban is about")]
fn clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}
