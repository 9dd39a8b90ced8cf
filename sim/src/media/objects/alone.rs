//! A bucket that stands alone: outside of runs, for tests of code that spawns tasks on a runtime of its own.
//!
//! Requests take the time that the runtime's timer lets pass; with time that is paused, none of the test's. What fails is drawn from the
//! seed, and so is where requests land whose answer was lost, or whose future was dropped. With one thread and paused time the same
//! seed does the same.
//!
//! Nothing crashes here by itself: to kill a client is to drop its tasks. Nothing is judged.

use super::SimObjectStore;
use crate::base::decide::{Address, Decider, Question, Site, mix};
use crate::executor::other::Other;
use crate::media::{Media, MediumSetup, Profile, Sim};
use crate::plan::{FaultKind, FaultPlan, Plan};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// So many faults of a kind are planned; a bucket that is asked more often suffers no more of them.
const PLANNED: u32 = 200;

type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The runtime's timer.
struct Timer {
    sleep: Box<dyn Fn(Duration) -> Sleep + Send + Sync>,
    /// The sum of all waits, which nobody is told: it only grows.
    now_ns: AtomicU64,
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Timer")
    }
}

impl Other for Timer {
    fn sleep(&self, duration_ns: u64) -> Sleep {
        self.now_ns.fetch_add(duration_ns, Ordering::Relaxed);
        (self.sleep)(Duration::from_nanos(duration_ns))
    }

    fn now_ns(&self) -> u64 {
        self.now_ns.load(Ordering::Relaxed)
    }

    fn wake(&self) {}

    fn is_endless(&self) -> bool {
        true
    }
}

impl SimObjectStore {
    /// A bucket of its own, as this profile has it. `faults` says how many requests that a fault can hit there are for one that it hits,
    /// on average; `sleep` is the timer of the runtime on which the bucket is used.
    ///
    /// # Panics
    ///
    /// If the profile is no bucket's.
    pub fn alone<F>(
        profile: Profile,
        seed: u64,
        faults: &[(FaultKind, u32)],
        sleep: impl Fn(Duration) -> F + Send + Sync + 'static,
    ) -> SimObjectStore
    where
        F: Future<Output = ()> + Send + 'static,
    {
        assert!(profile.bucket().is_some(), "{} is no bucket's profile", profile.as_str());
        let faults = faults.iter().flat_map(|&(kind, one_in)| planned(seed, kind, one_in)).collect();
        let plan = Plan { entropy: seed, faults, ..Plan::default() };
        let sim = Sim::new(Media::new(MediumSetup::plain(profile)), plan, Decider::seeded(seed));
        let timer = Timer { sleep: Box::new(move |time| Box::pin(sleep(time))), now_ns: AtomicU64::new(0) };
        sim.move_by(Arc::new(timer));
        let process = {
            let mut world = sim.lock();
            // Two, so that none is alone: time passes between requests.
            world.executor.start_tasks([0, 0].into_iter());
            world.enter(Site::Op(0), None);
            world.process()
        };
        SimObjectStore::new(sim, process)
    }
}

/// Faults of a kind, so far apart on average.
fn planned(seed: u64, kind: FaultKind, one_in: u32) -> impl Iterator<Item = FaultPlan> {
    let mut skip = 0_u32;
    (0..PLANNED).map(move |nth| {
        let drawn = mix(seed, Address::new(Question::Behind, kind as u32, nth, 0));
        // Requests that are hit do not count: one in so many, on average.
        skip = skip.saturating_add((drawn % u64::from(2 * one_in.max(1) - 1)) as u32);
        FaultPlan { site: Site::Op(0), skip, kind }
    })
}
