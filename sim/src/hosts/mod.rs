//! What can be tested: hosts, made anew for every process of a simulated world.
//!
//! A [`Target`] has a name and boots a host in a [`Machine`]: a process with the simulated file system, clock and entropy.
//! If it can, it also boots the host on a [`Disk`], a directory of the operating system's, or on a bucket of a real object store.
//! Hosts are kept behind object-safe mirrors of the contract's traits (`asl_mirrors`), so that the code that
//! drives a run is compiled once, not once for each host.

pub(crate) mod gate;
mod machine;
mod operation;
mod place;
pub mod reference;

use crate::check::{INVARIANTS, OwnInvariant};
use crate::executor::Outside;
use crate::scenario::generate::{Reach, Wishes};
use crate::scenario::{FaultClass, Profile};
use asl_host::{Capabilities, Host};
use std::fmt;
use std::io;
use std::sync::Arc;

pub(crate) use asl_mirrors::{AnyHost, AnyStore, BoxedHost};
pub use machine::Machine;
pub use operation::{OwnFuture, OwnOperation};
#[cfg(feature = "vendors")]
pub use place::Bucket;
pub use place::Disk;
pub(crate) use place::{Place, is_url};

/// Hosts that are processes of the operating system, as far as a target has to know of them.
pub(crate) trait Programs: Send + Sync {
    /// A fresh place for the processes of one run.
    fn place(&self) -> io::Result<Arc<dyn Outside>>;

    /// What of scenarios can be made to happen to them.
    fn reach(&self) -> Reach;
}

type Boot = dyn Fn(&Machine<'_>) -> Box<dyn AnyHost> + Send + Sync;
type BootOnDisk = dyn Fn(&Disk) -> Box<dyn AnyHost> + Send + Sync;
#[cfg(feature = "vendors")]
type BootOnBucket = dyn Fn(&Bucket) -> Box<dyn AnyHost> + Send + Sync;

/// Something that can be tested.
#[derive(Clone)]
pub struct Target {
    name: String,
    about: String,
    boot: Arc<Boot>,
    /// What its medium promises unless something else is asked for; it says which medium that is.
    usual_profile: Profile,
    /// Whether one process of its hosts may be killed while another goes on.
    dies_alone: bool,
    usual_faults: Vec<FaultClass>,
    boot_on_disk: Option<Arc<BootOnDisk>>,
    #[cfg(feature = "vendors")]
    boot_on_bucket: Option<Arc<BootOnBucket>>,
    breaks: Option<&'static str>,
    invariants: Vec<OwnInvariant>,
    operations: Vec<OwnOperation>,
    /// What is started, and what it says it offers, if the host is a process.
    programs: Option<(Arc<dyn Programs>, Capabilities)>,
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
        Target::booting(name.into(), about.into(), Arc::new(move |machine| Box::new(boot(machine))))
    }

    /// A target of this name, whose host has no known type, in simulation and on a real disk.
    pub(crate) fn boxed(
        name: String,
        about: &str,
        boot: impl Fn(&Machine<'_>) -> Box<dyn AnyHost> + Send + Sync + 'static,
        boot_on_disk: impl Fn(&Disk) -> Box<dyn AnyHost> + Send + Sync + 'static,
    ) -> Target {
        let boot_on_disk: Option<Arc<BootOnDisk>> = Some(Arc::new(boot_on_disk));
        Target { boot_on_disk, ..Target::booting(name, about.to_owned(), Arc::new(boot)) }
    }

    /// The same, in simulation only.
    #[cfg(all(feature = "objects", feature = "specimens"))]
    pub(crate) fn simulated(
        name: String,
        about: &str,
        boot: impl Fn(&Machine<'_>) -> Box<dyn AnyHost> + Send + Sync + 'static,
    ) -> Target {
        Target::booting(name, about.to_owned(), Arc::new(boot))
    }

    fn booting(name: String, about: String, boot: Arc<Boot>) -> Target {
        Target {
            name,
            about,
            boot,
            usual_profile: Profile::Posix,
            dies_alone: false,
            usual_faults: vec![FaultClass::Crash, FaultClass::Error],
            boot_on_disk: None,
            #[cfg(feature = "vendors")]
            boot_on_bucket: None,
            breaks: None,
            invariants: Vec::new(),
            operations: Vec::new(),
            programs: None,
        }
    }

    /// The same, whose host is a process: this program.
    #[must_use]
    pub(crate) fn that_is_a_program(mut self, programs: Arc<dyn Programs>, offers: Capabilities) -> Target {
        self.programs = Some((programs, offers));
        self
    }

    /// What is started, if the host is a process.
    pub(crate) fn programs(&self) -> Option<&dyn Programs> {
        self.programs.as_ref().map(|(programs, _)| &**programs)
    }

    /// Whether the host is a process of its own.
    pub(crate) fn is_a_program(&self) -> bool {
        self.programs.is_some()
    }

    /// What the host offers, if that was found out already.
    pub(crate) fn said_capabilities(&self) -> Option<Capabilities> {
        self.programs.as_ref().map(|(_, offers)| *offers)
    }

    /// Which parts of a scenario this target can be subjected to.
    pub(crate) fn reach(&self) -> Reach {
        self.programs().map_or(Reach::Everything, Programs::reach)
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
        Wishes {
            profile: self.usual_profile,
            classes: self.usual_faults.clone(),
            reach: self.reach(),
            own,
            dies_alone: self.dies_alone,
            ..Wishes::default()
        }
    }

    /// The same, on the medium of this profile: the first one that is listed of it, which commands take unless they are told otherwise.
    #[must_use]
    pub(crate) fn on_medium_of(mut self, profile: Profile) -> Target {
        self.usual_profile = profile;
        self
    }

    /// What its medium promises unless something else is asked for.
    pub fn usual_profile(&self) -> Profile {
        self.usual_profile
    }

    /// The same, where a kill may end one of two processes that have the store open, while the other goes on; for hosts that fence.
    #[must_use]
    pub fn with_processes_that_die_alone(mut self) -> Target {
        self.dies_alone = true;
        self
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
    /// started there, and `conform` refuses it.
    #[must_use]
    pub fn on_disk<H: Host>(mut self, boot: impl Fn(&Disk) -> H + Send + Sync + 'static) -> Target {
        self.boot_on_disk = Some(Arc::new(move |disk| Box::new(boot(disk)) as Box<dyn AnyHost>));
        self
    }

    /// The same target, whose host is made by `boot` each time that it starts on a bucket of a real object store; without this it cannot
    /// be started there, and `conform` refuses it.
    #[cfg(feature = "vendors")]
    #[must_use]
    pub fn on_bucket<H: Host>(mut self, boot: impl Fn(&Bucket) -> H + Send + Sync + 'static) -> Target {
        self.boot_on_bucket = Some(Arc::new(move |bucket| Box::new(boot(bucket)) as Box<dyn AnyHost>));
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

    /// Whether its host can be started on a bucket of a real object store.
    pub fn runs_on_buckets(&self) -> bool {
        #[cfg(feature = "vendors")]
        return self.boot_on_bucket.is_some();
        #[cfg(not(feature = "vendors"))]
        false
    }

    /// A new incarnation of the host in the real world, if the target can be started there.
    pub(crate) fn boot_at(&self, place: &Place) -> Option<BoxedHost> {
        match place {
            Place::Disk(disk) => self.boot_on_disk.as_ref().map(|boot| BoxedHost::new(boot(disk))),
            #[cfg(feature = "vendors")]
            Place::Bucket(bucket) => self.boot_on_bucket.as_ref().map(|boot| BoxedHost::new(boot(bucket))),
        }
    }
}
