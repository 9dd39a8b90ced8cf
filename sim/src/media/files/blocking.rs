//! The world as code sees it that cannot wait: every call takes effect at once, on the thread that makes it.
//!
//! For hosts that make system calls inside of `poll`, and whose calls are led here by whoever replaces those of the C library. Simulated
//! time passes with each call, faults hit it, and a crash may come there: from then on each call fails with EIO, until the executor has
//! control again and drops the host.
//!
//! Not modelled: other tasks that go on during a call.

use super::fs::{EIO, errno};
use crate::executor::Process;
use crate::media::{Sim, SimEnv, SimFileSystem};
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// One process of a simulated world.
#[derive(Clone, Debug)]
pub struct Blocking {
    sim: Arc<Sim>,
    process: Process,
}

impl Blocking {
    pub(crate) fn new(sim: Arc<Sim>, process: Process) -> Blocking {
        Blocking { sim, process }
    }

    /// The file system, whose calls are to be made by [`Blocking::call`].
    pub fn files(&self) -> SimFileSystem {
        SimFileSystem::new(self.sim.clone(), self.process)
    }

    /// Clock and entropy.
    pub fn env(&self) -> SimEnv {
        SimEnv::new(self.sim.clone(), self.process)
    }

    /// Simulated time since the run began, in nanoseconds.
    pub fn elapsed_ns(&self) -> u64 {
        self.sim.lock().executor.now_ns
    }

    /// Makes one call of the file system, at once.
    ///
    /// # Errors
    ///
    /// Those of the call; EIO if the crash comes there or has come, or if the process is dead.
    pub fn call<T>(&self, call: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        self.at_once(call).unwrap_or_else(|| Err(errno(EIO)))
    }

    /// Lets simulated time pass.
    pub fn sleep(&self, duration: Duration) {
        let duration_ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.at_once(self.sim.sleep(self.process, duration_ns));
    }

    fn at_once<T>(&self, call: impl Future<Output = T>) -> Option<T> {
        if !self.sim.lock().begin_blocking(self.process) {
            return None;
        }
        let polled = pin!(call).poll(&mut Context::from_waker(Waker::noop()));
        self.sim.lock().end_blocking();
        match polled {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }
}
