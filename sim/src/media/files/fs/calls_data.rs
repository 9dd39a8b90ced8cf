//! The calls that read and change a file's data and size.
//!
//! Space is counted by file lengths: a hole takes as much as data, and names take none. A hole that is punched is zeros that are
//! written: its space is not given back.

use super::{EFBIG, EINVAL, EIO, ENOSPC, FILE_LEN_MAX, Fs, Ino, errno};
use crate::base::decide::Decider;
use std::io;

impl Fs {
    pub(crate) fn read(
        &mut self,
        ino: Ino,
        buffer: &mut [u8],
        offset: u64,
        decide: &mut Decider,
    ) -> io::Result<usize> {
        let (file, mut cx) = self.file(ino, decide)?;
        let count = file.read(buffer, offset, &mut cx);
        file.fill_unwritten(&mut buffer[..count], offset, &cx);
        self.check_readable(ino, offset, count)?;
        Ok(count)
    }

    /// Writes what there is space for, and says how much that was (F6).
    pub(crate) fn write(
        &mut self,
        ino: Ino,
        data: &[u8],
        offset: u64,
        decide: &mut Decider,
    ) -> io::Result<usize> {
        let end = offset
            .checked_add(data.len() as u64)
            .filter(|&end| end <= FILE_LEN_MAX)
            .ok_or_else(|| errno(EFBIG))?;
        let space_left = self.space_left;
        let (file, mut cx) = self.file(ino, decide)?;
        let growth = end.saturating_sub(file.len(&mut cx));
        let missing = space_left.map_or(0, |left| growth.saturating_sub(left));
        let count = data.len().saturating_sub(usize::try_from(missing).unwrap_or(usize::MAX));
        if count == 0 && !data.is_empty() {
            return Err(errno(ENOSPC));
        }
        let sector_len = self.surface.sector_len;
        let (file, _) = self.file(ino, decide)?;
        if !file.can_overwrite(offset as usize, count, sector_len) {
            return Err(errno(EIO));
        }
        self.write_pieces(ino, &data[..count], offset, decide)?;
        if let Some(left) = &mut self.space_left {
            *left -= growth - missing;
        }
        Ok(count)
    }

    /// A change for each piece of a write that is atomic by itself, where the order of changes makes a difference.
    pub(super) fn write_pieces(
        &mut self,
        ino: Ino,
        mut data: &[u8],
        mut offset: u64,
        decide: &mut Decider,
    ) -> io::Result<()> {
        while !data.is_empty() {
            let tick = self.next_tick_of_file(true);
            let grid = self.axioms.atomic_write_len.unwrap_or(u64::MAX);
            let len = usize::try_from(grid - offset % grid).unwrap_or(usize::MAX).min(data.len());
            let (piece, rest) = data.split_at(len);
            let (file, mut cx) = self.file(ino, decide)?;
            if file.write(piece, offset, tick, &mut cx) {
                self.metadata_changes(ino, tick, false);
            }
            (data, offset) = (rest, offset + len as u64);
        }
        Ok(())
    }

    pub(crate) fn set_len(&mut self, ino: Ino, len: u64, decide: &mut Decider) -> io::Result<()> {
        if len > FILE_LEN_MAX {
            return Err(errno(EFBIG));
        }
        let (file, mut cx) = self.file(ino, decide)?;
        let old = file.len(&mut cx);
        if old == len {
            return Ok(());
        }
        let tick = self.next_tick_of_file(false);
        self.metadata_changes(ino, tick, false);
        let (file, mut cx) = self.file(ino, decide)?;
        file.set_len(len, tick, &mut cx);
        if let Some(left) = &mut self.space_left {
            *left += old.saturating_sub(len);
        }
        Ok(())
    }

    /// Makes sure that there is space for a range (fallocate(2)), and extends the file unless `keeps_size`.
    pub(crate) fn allocate(
        &mut self,
        ino: Ino,
        (offset, len): (u64, u64),
        keeps_size: bool,
        decide: &mut Decider,
    ) -> io::Result<()> {
        let end = end_of(offset, len)?;
        let space_left = self.space_left;
        let (file, mut cx) = self.file(ino, decide)?;
        let growth = if keeps_size { 0 } else { end.saturating_sub(file.len(&mut cx)) };
        if space_left.is_some_and(|left| growth > left) {
            return Err(errno(ENOSPC));
        }
        let tick = self.next_tick_of_file(false);
        self.metadata_changes(ino, tick, false);
        let (file, mut cx) = self.file(ino, decide)?;
        file.allocate(offset as usize, end as usize, keeps_size, tick, &mut cx);
        if let Some(left) = &mut self.space_left {
            *left -= growth;
        }
        Ok(())
    }

    /// Has a range read as zeros from now on: what it held is lost sector by sector, as if zeros were written.
    pub(crate) fn clear(
        &mut self,
        ino: Ino,
        (offset, len): (u64, u64),
        hole: Hole,
        decide: &mut Decider,
    ) -> io::Result<()> {
        let end = end_of(offset, len)?;
        if hole == Hole::Extends {
            self.allocate(ino, (offset, len), false, decide)?;
        }
        let (file, mut cx) = self.file(ino, decide)?;
        let zeros = end.min(file.len(&mut cx)).saturating_sub(offset);
        self.write(ino, &vec![0; zeros as usize], offset, decide).map(drop)
    }
}

/// What becomes of the size where a range is cleared that goes beyond the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hole {
    KeepsSize,
    Extends,
}

fn end_of(offset: u64, len: u64) -> io::Result<u64> {
    if len == 0 {
        return Err(errno(EINVAL));
    }
    offset.checked_add(len).filter(|&end| end <= FILE_LEN_MAX).ok_or_else(|| errno(EFBIG))
}
