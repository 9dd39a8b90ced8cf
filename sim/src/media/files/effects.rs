//! What calls on files come to at the instant they take effect: one description for hosts inside this process (`seam`) and for
//! programs that see the file system through a mount (`shown`), so that both meet the same faults and leave the same trace.
//!
//! When a call takes effect, whether it fails at once, and whether the crash comes there is the executor's.

use super::Files;
use super::fs::{EIO, Ino, errno};
use super::request::Opened;
use crate::base::decide::{Lean, Question};
use crate::executor::{Call, Executor};
use crate::plan::{FaultKind, When};
use std::io;

/// Places inside of a long write at which a crash may have stopped it, besides its beginning.
const PARTIAL_ENDS_MAX: u64 = 15;

/// The files at an instant of a run.
pub(crate) struct At<'a> {
    pub(crate) files: &'a mut Files,
    pub(crate) executor: &'a mut Executor,
}

impl At<'_> {
    /// Puts what a call saw into the trace.
    pub(crate) fn note(&mut self, call: &Call, first: u64, second: u64) {
        self.executor.note(call, first, second);
    }

    /// A file was opened, and perhaps made.
    pub(crate) fn add_handle(&mut self, ino: Ino, path: &str, made: bool) -> u64 {
        if made {
            self.executor.note_made();
        }
        self.files.add_handle(self.executor.running_process(), ino, path)
    }

    /// Reads into the buffer, and says how much.
    pub(crate) fn read(
        &mut self,
        call: &Call,
        ino: Ino,
        buffer: &mut [u8],
        offset: u64,
    ) -> io::Result<usize> {
        let wanted = shortened(call, buffer.len());
        let count = self.files.fs.read(ino, &mut buffer[..wanted], offset, &mut self.executor.decide)?;
        self.damage_read(call, ino, offset, &mut buffer[..count])?;
        self.executor.note_bytes(call, u64::from(ino), offset, &buffer[..count]);
        Ok(count)
    }

    /// Writes as much as there is space for and the call is let, and says how much.
    pub(crate) fn write(&mut self, call: &Call, ino: Ino, data: &[u8], offset: u64) -> io::Result<usize> {
        let data = &data[..self.written_share(call, ino, offset, data.len())];
        let count = self.files.fs.write(ino, data, offset, &mut self.executor.decide)?;
        self.note_shorn(call, ino, offset, count);
        self.executor.note_bytes(call, u64::from(ino), offset, &data[..count]);
        Ok(count)
    }

    /// The same of whole sectors of a device.
    pub(crate) fn read_device(
        &mut self,
        call: &Call,
        ino: Ino,
        buffer: &mut [u8],
        (offset, sector_len): (u64, usize),
    ) -> io::Result<usize> {
        let wanted = on_grid(shortened(call, buffer.len()), buffer.len(), sector_len);
        let decide = &mut self.executor.decide;
        let count = self.files.fs.read_device(ino, &mut buffer[..wanted], offset, decide)?;
        self.damage_read(call, ino, offset, &mut buffer[..count])?;
        self.executor.note_bytes(call, u64::from(ino), offset, &buffer[..count]);
        Ok(count)
    }

    /// The same of whole sectors of a device.
    pub(crate) fn write_device(
        &mut self,
        call: &Call,
        ino: Ino,
        data: &[u8],
        (offset, sector_len): (u64, usize),
    ) -> io::Result<usize> {
        let share = self.written_share(call, ino, offset, data.len());
        let data = &data[..on_grid(share, data.len(), sector_len)];
        let count = self.files.fs.write_device(ino, data, offset, &mut self.executor.decide)?;
        self.note_shorn(call, ino, offset, count);
        self.executor.note_bytes(call, u64::from(ino), offset, &data[..count]);
        Ok(count)
    }

    /// How much of a write is done: all, half, or what a kill in its middle let through.
    fn written_share(&mut self, call: &Call, ino: Ino, offset: u64, len: usize) -> usize {
        if call.fault == Some(FaultKind::ShortWrite) && len > 1 {
            return len / 2;
        }
        if call.cut.is_some_and(|cut| cut.when == When::Within) {
            self.executor.injected.killed_within_write += 1;
            // What the medium, or the page cache, takes as a whole is not torn: a write ends where such a piece does.
            let piece = self.files.fs.atomic_len(ino);
            let first = offset / piece;
            let inside = (offset + (len as u64).max(1) - 1) / piece - first;
            let ends = inside.min(PARTIAL_ENDS_MAX);
            let answer =
                self.executor.decide.choose(call.address(Question::Partial), ends as u32 + 1, Lean::Even);
            return match u64::from(answer) {
                0 => 0,
                answer => {
                    let end = (first + answer * inside / ends) * piece;
                    usize::try_from(end - offset).expect("it is below the length")
                }
            };
        }
        len
    }

    /// A sync of a file through one of its handles.
    pub(crate) fn sync_file(&mut self, call: &Call, file: Opened, data_only: bool) -> io::Result<()> {
        let Opened { handle, ino } = file;
        self.note(call, u64::from(ino), 0);
        if fails_sync(call) {
            self.fail_sync(call, ino);
        }
        // Every handle that was open when a sync failed hears of it once (F7).
        let errors = self.files.fs.sync_errors(ino);
        if self.files.hear_of_errors(handle, errors) {
            return Err(errno(EIO));
        }
        self.sync(call, ino, data_only);
        Ok(())
    }

    /// A sync of a directory.
    pub(crate) fn sync_dir(&mut self, call: &Call, ino: Ino) -> io::Result<()> {
        self.note(call, u64::from(ino), 0);
        if fails_sync(call) {
            self.fail_sync(call, ino);
            return Err(errno(EIO));
        }
        self.sync(call, ino, false);
        Ok(())
    }

    fn fail_sync(&mut self, call: &Call, ino: Ino) {
        let address = call.address(Question::Reverted);
        self.files.fs.fail_sync(ino, call.mark, address, &mut self.executor.decide);
    }

    pub(crate) fn set_len(&mut self, call: &Call, ino: Ino, len: u64) -> io::Result<()> {
        self.note(call, u64::from(ino), len);
        self.files.fs.set_len(ino, len, &mut self.executor.decide)
    }

    /// Preallocates a range.
    pub(crate) fn allocate(
        &mut self,
        call: &Call,
        ino: Ino,
        range: (u64, u64),
        keeps_size: bool,
    ) -> io::Result<()> {
        self.note(call, u64::from(ino), range.0);
        self.note(call, u64::from(ino), range.1);
        self.files.fs.allocate(ino, range, keeps_size, &mut self.executor.decide)
    }
}

/// Whether a sync is planned to fail.
fn fails_sync(call: &Call) -> bool {
    matches!(call.fault, Some(FaultKind::SyncEio | FaultKind::DirSyncEio))
}

/// How much of a read is done.
fn shortened(call: &Call, len: usize) -> usize {
    if call.fault == Some(FaultKind::ShortRead) && len > 1 { len / 2 } else { len }
}

/// A share of a transfer, in whole sectors, at least one of them.
fn on_grid(share: usize, all: usize, sector_len: usize) -> usize {
    if share == all || share.is_multiple_of(sector_len) {
        return share;
    }
    all.min((share / sector_len).max(1) * sector_len)
}
