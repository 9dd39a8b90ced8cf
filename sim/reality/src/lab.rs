//! A disk, its loop device and a file system on it: runs programs there, and looks at what losses of power leave.
//!
//! A run begins with the same base image each time. What is written is up to the kernel: the same program need not give the
//! same recording twice.
//!
//! Between steps and after the last one a run can be *nudged*: pages are written back, or the file system is made to commit,
//! by calls that the model does not hear of and that promise nothing to the program. A kernel might do so at any time by
//! itself; without nudges it does so many seconds later.

use crate::arm::{Arm, FileSystem};
use crate::crash::mix;
use crate::disk::Disk;
use crate::hands::{self, Hands, Trouble};
use crate::image::Image;
use crate::recording::{Mark, Recording};
use asl_sim::world::program::{State, Step};
use fuser::BackgroundSession;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use rustix::mount::{UnmountFlags, unmount};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Most nudges after the last step.
const LAST_NUDGES_MAX: u64 = 6;

/// What it takes to run programs on one file system. Nothing of it is left when it is dropped.
#[derive(Debug)]
pub struct Lab {
    file_system: FileSystem,
    disk: Disk,
    base: Image,
    /// `None` once they have quit.
    hands: Option<Hands>,
    /// Serves the disk; it ends when the disk is unmounted.
    _session: BackgroundSession,
    served: PathBuf,
    _home: TempDir,
}

impl Lab {
    /// Makes the file system, and all that is needed to use it.
    pub fn open(arm: &Arm) -> Result<Lab, Trouble> {
        let home = tempfile::Builder::new().prefix("asl-reality-").tempdir();
        let home = home.map_err(failed("cannot make a temporary directory"))?;
        let served = hands::make_directories(home.path()).map_err(failed("cannot make a directory"))?;
        // The process is there before there is much for it to clean up.
        let hands = Hands::start(arm, home.path())?;
        let image = made(arm.file_system, home.path())?;
        let disk = Disk::new(image.clone());
        let session = disk.serve(&served).map_err(failed("cannot serve the disk"))?;
        let mut lab = Lab {
            file_system: arm.file_system,
            disk,
            base: image,
            hands: Some(hands),
            _session: session,
            served,
            _home: home,
        };
        lab.prepare()?;
        Ok(lab)
    }

    /// The first mount of a file system writes more than others; it is done once, for all programs.
    fn prepare(&mut self) -> Result<(), Trouble> {
        self.hands().attach()?;
        self.hands().mount()?;
        self.hands().prepare()?;
        self.hands().unmount()?;
        self.base = self.disk.image().as_base();
        Ok(())
    }

    /// Runs a program from the base image on, and says what was written. Round 0 is not nudged but at the end.
    pub fn run(&mut self, program: &[Step], seed: u64, round: u64) -> Result<Recording, Trouble> {
        let mut rng = ChaCha8Rng::seed_from_u64(mix(&[seed, round]));
        let base = self.base.clone();
        self.disk.load(base.clone());
        self.disk.record();
        self.hands().mount()?;
        let mut marks = Vec::with_capacity(program.len());
        for step in program {
            let begin = self.disk.position();
            self.hands().step(step)?;
            marks.push(Mark { begin, end: self.disk.position() });
            if round > 0 && rng.next_u64().is_multiple_of(2) {
                self.hands().nudge(rng.next_u64())?;
            }
        }
        self.finish(round, &mut rng)?;
        let events = self.disk.cut();
        self.hands().unmount()?;
        Ok(Recording { base, events, marks })
    }

    /// Has all written that is not yet, commits before pages, so that states in between are recorded too.
    fn finish(&mut self, round: u64, rng: &mut ChaCha8Rng) -> Result<(), Trouble> {
        let nudges = if round == 0 { 0 } else { rng.next_u64() % (LAST_NUDGES_MAX + 1) };
        for _ in 0..nudges {
            self.hands().nudge(rng.next_u64())?;
        }
        // An fsync of another file makes ext4 and xfs commit; btrfs commits when its time has come.
        match self.file_system {
            FileSystem::Ext4 | FileSystem::Xfs => self.hands().pulse()?,
            FileSystem::Btrfs => self.hands().step(&Step::Settle)?,
        }
        self.hands().step(&Step::Sync)
    }

    /// What the file system makes of this medium.
    pub fn look(&mut self, medium: Image) -> Result<State, Trouble> {
        self.disk.load(medium);
        self.hands().look()
    }

    fn hands(&mut self) -> &mut Hands {
        self.hands.as_mut().expect("they quit when the lab is dropped, and not before")
    }
}

/// A new file system, as an image.
fn made(file_system: FileSystem, home: &Path) -> Result<Image, Trouble> {
    let path = home.join(hands::MADE);
    let file = File::create_new(&path).map_err(failed("cannot make a file for the file system"))?;
    file.set_len(file_system.disk_len()).map_err(failed("cannot make a file for the file system"))?;
    file_system.make(&path).map_err(Trouble::Failed)?;
    let image = File::open(&path).and_then(|file| Image::of_file(&file));
    let removed = std::fs::remove_file(&path);
    removed.and(image).map_err(failed("cannot read the new file system"))
}

fn failed(what: &str) -> impl FnOnce(io::Error) -> Trouble {
    move |error| Trouble::Failed(format!("{what}: {error}"))
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.hands.take());
        // The session's thread ends when the last one who has the disk open is gone, which nobody waits for.
        let _ = unmount(&self.served, UnmountFlags::DETACH);
    }
}
