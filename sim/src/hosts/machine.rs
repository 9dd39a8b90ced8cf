//! Where a host runs: a process of the simulated world.

use crate::executor::Process;
use crate::media::files::ROOT;
use crate::media::{Blocking, Sim, SimCells, SimDisk, SimEnv, SimFileSystem};
use crate::scenario::Setup;
use std::sync::Arc;

/// A process in the simulated world, for a host to run in.
#[derive(Clone, Debug)]
pub struct Machine<'a> {
    pub(crate) sim: Arc<Sim>,
    pub(crate) process: Process,
    pub(crate) setup: &'a Setup,
}

impl Machine<'_> {
    /// The file system.
    pub fn file_system(&self) -> SimFileSystem {
        SimFileSystem::new(self.sim.clone(), self.process)
    }

    /// A handle to the block device.
    pub fn disk(&self) -> SimDisk {
        SimDisk::new(self.sim.clone(), self.process, SimDisk::LEN)
    }

    /// The bucket, for code that takes an `object_store::ObjectStore`.
    #[cfg(feature = "objects")]
    pub fn object_store(&self) -> crate::media::SimObjectStore {
        crate::media::SimObjectStore::new(self.sim.clone(), self.process)
    }

    /// Cells behind a network, for the tests of the simulator itself.
    pub(crate) fn cells(&self) -> SimCells {
        SimCells::new(self.sim.clone(), self.process)
    }

    /// An append unit in bytes that differs from run to run, for hosts that can have any.
    pub fn append_unit(&self) -> u32 {
        const UNITS: [u32; 8] = [1, 64, 100, 512, 512, 1000, 4096, 5000];
        UNITS[(self.setup.entropy >> 8) as usize % UNITS.len()]
    }

    /// Clock and entropy.
    pub fn env(&self) -> SimEnv {
        SimEnv::new(self.sim.clone(), self.process)
    }

    /// The world as code sees it that cannot wait, because it makes its calls inside of `poll`.
    pub fn blocking(&self) -> Blocking {
        Blocking::new(self.sim.clone(), self.process)
    }

    /// The directory that is the host's own; it exists.
    pub fn root(&self) -> &'static str {
        ROOT
    }

    /// Starts another node, for the host to talk to over madsim's network, unless one of this name is there already: it lives on when
    /// the host is killed. With some crashes it is killed too, and `serve` begins again. Its address is not one of 10.1.0.0/16, where
    /// the hosts' processes are. It has no disk: what it remembers it keeps in memory.
    ///
    /// # Panics
    ///
    /// Outside of a run on madsim; if the address is taken.
    #[cfg(all(feature = "madsim", madsim))]
    pub fn neighbour<F>(
        &self,
        name: &str,
        address: std::net::IpAddr,
        serve: impl Fn() -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + 'static,
    {
        self.sim.neighbours.start(name, address, serve);
    }

    /// How many bytes a segment should have before another is begun, for hosts that keep segments: small, so that a
    /// short run has several.
    pub fn segment_len_max(&self) -> u64 {
        self.setup.segment_len_max
    }
}
