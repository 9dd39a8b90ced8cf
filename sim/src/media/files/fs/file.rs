//! One inode's data as long as the power is on: what the process sees, what the medium holds, and what is in between.
//!
//! Content is kept on an absolute grid of sectors. A write makes each sector that it touches dirty, on its own; the medium
//! may come to hold any version of a sector since its last completed sync, independently of all others, and any size since
//! then, independently of the data (fault model F1, F2, B2), as far as the profile's axioms leave that open. Which it was is
//! for [`super::crash`].
//!
//! Rules:
//! - `sync_data` makes durable the data and the size needed to read it (F3); a cut needs `sync_all` (F4).
//! - A sync covers what was written before it was issued, not what is written while it runs (B2).
//! - After a failed sync, what it should have covered counts as clean: a later sync says yes without it, until it is written
//!   again; or the cache goes back to what is durable (F7).
//! - A cut leaves, for each sector behind it, the choice between its old content and none. Where metadata have an order, the
//!   blocks behind a cut go and come back with the cut, in that order, and so does what was written there after it.
//! - Preallocated space reads as zeros (F5).
//!
//! Not modelled: holes that read as garbage, metadata of a file other than its size.

use super::axioms::FailedSync;
use super::crash::Unresolved;
use super::media::Damage;
use super::{Ino, Surface};
use crate::base::decide::Decider;
use std::hash::{Hash, Hasher};
use std::ops::Range;

/// A number that orders changes within one world.
pub(crate) type Tick = u64;

/// What file systems allocate at once, and page caches write back at once, in bytes.
pub(super) const BLOCK_LEN: usize = 4096;

/// An inode's data.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct FileData {
    /// The size as the process sees it. Stale, like the cache, while it is unresolved.
    pub(super) size: usize,
    /// The content as the process sees it, from the beginning; behind it, up to the size, there are zeros.
    pub(super) cache: Vec<u8>,
    /// As the medium holds it, whole sectors; zeros where `written` says no.
    pub(super) disk: Vec<u8>,
    pub(super) disk_size: u64,
    /// Which sectors the medium holds.
    pub(super) written: Vec<bool>,
    pub(super) dirty: Vec<Dirty>,
    /// No sector from here on is dirty: long files are written from beginning to end, and need no search then.
    pub(super) dirty_end: Bound,
    pub(super) older: Vec<Older>,
    pub(super) sizes: Vec<SizeChange>,
    pub(super) allocated: Vec<Allocation>,
    pub(super) crash: Option<Box<Unresolved>>,
    pub(super) damage: Option<Box<Damage>>,
    /// It is a block device: its length is fixed, and nothing gives its sectors an order.
    pub(super) is_device: bool,
}

/// Something that is known of the state and is no part of it: states that differ in it are the same.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bound(u32);

impl Hash for Bound {
    fn hash<H: Hasher>(&self, _state: &mut H) {}
}

/// A sector whose newest version is in the cache only.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Dirty {
    pub(super) sector: u32,
    pub(super) tick: Tick,
    /// A failed sync has marked it clean.
    pub(super) clean: bool,
    /// Cut off: a change of metadata, which has its place in their order.
    pub(super) ordered: bool,
}

/// A version of a dirty sector between the medium's and the newest.
#[derive(Clone, Debug, Hash)]
pub(super) struct Older {
    pub(super) sector: u32,
    pub(super) tick: Tick,
    pub(super) ordered: bool,
    pub(super) bytes: Box<[u8]>,
}

#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct SizeChange {
    pub(super) tick: Tick,
    pub(super) size: u64,
    /// If a write made the file grow: where what is new begins. Any other change is one of metadata.
    pub(super) grown_from: Option<u64>,
    pub(super) clean: bool,
}

/// Sectors that were preallocated: where nothing was written, they read as zeros.
#[derive(Clone, Debug, Hash)]
pub(super) struct Allocation {
    pub(super) sectors: Range<usize>,
    pub(super) tick: Tick,
    pub(super) durable: bool,
}

/// What resolving needs.
pub(super) struct Resolve<'a> {
    pub(super) ino: Ino,
    pub(super) inode_key: u32,
    pub(super) decide: &'a mut Decider,
    pub(super) surface: &'a mut Surface,
}

impl FileData {
    /// A file whose content is on the medium from the beginning.
    pub(super) fn durable(content: &[u8], sector_len: usize) -> FileData {
        let mut file = FileData { cache: content.to_vec(), ..FileData::default() };
        (file.size, file.disk_size) = (content.len(), content.len() as u64);
        for (sector, bytes) in content.chunks(sector_len).enumerate() {
            put(&mut file.disk, &mut file.written, sector as u32, bytes, sector_len);
        }
        file
    }

    /// The size as the process sees it.
    pub(super) fn len(&mut self, cx: &mut Resolve<'_>) -> u64 {
        self.resolve_size(cx);
        self.size as u64
    }

    pub(super) fn read(&mut self, buffer: &mut [u8], offset: u64, cx: &mut Resolve<'_>) -> usize {
        self.resolve_size(cx);
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.size);
        let count = buffer.len().min(self.size - start);
        self.resolve_sectors(start, count, cx);
        let cached = self.cache.get(start..).unwrap_or(&[]);
        let cached = &cached[..cached.len().min(count)];
        buffer[..cached.len()].copy_from_slice(cached);
        buffer[cached.len()..count].fill(0);
        count
    }

    /// Writes all of `data` into the cache. The caller has seen to space and short writes. Says whether the file's metadata
    /// must change for that: its size, or where its blocks are.
    pub(super) fn write(&mut self, data: &[u8], offset: u64, tick: Tick, cx: &mut Resolve<'_>) -> bool {
        if data.is_empty() {
            return false;
        }
        self.resolve_size(cx);
        let start = usize::try_from(offset).expect("the caller has refused such an offset");
        let end = start + data.len();
        self.resolve_sectors(start, data.len(), cx);
        let sector_len = cx.surface.sector_len;
        let grows = end > self.size;
        if grows {
            self.settle_end(cx);
        }
        let allocates = grows || !self.has_blocks(start, end, sector_len);
        self.touch(start, end, tick, sector_len, usize::MAX);
        if grows {
            let grown_from = Some(self.size.max(start) as u64);
            self.sizes.push(SizeChange { tick, size: end as u64, grown_from, clean: false });
            self.size = end;
        }
        self.cache.resize(self.cache.len().max(end), 0);
        self.cache[start..end].copy_from_slice(data);
        allocates
    }

    /// Cuts or extends with zeros.
    pub(super) fn set_len(&mut self, len: u64, tick: Tick, cx: &mut Resolve<'_>) {
        self.resolve_size(cx);
        let len = usize::try_from(len).expect("the caller has refused such a length");
        let old = self.size;
        if len == old {
            return;
        }
        if len < old {
            self.resolve_sectors(len, old - len, cx);
            let sector_len = cx.surface.sector_len;
            // What is left of the last block is overwritten with zeros, as data; those behind it are given back.
            let freed_from = len.div_ceil(BLOCK_LEN) * BLOCK_LEN / sector_len;
            let used = old.min(self.cache.len().max(self.disk.len()));
            if len < used {
                self.touch(len, used, tick, sector_len, freed_from);
            }
            cx.surface.recycle(self.cache.get(len / sector_len * sector_len..).unwrap_or(&[]));
            self.cache.truncate(len);
            let sectors = len.div_ceil(sector_len);
            self.forget_damage(sectors);
            self.allocated.retain(|allocation| allocation.sectors.start < sectors);
            for allocation in &mut self.allocated {
                allocation.sectors.end = allocation.sectors.end.min(sectors);
            }
        }
        if len > old {
            self.settle_end(cx);
        }
        self.sizes.push(SizeChange { tick, size: len as u64, grown_from: None, clean: false });
        self.size = len;
    }

    /// Before a file grows: what the sector holds that the file ends in is decided while it ends there. What comes behind the
    /// end reads as zeros, whatever a loss of power had left there.
    fn settle_end(&mut self, cx: &mut Resolve<'_>) {
        self.resolve_sectors(self.size, 0, cx);
    }

    /// Makes sure that there is space, which reads as zeros where nothing was written. `keeps_size`: even behind the end.
    pub(super) fn allocate(
        &mut self,
        start: usize,
        end: usize,
        keeps_size: bool,
        tick: Tick,
        cx: &mut Resolve<'_>,
    ) {
        self.resolve_size(cx);
        let sector_len = cx.surface.sector_len;
        if end > self.size && !keeps_size {
            self.settle_end(cx);
            self.sizes.push(SizeChange { tick, size: end as u64, grown_from: None, clean: false });
            self.size = end;
        }
        let sectors = start / sector_len..end.div_ceil(sector_len);
        self.allocated.push(Allocation { sectors, tick, durable: false });
    }

    /// The size that the process sees is committed with the metadata, whether its data is or not.
    pub(super) fn order_size(&mut self, tick: Tick, cx: &mut Resolve<'_>) {
        self.resolve_size(cx);
        if let Some(&SizeChange { size, grown_from: Some(_), .. }) = self.sizes.last() {
            self.sizes.push(SizeChange { tick, size, grown_from: None, clean: false });
        }
    }

    pub(super) fn is_written(&self, sector: usize) -> bool {
        self.written.get(sector).copied().unwrap_or(false)
    }

    /// Whether a sector on which nothing was written is known to be zeros.
    pub(super) fn is_preallocated(&self, sector: usize) -> bool {
        self.allocated.iter().any(|allocation| allocation.durable && allocation.sectors.contains(&sector))
    }

    /// Whether every block of the range is allocated, or is to be for an earlier write.
    fn has_blocks(&self, start: usize, end: usize, sector_len: usize) -> bool {
        (start / BLOCK_LEN..end.div_ceil(BLOCK_LEN)).all(|block| {
            let mut sectors = block * BLOCK_LEN / sector_len..(block + 1) * BLOCK_LEN / sector_len;
            sectors.any(|sector| self.is_written(sector) || self.dirty_at(sector as u32).is_some())
        })
    }

    /// Where a sector stands among the dirty ones.
    fn dirty_at(&self, sector: u32) -> Option<usize> {
        if sector >= self.dirty_end.0 {
            return None;
        }
        self.dirty.iter().position(|dirty| dirty.sector == sector)
    }

    /// Makes the sectors of `start..end` dirty, keeping the versions that they had. Those from `ordered_from` on change
    /// with the metadata.
    fn touch(&mut self, start: usize, end: usize, tick: Tick, sector_len: usize, ordered_from: usize) {
        for sector in start / sector_len..end.div_ceil(sector_len) {
            let number = sector as u32;
            let newest = Dirty { sector: number, tick, clean: false, ordered: sector >= ordered_from };
            match self.dirty_at(number) {
                Some(at) => {
                    let bytes = sector_of(&self.cache, sector, sector_len);
                    let Dirty { tick, ordered, .. } = self.dirty[at];
                    self.older.push(Older { sector: number, tick, ordered, bytes });
                    self.dirty[at] = newest;
                }
                None => {
                    self.dirty_end.0 = self.dirty_end.0.max(number + 1);
                    self.dirty.push(newest);
                }
            }
        }
    }

    /// Makes durable what was there at `mark`; `data_only` leaves a cut undone.
    pub(super) fn sync(&mut self, mark: Tick, data_only: bool, sector_len: usize) {
        for allocation in self.allocated.iter_mut().filter(|allocation| allocation.tick <= mark) {
            allocation.durable = true;
        }
        if self.dirty.is_empty() && self.sizes.is_empty() {
            return;
        }
        let size = self.sizes.iter().rev().find(|change| change.tick <= mark).map(|change| change.size);
        let cut_stays_pending = data_only && size.is_some_and(|size| size < self.disk_size);
        let (mut needed, mut placed) = (0, Vec::new());
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.retain(|entry| {
            let start = entry.sector as usize * sector_len;
            if entry.clean || (cut_stays_pending && start >= self.size) {
                return true;
            }
            let newest_covered = entry.tick <= mark;
            placed.push(entry.sector);
            if newest_covered {
                let bytes = self.cache.get(start..self.cache.len().min(start + sector_len)).unwrap_or(&[]);
                put(&mut self.disk, &mut self.written, entry.sector, bytes, sector_len);
                needed = needed.max(start + bytes.len());
            } else if let Some(version) =
                self.older.iter().rev().find(|older| older.sector == entry.sector && older.tick <= mark)
            {
                put(&mut self.disk, &mut self.written, entry.sector, &version.bytes, sector_len);
                needed = needed.max(start + 1);
            }
            self.older.retain(|older| older.sector != entry.sector || (older.tick > mark && !newest_covered));
            !newest_covered
        });
        self.dirty = dirty;
        if self.damage.is_some() {
            for sector in placed {
                self.is_placed(sector);
            }
        }
        self.sync_size(mark, cut_stays_pending, needed as u64);
    }

    fn sync_size(&mut self, mark: Tick, cut_stays_pending: bool, needed: u64) {
        let Some(at) = self.sizes.iter().rposition(|change| change.tick <= mark) else { return };
        let change = self.sizes[at];
        if cut_stays_pending {
            // The cut may be undone, but what was cut off before it is not left: the size that the data needs is durable.
            self.sizes.drain(..at);
            return;
        }
        if change.clean && needed <= self.disk_size {
            return;
        }
        self.disk_size = change.size;
        self.sizes.drain(..=at);
    }

    /// A sync that failed; `mode` says what becomes of what it should have covered.
    pub(super) fn fail_sync(&mut self, mark: Tick, mode: FailedSync, sector_len: usize) {
        match mode {
            FailedSync::StaysPending => {}
            FailedSync::MarkedClean | FailedSync::AnyOfThese => {
                self.dirty.iter_mut().filter(|dirty| dirty.tick <= mark).for_each(|dirty| dirty.clean = true);
                self.sizes
                    .iter_mut()
                    .filter(|change| change.tick <= mark)
                    .for_each(|change| change.clean = true);
            }
            FailedSync::Reverted => self.revert(mark, sector_len),
        }
    }

    /// Sectors and sizes whose newest version was covered go back to what is durable.
    fn revert(&mut self, mark: Tick, sector_len: usize) {
        let FileData { cache, disk, written, dirty, older, .. } = self;
        dirty.retain(|entry| {
            if entry.tick > mark {
                return true;
            }
            let start = entry.sector as usize * sector_len;
            let end = cache.len().min(start + sector_len);
            if start < end {
                if written.get(entry.sector as usize).copied().unwrap_or(false) {
                    cache[start..end].copy_from_slice(&disk[start..end]);
                } else {
                    cache[start..end].fill(0);
                }
            }
            older.retain(|version| version.sector != entry.sector);
            false
        });
        if self.sizes.last().is_some_and(|change| change.tick <= mark) {
            self.sizes.clear();
            let len = usize::try_from(self.disk_size).expect("it was a size once");
            self.size = len;
            self.cache.truncate(len);
            // What a cut had taken is there again.
            let (kept, known) = (self.cache.len(), self.disk.len().min(len));
            if kept < known {
                self.cache.extend_from_slice(&self.disk[kept..known]);
            }
        }
    }

    /// Whether a power loss now would leave anything undecided.
    pub(super) fn is_unsynced(&self) -> bool {
        !self.dirty.is_empty() || !self.sizes.is_empty()
    }

    /// The content goes back to the medium's free sectors, where it may be found again.
    pub(super) fn recycle(&self, surface: &mut Surface) {
        surface.recycle(&self.cache);
    }
}

/// The sector's bytes as the cache has them, filled up with zeros behind the end.
pub(super) fn sector_of(cache: &[u8], sector: usize, sector_len: usize) -> Box<[u8]> {
    let mut bytes = vec![0; sector_len].into_boxed_slice();
    let start = sector * sector_len;
    if start < cache.len() {
        let end = cache.len().min(start + sector_len);
        bytes[..end - start].copy_from_slice(&cache[start..end]);
    }
    bytes
}

/// Puts a sector on the medium.
pub(super) fn put(disk: &mut Vec<u8>, written: &mut Vec<bool>, sector: u32, bytes: &[u8], sector_len: usize) {
    let start = sector as usize * sector_len;
    if disk.len() < start + sector_len {
        disk.resize(start + sector_len, 0);
        written.resize(sector as usize + 1, false);
    }
    disk[start..start + bytes.len()].copy_from_slice(bytes);
    disk[start + bytes.len()..start + sector_len].fill(0);
    written[sector as usize] = true;
}
