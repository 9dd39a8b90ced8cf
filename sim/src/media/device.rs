//! How a host reaches the simulated block device: reads, writes and flushes of whole sectors, call by call.
//!
//! Each call goes through the executor as those of [`SimFileSystem`](super::SimFileSystem) do: it takes simulated time, may fail
//! as planned, and may be where the processes or the power fail. A write is a set of independent sectors; a flush covers the
//! writes that were completed before it was issued. After a failed flush, what it should have covered may count as clean, or be
//! gone: writing it again is the only safe answer.
//!
//! There is one device in a world. It has one lock, which is gone with the handle, and with the process. Another handle can take
//! it by force, as a persistent reservation is preempted (SPC-4, 5.13.11.2.6); whoever had it is then refused every write and flush
//! with EBADE, which is what Linux makes of a reservation conflict, until it has the lock again.
//!
//! Not modelled: parts of sectors (a call that asks for one fails with EINVAL), what `device` in the file system's store leaves
//! out, and several devices.

use super::files::fs::{DEVICE_PATH, EBADE, EIO, errno};
use super::files::{At, Opened, Reply, classes, failure, refusal};
use super::{Media, Sim};
use crate::executor::call_log::About;
use crate::executor::medium::{self, Failure};
use crate::executor::{Call, Class, Executor, Process};
use crate::plan::FaultKind;
use std::future::Future;
use std::io;
use std::sync::Arc;

/// The block device as one handle of one process sees it.
#[derive(Debug)]
pub struct SimDisk {
    sim: Arc<Sim>,
    process: Process,
    file: Opened,
    len: u64,
    sector_len: usize,
}

impl SimDisk {
    /// Length of the device in a campaign, in bytes; it is sparse.
    pub const LEN: u64 = 1 << 30;

    pub(crate) fn new(sim: Arc<Sim>, process: Process, len: u64) -> SimDisk {
        let mut locked = sim.lock();
        let world = &mut *locked;
        let files = &mut world.medium.files;
        let ino = files.fs.device(len, &mut world.executor.decide);
        let handle = files.add_handle(process.number(), ino, DEVICE_PATH);
        let (len, sector_len) = (files.fs.device_len(ino), files.fs.sector_len());
        drop(locked);
        SimDisk { sim, process, file: Opened { handle, ino }, len, sector_len }
    }

    /// Length in bytes, a multiple of a sector's.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has no sectors.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What is written as a whole or not at all, in bytes.
    pub fn sector_len(&self) -> usize {
        self.sector_len
    }

    /// Reads whole sectors; fewer than asked for, perhaps, and none behind the end.
    ///
    /// # Errors
    ///
    /// EINVAL if offset or length are not on the grid of sectors; what is planned or damaged.
    pub async fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let what = What::Read { buffer, offset, sector_len: self.sector_len };
        self.ask(what).await.map(Reply::count)
    }

    /// Writes whole sectors; fewer than asked for, perhaps.
    ///
    /// # Errors
    ///
    /// EINVAL as [`SimDisk::read_at`]; ENOSPC behind the end, or if there is no space; EBADE if another handle took the lock by
    /// force; what is planned.
    pub async fn write_at(&self, data: &[u8], offset: u64) -> io::Result<usize> {
        let what = What::Write { data, offset, sector_len: self.sector_len };
        self.ask(what).await.map(Reply::count)
    }

    /// Makes durable every write that was completed before the call.
    ///
    /// # Errors
    ///
    /// What is planned; a flush that failed before, which each handle that was open hears of once; EBADE as
    /// [`SimDisk::write_at`].
    pub async fn flush(&self) -> io::Result<()> {
        self.ask(What::Flush).await.map(drop)
    }

    /// Takes the device's lock; false if another handle has it.
    ///
    /// # Errors
    ///
    /// What is planned.
    pub async fn try_lock(&self) -> io::Result<bool> {
        let Reply::Locked(locked) = self.ask(What::Lock).await? else {
            unreachable!("a lock is taken, or not")
        };
        Ok(locked)
    }

    /// Takes the device's lock, from another handle if that has it, which can then write no more.
    ///
    /// # Errors
    ///
    /// What is planned.
    pub async fn preempt(&self) -> io::Result<()> {
        self.ask(What::Preempt).await.map(drop)
    }

    fn ask<'a>(&'a self, what: What<'a>) -> impl Future<Output = io::Result<Reply>> + 'a {
        self.sim.perform(self.process, Request { file: self.file, what })
    }

    /// Gives the lock back, if this handle has it.
    pub fn unlock(&self) {
        // During a panic of our own the world may be half changed; there is nothing to release then.
        if let Some(mut world) = self.sim.lock_unless_poisoned()
            && world.is_alive(self.process)
        {
            world.medium.files.fs.unlock(self.file.ino, self.file.handle);
        }
    }
}

impl Drop for SimDisk {
    fn drop(&mut self) {
        self.unlock();
    }
}

/// A call on the device, through one of its handles.
struct Request<'a> {
    file: Opened,
    what: What<'a>,
}

enum What<'a> {
    Read { buffer: &'a mut [u8], offset: u64, sector_len: usize },
    Write { data: &'a [u8], offset: u64, sector_len: usize },
    Flush,
    Lock,
    Preempt,
}

impl medium::Request<Media> for Request<'_> {
    type Reply = io::Result<Reply>;

    fn class(&self) -> &'static Class {
        match self.what {
            What::Read { .. } => &classes::READ,
            What::Write { .. } => &classes::WRITE,
            What::Flush => &classes::SYNC,
            What::Lock | What::Preempt => &classes::LOCK,
        }
    }

    fn about(&self, _: &Media) -> About {
        let (verb, range) = match &self.what {
            What::Read { buffer, offset, .. } => ("read", Some((*offset, buffer.len() as u64))),
            What::Write { data, offset, .. } => ("write", Some((*offset, data.len() as u64))),
            What::Flush => ("flush", None),
            What::Lock => ("flock", None),
            What::Preempt => ("preempt", None),
        };
        About { verb, path: DEVICE_PATH.to_owned(), to: None, range }
    }

    fn apply(&mut self, media: &mut Media, executor: &mut Executor, call: &Call) -> io::Result<Reply> {
        let mut at = At { files: &mut media.files, executor };
        let Opened { handle, ino } = self.file;
        match self.what {
            What::Read { ref mut buffer, offset, sector_len } => {
                let count = at.read_device(call, ino, buffer, (offset, sector_len))?;
                Ok(Reply::Count(count))
            }
            What::Write { data, offset, sector_len } => {
                at.check_reservation(self.file)?;
                at.write_device(call, ino, data, (offset, sector_len)).map(Reply::Count)
            }
            What::Flush => {
                at.check_reservation(self.file)?;
                at.sync_file(call, self.file, true).map(|()| Reply::Done)
            }
            What::Lock => {
                let locked = at.files.fs.try_lock(ino, handle);
                at.note(call, u64::from(ino), u64::from(locked));
                Ok(Reply::Locked(locked))
            }
            What::Preempt => {
                at.files.fs.preempt(ino, handle);
                at.note(call, u64::from(ino), 2);
                Ok(Reply::Done)
            }
        }
    }

    fn refusal(&self, fault: FaultKind) -> Option<io::Result<Reply>> {
        refusal(fault).map(Err)
    }

    fn dead() -> io::Result<Reply> {
        Err(errno(EIO))
    }

    fn failure(reply: &io::Result<Reply>) -> Option<Failure> {
        failure(reply)
    }
}

impl At<'_> {
    fn check_reservation(&self, file: Opened) -> io::Result<()> {
        if self.files.fs.is_preempted(file.ino, file.handle) { Err(errno(EBADE)) } else { Ok(()) }
    }
}
