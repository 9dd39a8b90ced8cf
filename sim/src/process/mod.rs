//! Hosts that are programs of their own, in any language, driven over their standard input and output.
//!
//! A [`Program`] says what is started and in which [`World`] it lives; `docs/reference/driver-protocol.md` says what it has to answer.
//! `protocol` has the lines, `child` a process and the threads that read it, `outside` is where what comes from outside meets
//! the stepped executor, and `host` is the contract's traits over all that. Files are `shown` to processes by a mount (`mounted`) or by a
//! library in them (`preloaded`). `watchdog` sees to it that no process outlives us, and no directory (`place`).
//!
//! A run waits for its processes only when nothing else can go on, so that all that simulated time decides stays decided by
//! it. What a process does that the protocol does not allow (garbage, an answer to nothing, an exit that nobody asked for) is
//! the host's fault and ends the run as a panic would; silence for longer than the timeout is a hang.
//!
//! Not under control: a process's own clock, entropy, threads and the order of its hash maps. Identifiers that a host draws
//! are numbered as they come, and times and messages are left out of traces, so that they may differ from run to run.

mod child;
mod host;
mod mounted;
mod outside;
mod place;
mod preloaded;
mod program;
mod protocol;
mod shown;
mod watchdog;

pub(crate) use program::timeout;
pub use program::{Program, World};

use crate::executor;
use crate::hosts::{Disk, Machine, Programs, Target};
use crate::media::shown::preload::find_library;
use crate::scenario::generate::Reach;
use asl_host::{Capabilities, Durability, Exclusion};
use host::ProcessHost;
use outside::Outside;
use preloaded::Probe;
use std::io;
use std::sync::Arc;

/// What is taken for granted of a host that does not even say what it offers: the runs will tell why.
const UNKNOWN: Capabilities = Capabilities {
    durability: Durability::OnAppend,
    exclusion: Exclusion::Refuse,
    blocks: false,
    snapshots: false,
    append_unit: 1,
    max_record_len: 4096,
};

/// Why a program cannot be a target here.
#[derive(Debug)]
pub enum Refused {
    /// It cannot be started.
    NoStart(io::Error),
    /// No directory can be made for its files.
    NoPlace(io::Error),
    /// The simulated file system cannot be mounted.
    NoMount(io::Error),
    /// The library that leads calls into the simulated file system is not there; where it was looked for.
    NoLibrary(String),
    /// The program answers, and has not loaded that library.
    NotLed,
}

/// A target whose host is this program. It is started once to ask what it offers; each incarnation must say the same.
///
/// # Errors
///
/// If the program cannot be started, or there is no place for its files. That it does not answer is for runs to tell.
///
/// # Panics
///
/// If there is no place for the files of a later run.
pub fn target(program: Program) -> Result<Target, Refused> {
    let program = Arc::new(program);
    place::base().map_err(Refused::NoPlace)?;
    if program.world == World::Fuse {
        mounted::try_to_mount().map_err(Refused::NoMount)?;
    }
    let asked = Outside::on_disk(program.clone(), None).map_err(Refused::NoPlace)?;
    let mut probe = None;
    if program.world == World::Preload {
        let library = find_library().map_err(Refused::NoLibrary)?;
        // Here it is there: nothing is led away from it.
        std::fs::create_dir(asked.root()).map_err(Refused::NoPlace)?;
        probe = Some(Probe::new(&library, &asked.socket()).map_err(Refused::NoPlace)?);
    }
    let offers = host::ask_what_it_offers(&asked, probe.as_ref()).map_err(Refused::NoStart)?;
    let capabilities = offers.ok_or(Refused::NotLed)?;
    drop(asked);
    let about = "a program that speaks the driver protocol";
    let (here, there) = (program.clone(), program.clone());
    let boot = move |machine: &Machine<'_>| {
        let outside = machine.sim.outside().expect("a run of a program has an outside").clone();
        let outside = outside.as_any().downcast().expect("it is where this program's processes live");
        ProcessHost::in_run(outside, machine.sim.clone(), machine.process, capabilities)
    };
    let on_disk = move |disk: &Disk| {
        let outside = Outside::on_disk(there.clone(), Some(disk.root())).expect("the directory is there");
        ProcessHost::on_disk(Arc::new(outside), capabilities)
    };
    Ok(Target::new(program.to_string(), about, boot)
        .on_disk(on_disk)
        .that_is_a_program(Arc::new(Started(here)), capabilities))
}

/// A program that is started anew in each run.
struct Started(Arc<Program>);

impl Programs for Started {
    fn place(&self) -> io::Result<Arc<dyn executor::Outside>> {
        Ok(Arc::new(Outside::on_disk(self.0.clone(), None)?))
    }

    fn reach(&self) -> Reach {
        self.0.world.reach()
    }
}
