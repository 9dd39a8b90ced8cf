//! What can be tested: hosts, made anew for every process of a simulated world.
//!
//! A [`Target`] has a name and boots a host in a [`Machine`]: a process with the simulated file system, clock and entropy.
//! If it can, it also boots the host on a [`Disk`]: a directory of the operating system's.
//! Hosts are kept behind object-safe mirrors of the contract's traits (`AnyHost`, `AnyStore`), so that the code that
//! drives a run is compiled once, not once for each host.

mod boxed;
mod erased;
mod hidden;
mod operation;
mod specimens;

use crate::check::{INVARIANTS, OwnInvariant};
use crate::host::{SimHost, SimOptions};
use crate::process::Program;
use crate::runtime::{Process, Sim};
use crate::scenario::generate::{Reach, Wishes};
use crate::scenario::{FaultClass, Setup};
use crate::world::{Blocking, SimDisk, SimEnv, SimFileSystem};
use asl_host::env::OsEnv;
use asl_host::fs::OsFileSystem;
use asl_host::{Capabilities, Durability, Exclusion, Host, PosixHost, PosixOptions};
use std::fmt;
use std::sync::Arc;

pub(crate) use boxed::BoxedHost;
pub(crate) use erased::{AnyHost, AnyStore};
pub use operation::{OwnFuture, OwnOperation};

/// Where in the simulated file system a host's root is, and where stores are made.
pub(crate) const ROOT: &str = "/root";

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

/// A directory on a real disk, for a host to run in, with the operating system's file system, clock and entropy.
#[derive(Clone, Debug)]
pub struct Disk {
    root: String,
}

impl Disk {
    /// A directory that exists.
    pub(crate) fn new(root: impl Into<String>) -> Disk {
        Disk { root: root.into() }
    }

    /// The file system.
    pub fn file_system(&self) -> OsFileSystem {
        OsFileSystem
    }

    /// Clock and entropy.
    pub fn env(&self) -> OsEnv {
        OsEnv
    }

    /// The directory that is the host's own; it exists. Stores are made in it.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// How many bytes a segment should have before another is begun, for hosts that keep segments: small, so that few
    /// records fill several.
    pub fn segment_len_max(&self) -> u64 {
        4 << 10
    }
}

type Boot = dyn Fn(&Machine<'_>) -> Box<dyn AnyHost> + Send + Sync;
type BootOnDisk = dyn Fn(&Disk) -> Box<dyn AnyHost> + Send + Sync;

/// Something that can be tested.
#[derive(Clone)]
pub struct Target {
    name: String,
    about: String,
    boot: Arc<Boot>,
    usual_faults: Vec<FaultClass>,
    boot_on_disk: Option<Arc<BootOnDisk>>,
    breaks: Option<&'static str>,
    invariants: Vec<OwnInvariant>,
    operations: Vec<OwnOperation>,
    /// What is started, and what it says it offers, if the host is a process.
    program: Option<(Arc<Program>, Capabilities)>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Target {
    /// A target of this name, whose host is made by `boot` each time that a process starts.
    pub fn new<H: Host>(
        name: impl Into<String>,
        about: impl Into<String>,
        boot: impl Fn(&Machine<'_>) -> H + Send + Sync + 'static,
    ) -> Target {
        Target {
            name: name.into(),
            about: about.into(),
            boot: Arc::new(move |machine| Box::new(boot(machine)) as Box<dyn AnyHost>),
            usual_faults: vec![FaultClass::Crash, FaultClass::Error],
            boot_on_disk: None,
            breaks: None,
            invariants: Vec::new(),
            operations: Vec::new(),
            program: None,
        }
    }

    /// The same, whose host is a process: this program.
    #[must_use]
    pub(crate) fn that_is_a_program(mut self, program: Arc<Program>, offers: Capabilities) -> Target {
        self.program = Some((program, offers));
        self
    }

    /// What is started, if the host is a process.
    pub(crate) fn program(&self) -> Option<&Arc<Program>> {
        self.program.as_ref().map(|(program, _)| program)
    }

    /// What the host offers, if that was found out already.
    pub(crate) fn said_capabilities(&self) -> Option<Capabilities> {
        self.program.as_ref().map(|(_, offers)| *offers)
    }

    /// What of scenarios can be made to happen to it.
    pub(crate) fn reach(&self) -> Reach {
        self.program().map_or(Reach::Everything, |program| program.world.reach())
    }

    /// The same, judged by an invariant of one's own as well as by the contract. `cargo run -p asl-sim --example
    /// own_invariant` shows one at work.
    ///
    /// # Panics
    ///
    /// If an invariant of the contract has that name, or one that was given before.
    #[must_use]
    pub fn with_invariant(mut self, invariant: OwnInvariant) -> Target {
        let name = invariant.name;
        let contract = INVARIANTS.iter().map(|other| other.name);
        let mut taken = contract.chain(self.invariants.iter().map(|other| other.name));
        assert!(!taken.any(|other| other == name), "two invariants are called {name}");
        self.invariants.push(invariant);
        self
    }

    /// The invariants that it is judged by besides the contract's.
    pub fn invariants(&self) -> &[OwnInvariant] {
        &self.invariants
    }

    /// The same, whose clients carry out this operation of the host's own as well, if the [wishes](Target::wishes) say so.
    ///
    /// # Panics
    ///
    /// If an operation of that name was given before.
    #[must_use]
    pub fn with_operation(mut self, operation: OwnOperation) -> Target {
        let name = operation.name();
        assert!(self.operation(name).is_none(), "two operations are called {name}");
        self.operations.push(operation);
        self
    }

    /// Its own operations.
    pub fn operations(&self) -> &[OwnOperation] {
        &self.operations
    }

    pub(crate) fn operation(&self, name: &str) -> Option<&OwnOperation> {
        self.operations.iter().find(|operation| operation.name() == name)
    }

    /// What the runs of a campaign against it are like unless something else is wanted: with its usual faults, and its own operations.
    pub fn wishes(&self) -> Wishes {
        let own = self.operations.iter().map(|operation| operation.name().to_owned()).collect();
        Wishes { classes: self.usual_faults.clone(), reach: self.reach(), own, ..Wishes::default() }
    }

    /// The same, tested with faults of these classes unless others are asked for.
    #[must_use]
    pub fn with_usual_faults(mut self, classes: Vec<FaultClass>) -> Target {
        self.usual_faults = classes;
        self
    }

    /// The classes of faults that it is tested with unless others are asked for.
    pub fn usual_faults(&self) -> &[FaultClass] {
        &self.usual_faults
    }

    /// The same, with a planted bug that breaks this invariant.
    #[must_use]
    pub fn that_breaks(mut self, invariant: &'static str) -> Target {
        self.breaks = Some(invariant);
        self
    }

    /// The invariant that its planted bug breaks, if it is a host with a planted bug.
    pub fn breaks(&self) -> Option<&'static str> {
        self.breaks
    }

    /// The same target, whose host is made by `boot` each time that it starts on a real disk; without this it cannot be
    /// started there, and [`conform`](crate::conform) refuses it.
    #[must_use]
    pub fn on_disk<H: Host>(mut self, boot: impl Fn(&Disk) -> H + Send + Sync + 'static) -> Target {
        self.boot_on_disk = Some(Arc::new(move |disk| Box::new(boot(disk)) as Box<dyn AnyHost>));
        self
    }

    /// Its name on the command line.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is, in one line.
    pub fn about(&self) -> &str {
        &self.about
    }

    pub(crate) fn boot(&self, machine: &Machine<'_>) -> Box<dyn AnyHost> {
        (self.boot)(machine)
    }

    /// Whether its host can be started on a real disk.
    pub fn runs_on_disk(&self) -> bool {
        self.boot_on_disk.is_some()
    }

    /// A new incarnation of the host on a real disk, if the target can be started there.
    pub(crate) fn boot_on_disk(&self, disk: &Disk) -> Option<BoxedHost> {
        self.boot_on_disk.as_ref().map(|boot| BoxedHost(boot(disk)))
    }
}

/// The host on POSIX file systems.
pub fn posix() -> Target {
    posix_with("posix", "the host on POSIX file systems that asl-host ships", Durability::OnAppend)
}

/// The same host, whose appends are durable when they are flushed.
pub fn posix_on_flush() -> Target {
    posix_with("posix:on-flush", "the same, with appends that are durable when flushed", Durability::OnFlush)
}

fn posix_with(name: &str, about: &str, durability: Durability) -> Target {
    Target::new(name, about, move |machine| {
        let options = PosixOptions {
            segment_len_max: machine.segment_len_max(),
            // Short, so that a run has several.
            clock_reserve_ns: 2_000_000,
            durability,
            ..PosixOptions::default()
        };
        PosixHost::with_seams(machine.file_system(), machine.env(), machine.root(), options)
    })
    .on_disk(move |disk| {
        let segment_len_max = disk.segment_len_max();
        let options = PosixOptions { segment_len_max, durability, ..PosixOptions::default() };
        PosixHost::with_seams(disk.file_system(), disk.env(), disk.root(), options)
    })
}

/// The reference host, on a block device.
pub fn sim() -> Target {
    let options = SimOptions::default();
    sim_with("sim", "the reference host, on a simulated block device", options)
}

/// The same host, whose appends are durable when they are flushed.
pub fn sim_on_flush() -> Target {
    let options = SimOptions { durability: Durability::OnFlush, ..SimOptions::default() };
    sim_with("sim:on-flush", "the same, with appends that are durable when flushed", options)
}

/// The same host, which fences off whoever has a store open when it opens it.
pub fn sim_fence() -> Target {
    let options = SimOptions { exclusion: Exclusion::Fence, ..SimOptions::default() };
    sim_with("sim:fence", "the same, where the newest open fences off older writers", options)
}

fn sim_with(name: &str, about: &str, options: SimOptions) -> Target {
    Target::new(name, about, move |machine| {
        let options = SimOptions {
            append_unit: machine.append_unit(),
            record_len_max: 4 << 10,
            // Short, so that a run has several.
            clock_reserve_ns: 2_000_000,
            ..options
        };
        SimHost::new(machine.disk(), machine.env(), options)
    })
}

/// The targets that come with the simulator: its hosts, and the specimens with one planted bug each.
pub fn built_in() -> Vec<Target> {
    let mut targets = vec![posix(), posix_on_flush(), sim(), sim_on_flush(), sim_fence()];
    targets.extend(specimens::targets());
    targets
}

/// Hosts that a campaign cannot rely on, because they depend on more than their seams or take their process with them.
/// [`find`] knows them. They are no specimens, because they test what a campaign does about that, not what the oracle finds.
pub fn hidden() -> Vec<Target> {
    hidden::targets()
}

/// The target of this name, or the nearest names there are.
pub fn find(name: &str) -> Result<Target, Vec<String>> {
    let targets = built_in();
    if let Some(target) = targets.iter().chain(&hidden()).find(|target| target.name == name) {
        return Ok(target.clone());
    }
    Err(crate::report::nearest(name, targets.iter().map(Target::name)))
}
