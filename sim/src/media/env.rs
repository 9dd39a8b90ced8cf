//! The clock and entropy that hosts see: a wall clock that jumps when told to, and bytes drawn from the scenario.
//!
//! Not modelled: a clock that runs slow or stands still for longer than a call, and entropy that repeats.

use super::Sim;
use crate::executor::Process;
use asl_host::env::Env;
use std::sync::Arc;
use std::time::Duration;

/// The environment of one process in the simulated world.
#[derive(Clone, Debug)]
pub struct SimEnv {
    sim: Arc<Sim>,
    process: Process,
}

impl SimEnv {
    pub(crate) fn new(sim: Arc<Sim>, process: Process) -> SimEnv {
        SimEnv { sim, process }
    }
}

impl Env for SimEnv {
    fn now_ns(&self) -> u64 {
        self.sim.lock().executor.wall_ns()
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        self.sim.lock().executor.fill_random(buffer);
    }

    async fn sleep(&self, duration: Duration) {
        self.sim.sleep(self.process, u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)).await;
    }
}
