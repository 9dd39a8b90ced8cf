//! What calls on files come to at the instant they take effect: one description for hosts inside this process (`seam`) and for
//! programs that see the file system through a mount (`vfs`), so that both meet the same faults and leave the same trace.
//!
//! When a call takes effect, whether it fails at once, and whether the crash comes there is the runtime's.

use super::fs::{EIO, Ino, errno};
use crate::decide::Question;
use crate::runtime::{Call, World};
use std::io;

impl World {
    /// Reads into the buffer, and says how much.
    pub(crate) fn read(
        &mut self,
        call: &Call,
        ino: Ino,
        buffer: &mut [u8],
        offset: u64,
    ) -> io::Result<usize> {
        let wanted = call.shortened(buffer.len());
        let count = self.fs.read(ino, &mut buffer[..wanted], offset, &mut self.decide)?;
        self.damage_read(call, ino, offset, &mut buffer[..count])?;
        self.note_bytes(call, ino, offset, &buffer[..count]);
        Ok(count)
    }

    /// Writes as much as there is space for and the call is let, and says how much.
    pub(crate) fn write(&mut self, call: &Call, ino: Ino, data: &[u8], offset: u64) -> io::Result<usize> {
        let data = &data[..self.written_share(call, ino, offset, data.len())];
        let count = self.fs.write(ino, data, offset, &mut self.decide)?;
        self.note_shorn(call, ino, offset, count);
        self.note_bytes(call, ino, offset, &data[..count]);
        Ok(count)
    }

    /// A sync of a file through one of its handles.
    pub(crate) fn sync_file(
        &mut self,
        call: &Call,
        handle: u64,
        ino: Ino,
        data_only: bool,
    ) -> io::Result<()> {
        self.note(call, u64::from(ino), 0);
        if call.fails_sync() {
            self.fs.fail_sync(ino, call.mark, call.address(Question::Reverted), &mut self.decide);
        }
        // Every handle that was open when a sync failed hears of it once (F7).
        let errors = self.fs.sync_errors(ino);
        if self.hear_of_errors(handle, errors) {
            return Err(errno(EIO));
        }
        self.sync(call, ino, data_only);
        Ok(())
    }

    /// A sync of a directory.
    pub(crate) fn sync_dir(&mut self, call: &Call, ino: Ino) -> io::Result<()> {
        self.note(call, u64::from(ino), 0);
        if call.fails_sync() {
            self.fs.fail_sync(ino, call.mark, call.address(Question::Reverted), &mut self.decide);
            return Err(errno(EIO));
        }
        self.sync(call, ino, false);
        Ok(())
    }

    pub(crate) fn set_len(&mut self, call: &Call, ino: Ino, len: u64) -> io::Result<()> {
        self.note(call, u64::from(ino), len);
        self.fs.set_len(ino, len, &mut self.decide)
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
        self.fs.allocate(ino, range, keeps_size, &mut self.decide)
    }
}
