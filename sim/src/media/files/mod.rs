//! The medium that is a file system with a block device beside it: what its calls come to, its handles and locks, and the names
//! that stories have for its files.
//!
//! [`fs`] is the state, and knows no calls; `request` has the calls as data, `effects` what each comes to, `damage` what a medium
//! does that breaks its word, `seam` how a host in this process makes them. A block device is one inode of the same store
//! ([`crate::media::device`]).

pub(super) mod blocking;
pub(crate) mod classes;
mod damage;
mod effects;
mod fates;
pub mod fs;
mod names;
pub mod program;
mod request;
pub(super) mod seam;

pub(crate) use effects::At;
pub(crate) use request::{Opened, Reply, failure, refusal};

use crate::base::decide::Decider;
use crate::executor::Executor;
use crate::executor::call_log::{Fate, Survivors};
use crate::media::{FilesSetup, Sim};
use damage::Shorn;
use fs::{Fs, Ino, Surface};
use names::Names;

/// Where a host's root is, and where stores are made.
pub(crate) const ROOT: &str = "/root";

/// The files of a run.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) fs: Fs,
    handles: Vec<Handle>,
    /// What the next loss of power tears inside.
    shorn: Vec<Shorn>,
    /// How files are called, if somebody wants to tell a story.
    names: Option<Box<Names>>,
}

/// What is known of a handle.
#[derive(Clone, Copy, Debug)]
struct Handle {
    /// How many failed syncs of its file it has been told of.
    heard: u32,
    /// The number of the process that has it.
    process: u16,
}

impl Files {
    pub(crate) fn new(setup: FilesSetup) -> Files {
        let surface = Surface::new(setup.sector_len, setup.fill);
        Files { fs: Fs::new(setup.profile, surface), handles: Vec::new(), shorn: Vec::new(), names: None }
    }

    /// A new handle of the process of this number on an inode.
    pub(crate) fn add_handle(&mut self, process: u16, ino: Ino, path: &str) -> u64 {
        self.handles.push(Handle { heard: self.fs.sync_errors(ino), process });
        let handle = self.handles.len() as u64;
        if let Some(names) = &mut self.names {
            names.is_opened(handle, ino, path);
        }
        handle
    }

    /// Whether the handle has not heard yet of a failed sync of its file. It has then.
    fn hear_of_errors(&mut self, handle: u64, errors: u32) -> bool {
        let heard = &mut self.handles[handle as usize - 1].heard;
        std::mem::replace(heard, errors) < errors
    }

    /// A path stands for an inode, for stories.
    pub(crate) fn is_named(&mut self, ino: Ino, path: &str) {
        if let Some(names) = &mut self.names {
            names.is_named(ino, path);
        }
    }

    /// A path stands for something that had another one, for stories.
    pub(crate) fn is_renamed(&mut self, from: &str, to: &str) {
        if let Some(names) = &mut self.names {
            names.is_renamed(from, to);
        }
    }

    /// The path of what a handle was opened on, for stories.
    fn path_of(&self, handle: u64) -> String {
        self.names.as_ref().map_or_else(String::new, |names| names.of_handle(handle))
    }

    pub(super) fn mark(&self) -> u64 {
        self.fs.mark()
    }

    /// Locks of a process that is dead are released.
    pub(super) fn process_died(&mut self, process: Option<u16>) {
        match process {
            None => self.fs.processes_die(),
            Some(process) => {
                let handles = &self.handles;
                self.fs.handles_die(|handle| handles[handle as usize - 1].process == process);
            }
        }
    }

    /// The power goes, and tears what was planned to be torn and is still in flight.
    pub(super) fn power_lost(&mut self, crash: u32, executor: &mut Executor) {
        self.shear_what_is_planned(executor);
        self.fs.power_loss(crash, &mut executor.decide);
    }

    /// The names that begin with this path, in the directory that it is in.
    pub(super) fn names_beginning_with(&mut self, path: &str, decide: &mut Decider) -> Vec<String> {
        let (dir, first) = path.rsplit_once('/').expect("paths of the harness are absolute");
        let names = self.fs.read_dir(dir, decide).expect("the host's root is there");
        names.into_iter().filter(|name| name.starts_with(first)).collect()
    }

    pub(super) fn keep_fates(&mut self) {
        self.fs.keep_fates();
        self.names = Some(Box::new(Names::new()));
    }

    pub(super) fn take_fates(&mut self) -> Vec<Fate> {
        let Some(names) = &self.names else { return Vec::new() };
        self.fs.take_fates().iter().map(|fate| fates::told(fate, names)).collect()
    }

    pub(super) fn survivors(&self, decide: &Decider) -> Survivors {
        self.fs.survivors(decide)
    }
}

/// The host's root outlives everything.
pub(crate) fn make_root(sim: &Sim) {
    let mut world = sim.lock();
    let world = &mut *world;
    let fs = &mut world.medium.files.fs;
    // No site makes an inode of this key.
    fs.create_dir(ROOT, u32::MAX, &mut world.executor.decide).expect("the file system is empty");
    let mark = fs.mark();
    fs.sync(0, mark, false);
}
