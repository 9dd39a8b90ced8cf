//! Hosts whose runs depend on more than their seams: the host on POSIX file systems, with entropy into which something of
//! this process is mixed. The entropy is written to the medium, so that traces differ.
//!
//! Each kind is one that real hosts have: an address that the kernel chose, the order of a hash map, a static variable
//! that outlives a run, how threads were scheduled, the wall clock.

use super::{Machine, Target};
use crate::world::SimEnv;
use asl_host::env::Env;
use asl_host::{PosixHost, PosixOptions};
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Something that another process, or the same one later, has differently.
type Source = fn() -> u64;

const SOURCES: [(&str, &str, Source); 5] = [
    ("address", "depends on an address", address),
    ("hash-map", "depends on the order of a hash map", hash_map),
    ("static", "depends on a static variable that outlives a run", static_variable),
    ("threads", "depends on how threads are scheduled", threads),
    ("clock", "depends on the wall clock", clock),
];

pub(super) fn targets() -> Vec<Target> {
    let target = |(name, about, source): (&str, &str, Source)| {
        Target::new(format!("nondeterministic:{name}"), about, move |machine| host(machine, source))
    };
    SOURCES.into_iter().map(target).collect()
}

fn host(machine: &Machine<'_>, source: Source) -> PosixHost<crate::world::SimFileSystem, Leaky> {
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
        for (byte, leaked) in buffer.iter_mut().zip((self.source)().to_le_bytes()) {
            *byte ^= leaked;
        }
    }

    async fn sleep(&self, duration: Duration) {
        self.inner.sleep(duration).await;
    }
}

fn address() -> u64 {
    let here = Box::new(0_u8);
    // Pages are where the kernel put them; what is within a page may be the same in every process.
    std::ptr::from_ref(&*here).addr() as u64 >> 12
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
