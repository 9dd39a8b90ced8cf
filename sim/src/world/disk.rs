//! How a host reaches the simulated block device: reads, writes and flushes of whole sectors, call by call.
//!
//! Each call goes through the runtime as those of [`SimFileSystem`](super::SimFileSystem) do: it takes simulated time, may fail
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

use super::fs::{EBADE, EIO, Ino, errno};
use crate::chronicle::About;
use crate::decide::Question;
use crate::runtime::{CallKind, Process, Sim, World};
use std::io;
use std::sync::Arc;

/// The block device as one handle of one process sees it.
#[derive(Debug)]
pub struct SimDisk {
    sim: Arc<Sim>,
    process: Process,
    handle: u64,
    ino: Ino,
    len: u64,
    sector_len: usize,
}

impl SimDisk {
    /// Length of the device in a campaign, in bytes; it is sparse.
    pub const LEN: u64 = 1 << 30;

    pub(crate) fn new(sim: Arc<Sim>, process: Process, len: u64) -> SimDisk {
        let mut locked = sim.lock();
        let world = &mut *locked;
        let ino = world.fs.device(len, &mut world.decide);
        let handle = world.add_handle(ino);
        world.chronicle_open(handle, ino, super::fs::DEVICE_PATH, false);
        let (len, sector_len) = (world.fs.device_len(ino), world.fs.sector_len());
        drop(locked);
        SimDisk { sim, process, handle, ino, len, sector_len }
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
        let about = About::handle("read", self.handle).range(offset, buffer.len());
        let read = self.sim.perform(self.process, CallKind::Read, about, |world, call| {
            let wanted = self.on_grid(call.shortened(buffer.len()), buffer.len());
            let count = world.fs.read_device(self.ino, &mut buffer[..wanted], offset, &mut world.decide)?;
            world.damage_read(call, self.ino, offset, &mut buffer[..count])?;
            world.note_bytes(call, self.ino, offset, &buffer[..count]);
            Ok(count)
        });
        read.await
    }

    /// Writes whole sectors; fewer than asked for, perhaps.
    ///
    /// # Errors
    ///
    /// EINVAL as [`SimDisk::read_at`]; ENOSPC behind the end, or if there is no space; EBADE if another handle took the lock by
    /// force; what is planned.
    pub async fn write_at(&self, data: &[u8], offset: u64) -> io::Result<usize> {
        let about = About::handle("write", self.handle).range(offset, data.len());
        let written = self.sim.perform(self.process, CallKind::Write, about, |world, call| {
            self.check_reservation(world)?;
            let share = world.written_share(call, self.ino, offset, data.len());
            let data = &data[..self.on_grid(share, data.len())];
            let count = world.fs.write_device(self.ino, data, offset, &mut world.decide)?;
            world.note_shorn(call, self.ino, offset, count);
            world.note_bytes(call, self.ino, offset, &data[..count]);
            Ok(count)
        });
        written.await
    }

    /// Makes durable every write that was completed before the call.
    ///
    /// # Errors
    ///
    /// What is planned; a flush that failed before, which each handle that was open hears of once; EBADE as
    /// [`SimDisk::write_at`].
    pub async fn flush(&self) -> io::Result<()> {
        let about = About::handle("flush", self.handle);
        let flushed = self.sim.perform(self.process, CallKind::Sync, about, |world, call| {
            self.check_reservation(world)?;
            world.note(call, u64::from(self.ino), 0);
            if call.fails_sync() {
                world.fs.fail_sync(self.ino, call.mark, call.address(Question::Reverted), &mut world.decide);
            }
            let errors = world.fs.sync_errors(self.ino);
            if world.hear_of_errors(self.handle, errors) {
                return Err(errno(EIO));
            }
            world.sync(call, self.ino, true);
            Ok(())
        });
        flushed.await
    }

    /// Takes the device's lock; false if another handle has it.
    ///
    /// # Errors
    ///
    /// What is planned.
    pub async fn try_lock(&self) -> io::Result<bool> {
        let about = About::handle("flock", self.handle);
        let locked = self.sim.perform(self.process, CallKind::Lock, about, |world, call| {
            let locked = world.fs.try_lock(self.ino, self.handle);
            world.note(call, u64::from(self.ino), u64::from(locked));
            Ok(locked)
        });
        locked.await
    }

    /// Takes the device's lock, from another handle if that has it, which can then write no more.
    ///
    /// # Errors
    ///
    /// What is planned.
    pub async fn preempt(&self) -> io::Result<()> {
        let about = About::handle("preempt", self.handle);
        let taken = self.sim.perform(self.process, CallKind::Lock, about, |world, call| {
            world.fs.preempt(self.ino, self.handle);
            world.note(call, u64::from(self.ino), 2);
            Ok(())
        });
        taken.await
    }

    fn check_reservation(&self, world: &World) -> io::Result<()> {
        if world.fs.is_preempted(self.ino, self.handle) { Err(errno(EBADE)) } else { Ok(()) }
    }

    /// Gives the lock back, if this handle has it.
    pub fn unlock(&self) {
        // During a panic of our own the world may be half changed; there is nothing to release then.
        if let Some(mut world) = self.sim.lock_unless_poisoned()
            && world.is_alive(self.process)
        {
            world.fs.unlock(self.ino, self.handle);
        }
    }

    /// A share of a transfer, in whole sectors, at least one of them.
    fn on_grid(&self, share: usize, all: usize) -> usize {
        if share == all || share.is_multiple_of(self.sector_len) {
            return share;
        }
        all.min((share / self.sector_len).max(1) * self.sector_len)
    }
}

impl Drop for SimDisk {
    fn drop(&mut self) {
        self.unlock();
    }
}
