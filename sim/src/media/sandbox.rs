//! A simulated world without crashes and faults, to run any async code in: for tests that are not campaigns.
//!
//! Calls take simulated time, and those of futures that are polled together interleave as the seed has it. Nothing is
//! injected and nothing is judged.

use super::files::{ROOT, make_root};
use super::{Media, MediumSetup, Profile, Sim, SimDisk, SimEnv, SimFileSystem};
use crate::base::decide::{Decider, Site};
use crate::executor::{Ended, Task};
use crate::plan::Plan;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

/// A world of its own.
#[derive(Debug)]
pub struct Sandbox {
    sim: Arc<Sim>,
}

impl Sandbox {
    /// An empty world whose schedule, entropy and latencies come from the seed.
    pub fn new(seed: u64) -> Sandbox {
        Sandbox::on(Profile::Posix, seed)
    }

    /// The same, whose file system, or bucket, is as this profile has it.
    pub fn on(profile: Profile, seed: u64) -> Sandbox {
        let plan = Plan { entropy: seed, ..Plan::default() };
        let sandbox = Sandbox::deciding(MediumSetup::plain(profile), plan, Decider::seeded(seed));
        make_root(&sandbox.sim);
        sandbox
    }

    /// The same without a directory, with a plan of what goes wrong.
    pub(crate) fn deciding(setup: MediumSetup, plan: Plan, decide: Decider) -> Sandbox {
        Sandbox { sim: Sim::new(Media::new(setup), plan, decide) }
    }

    /// What was decided.
    #[cfg(all(test, feature = "objects"))]
    pub(crate) fn into_decider(self) -> Decider {
        let none = Decider::replaying(crate::base::decide::Decisions::new());
        std::mem::replace(&mut self.sim.lock().executor.decide, none)
    }

    /// The file system, to a process that lives as long as the world.
    pub fn file_system(&self) -> SimFileSystem {
        let process = self.sim.lock().process();
        SimFileSystem::new(self.sim.clone(), process)
    }

    /// A handle to the block device, to a process that lives as long as the world.
    pub fn disk(&self) -> SimDisk {
        let process = self.sim.lock().process();
        SimDisk::new(self.sim.clone(), process, SimDisk::LEN)
    }

    /// The bucket, to a process that lives as long as the world, for code that takes an `object_store::ObjectStore`.
    #[cfg(feature = "objects")]
    pub fn object_store(&self) -> super::SimObjectStore {
        let process = self.sim.lock().process();
        super::SimObjectStore::new(self.sim.clone(), process)
    }

    /// Clock and entropy.
    pub fn env(&self) -> SimEnv {
        let process = self.sim.lock().process();
        SimEnv::new(self.sim.clone(), process)
    }

    /// A directory that exists.
    pub fn root(&self) -> &'static str {
        ROOT
    }

    /// Runs a future to its end.
    ///
    /// # Panics
    ///
    /// If the future does, or waits for something that never happens.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let output = RefCell::new(None);
        let (done, waiter) = (Cell::new(false), RefCell::new(Waker::noop().clone()));
        let main: Task<'_> = Box::pin(async {
            self.sim.lock().enter(Site::Op(0), None);
            *output.borrow_mut() = Some(future.await);
            done.set(true);
            waiter.borrow().wake_by_ref();
        });
        // A second task, so that the first is never alone: a call made when nothing else could run takes no turn.
        let company: Task<'_> = Box::pin(poll_fn(|context| {
            waiter.borrow_mut().clone_from(context.waker());
            if done.get() { Poll::Ready(()) } else { Poll::Pending }
        }));
        match self.sim.run(vec![Some(main), Some(company)]) {
            Ended::Done => {}
            Ended::Panicked(text) => panic!("{text}"),
            ended => panic!("did not come to an end: {ended:?}"),
        }
        output.into_inner().expect("the task is done")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use asl_host::env::Env;
    use asl_host::fs::{File, FileSystem, OpenMode};
    use std::path::Path;

    #[test]
    fn code_runs_in_it_as_it_would_outside() {
        let sandbox = Sandbox::new(1);
        let read = sandbox.run(async {
            let fs = sandbox.file_system();
            let file = fs.open(Path::new("/root/f"), OpenMode::CreateNew).await?;
            file.write_at(b"hello", 0).await?;
            let mut bytes = [0; 8];
            let count = file.read_at(&mut bytes, 1).await?;
            std::io::Result::Ok(bytes[..count].to_vec())
        });
        assert_eq!(read.expect("nothing fails here"), b"ello");
    }

    #[test]
    fn the_same_seed_gives_the_same_time_and_entropy() {
        let draw = |seed| {
            let sandbox = Sandbox::new(seed);
            let env = sandbox.env();
            sandbox.run(async { env.sleep(std::time::Duration::from_millis(3)).await });
            (env.now_ns(), env.random_u64())
        };
        assert_eq!(draw(4), draw(4));
        assert_ne!(draw(4).1, draw(5).1);
    }

    #[test]
    #[should_panic(expected = "did not come to an end")]
    fn waiting_for_nothing_is_noticed() {
        Sandbox::new(1).run(std::future::pending::<()>());
    }
}
