//! What hosts keep their bytes on, simulated. [`Media`] is the only place that lists the media: to the executor, to search and to
//! stories they are one, and each call goes to the one that it is for.
//!
//! [`files`] is a file system with a block device ([`device`]) beside it; [`shown`] is how programs see its files. The clock and
//! the entropy that hosts get are in [`env`]. What a medium has to say of itself is in `executor::medium`.

pub mod device;
pub(crate) mod env;
pub(crate) mod files;
pub(crate) mod profile;
mod sandbox;
pub(crate) mod shown;

pub use device::SimDisk;
pub use env::SimEnv;
pub use files::blocking::Blocking;
pub use files::seam::{SimFile, SimFileSystem};
pub use profile::Profile;
pub use sandbox::Sandbox;

use crate::base::decide::Decider;
use crate::executor::call_log::{Fate, Survivors};
use crate::executor::medium::Flight;
use crate::executor::{Call, Executor, Medium};
use files::Files;
use files::fs::{Fill, MediaStates};

/// The world of a run on these media.
pub(crate) type Sim = crate::executor::Sim<Media>;

/// Settings of a file system and the block device beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilesSetup {
    pub(crate) profile: Profile,
    pub(crate) sector_len: u32,
    pub(crate) fill: Fill,
}

/// The media of one run.
#[derive(Clone, Debug)]
pub(crate) struct Media {
    pub(crate) files: Files,
}

impl Media {
    pub(crate) fn new(setup: &FilesSetup) -> Media {
        Media { files: Files::new(setup) }
    }

    /// How often recovery met what a crash had done to them.
    pub(crate) fn states(&self) -> MediaStates {
        self.files.fs.states()
    }
}

/// A request that can outlive its caller, on one of the media. Those on files cannot.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sent {}

impl Flight<Media> for Sent {
    fn land(self, _: &mut Media, _: &mut Executor, _: &Call) {
        match self {}
    }

    fn can_tell(&self, _: &Sent) -> bool {
        match *self {}
    }

    fn digest(&self) -> u64 {
        match *self {}
    }

    fn about(&self) -> (String, String) {
        match *self {}
    }
}

impl Medium for Media {
    type Flight = Sent;

    fn mark(&self) -> u64 {
        self.files.mark()
    }

    fn process_died(&mut self, process: Option<u16>) {
        self.files.process_died(process);
    }

    fn power_lost(&mut self, crash: u32, executor: &mut Executor) {
        self.files.power_lost(crash, executor);
    }

    fn limit_space(&mut self, bytes: Option<u64>) -> bool {
        self.files.fs.limit_space(bytes)
    }

    fn names_beginning_with(&mut self, first: &str, decide: &mut Decider) -> Vec<String> {
        self.files.names_beginning_with(first, decide)
    }

    fn digest(&self) -> u128 {
        self.files.fs.digest()
    }

    fn crash_states(&self) -> u128 {
        self.files.fs.crash_states()
    }

    fn decide_all(&mut self, decide: &mut Decider) {
        self.files.fs.decide_all(decide);
    }

    fn keep_fates(&mut self) {
        self.files.keep_fates();
    }

    fn take_fates(&mut self) -> Vec<Fate> {
        self.files.take_fates()
    }

    fn survivors(&self, decide: &Decider) -> Survivors {
        self.files.survivors(decide)
    }
}
