//! What hosts keep their bytes on, simulated. [`Media`] holds one of each medium: to the executor, to search and to stories they are
//! one, and each call goes to the one that it is for. The media are listed here, in [`profile`] and in [`setup`].
//!
//! [`objects`] is a bucket of an object store. [`files`] is a file system with a block device ([`device`]) beside it; [`shown`] is how programs see its files. `cells` is there
//! for the tests of the simulator itself. The clock and the entropy that hosts get are in [`env`]. What a medium has to say of itself
//! is in `executor::medium`.

mod cells;
pub mod device;
pub(crate) mod env;
pub(crate) mod files;
#[cfg_attr(not(feature = "objects"), expect(dead_code, reason = "nobody has a bucket without the feature"))]
pub(crate) mod objects;
pub(crate) mod profile;
mod sandbox;
pub(crate) mod setup;
#[cfg(feature = "programs")]
pub(crate) mod shown;

pub use device::SimDisk;
pub use env::SimEnv;
pub use files::blocking::Blocking;
pub use files::seam::{SimFile, SimFileSystem};
#[cfg(feature = "objects")]
pub use objects::SimObjectStore;
pub use profile::Profile;
pub use sandbox::Sandbox;
pub use setup::{FilesSetup, MediumSetup};

pub(crate) use cells::SimCells;

use crate::base::decide::Decider;
use crate::executor::call_log::{Fate, Survivors};
use crate::executor::medium::Flight;
use crate::executor::{Call, Executor, Medium};
use crate::plan::FaultKind;
use cells::Cells;
use files::Files;
use files::fs::MediaStates;
use objects::Objects;
use profile::Kind;

/// The world of a run on these media.
pub(crate) type Sim = crate::executor::Sim<Media>;

/// The media of one run. A run is about one of them; the others stay empty.
#[derive(Clone, Debug)]
pub(crate) struct Media {
    pub(crate) files: Files,
    pub(crate) cells: Cells,
    pub(crate) objects: Objects,
}

impl Media {
    pub(crate) fn new(setup: MediumSetup) -> Media {
        let files = match setup {
            MediumSetup::Files(files) => files,
            MediumSetup::Cells | MediumSetup::Objects(_) => FilesSetup::plain(Profile::Posix),
        };
        let objects = Objects::new(setup.profile().bucket().unwrap_or(&objects::axioms::AWS));
        Media { files: Files::new(files), cells: Cells::default(), objects }
    }

    /// How often recovery met what a crash had done to them.
    pub(crate) fn states(&self) -> MediaStates {
        self.files.fs.states()
    }
}

impl Profile {
    /// Whether requests may land after the death of whoever sent them.
    pub(crate) fn has_late_requests(self) -> bool {
        matches!(self.kind(), Kind::Cells | Kind::Objects(_))
    }

    /// Whether there are calls that this kind of fault can hit.
    pub(crate) fn can_suffer(self, fault: FaultKind) -> bool {
        match self.kind() {
            Kind::Files(_) => {
                !matches!(fault, FaultKind::Unanswered | FaultKind::Conflict | FaultKind::ErrorInBody)
            }
            Kind::Objects(axioms) => objects::can_suffer(axioms, fault),
            Kind::Cells => cells::can_suffer(fault),
        }
    }

    /// Whether its space can be limited.
    pub(crate) fn has_limited_space(self) -> bool {
        matches!(self.kind(), Kind::Files(_))
    }
}

/// A request that can outlive its caller, on one of the media. Those on files cannot.
#[derive(Clone, Debug)]
pub(crate) enum Sent {
    Cells(cells::Request),
    Objects(objects::Request),
}

impl From<cells::Request> for Sent {
    fn from(request: cells::Request) -> Sent {
        Sent::Cells(request)
    }
}

impl From<objects::Request> for Sent {
    fn from(request: objects::Request) -> Sent {
        Sent::Objects(request)
    }
}

impl Flight<Media> for Sent {
    fn land(self, media: &mut Media, executor: &mut Executor, call: &Call) {
        match self {
            Sent::Cells(request) => request.land(media, executor, call),
            Sent::Objects(request) => request.land(media, executor, call),
        }
    }

    fn can_tell(&self, earlier: &Sent) -> bool {
        match self {
            Sent::Cells(request) => Flight::can_tell(request, earlier),
            Sent::Objects(request) => Flight::can_tell(request, earlier),
        }
    }

    fn digest(&self) -> u64 {
        match self {
            Sent::Cells(request) => request.digest(),
            Sent::Objects(request) => request.digest(),
        }
    }

    fn about(&self) -> (String, String) {
        match self {
            Sent::Cells(request) => Flight::about(request),
            Sent::Objects(request) => Flight::about(request),
        }
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
        let mut names = self.files.names_beginning_with(first, decide);
        names.extend(self.cells.names_beginning_with(first));
        names.extend(self.objects.names_beginning_with(first));
        names
    }

    fn digest(&self) -> u128 {
        self.files.fs.digest() ^ self.cells.digest() ^ self.objects.digest()
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
        let mut survivors = self.files.survivors(decide);
        self.cells.survivors(&mut survivors);
        self.objects.survivors(&mut survivors);
        survivors
    }
}
