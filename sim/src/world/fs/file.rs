//! One inode's data: what the process sees, what the medium holds, and everything in between.
//!
//! Content is kept on an absolute grid of sectors. A write makes each sector that it touches dirty, on its own; the medium
//! may come to hold any version of a sector since its last completed sync, independently of all others, and any size since
//! then, independently of the data (fault model F1, F2, B2). After a power loss the file is *unresolved*: which size and
//! which version of a sector came to be is decided when recovery first looks at it, so what nobody reads needs no decision.
//!
//! Rules:
//! - A sector that was never on the medium holds a fill there: zeros, garbage, or an old sector (B3, F5).
//! - `sync_data` makes durable the data and the size needed to read it (F3); a cut needs `sync_all` (F4).
//! - A sync covers what was written before it was issued, not what is written while it runs (B2).
//! - After a failed sync the sectors and sizes it should have covered count as clean: a later sync says yes without them,
//!   until they are written again (F7).
//! - A cut leaves, for each sector behind it, the choice between its old content and none.
//!
//! Not modelled: preallocation, holes that read as garbage, metadata of a file other than its size.

use super::{Fill, Medium};
use crate::decide::{Address, Decider, Lean, Question};

/// A number that orders changes within one world.
pub(crate) type Tick = u64;

/// An inode's data.
#[derive(Debug, Default)]
pub(super) struct FileData {
    /// As the process sees it; its length is the file's size. Stale while the size is unresolved.
    cache: Vec<u8>,
    /// As the medium holds it, whole sectors; zeros where `written` says no.
    disk: Vec<u8>,
    disk_size: u64,
    /// Which sectors the medium holds.
    written: Vec<bool>,
    dirty: Vec<Dirty>,
    older: Vec<Older>,
    sizes: Vec<SizeChange>,
    crash: Option<Box<Unresolved>>,
}

/// A sector whose newest version is in the cache only.
#[derive(Clone, Copy, Debug)]
struct Dirty {
    sector: u32,
    tick: Tick,
    /// A failed sync has marked it clean.
    clean: bool,
}

/// A version of a dirty sector between the medium's and the newest.
#[derive(Debug)]
struct Older {
    sector: u32,
    tick: Tick,
    bytes: Box<[u8]>,
}

#[derive(Clone, Copy, Debug)]
struct SizeChange {
    tick: Tick,
    size: u64,
    clean: bool,
}

/// What a power loss left undecided.
#[derive(Debug)]
struct Unresolved {
    /// Sizes that the file may have, newest first; empty once decided.
    sizes: Vec<u64>,
    size_crash: u32,
    sectors: Vec<UnresolvedSector>,
}

#[derive(Debug)]
struct UnresolvedSector {
    crash: u32,
    sector: u32,
    /// Newest first; the version that the medium held before, or a fill, comes after them.
    versions: Vec<Box<[u8]>>,
}

/// What resolving needs.
pub(super) struct Resolve<'a> {
    pub(super) inode_key: u32,
    pub(super) decide: &'a mut Decider,
    pub(super) medium: &'a mut Medium,
}

impl FileData {
    /// The size as the process sees it.
    pub(super) fn len(&mut self, cx: &mut Resolve<'_>) -> u64 {
        self.resolve_size(cx);
        self.cache.len() as u64
    }

    pub(super) fn read(&mut self, buffer: &mut [u8], offset: u64, cx: &mut Resolve<'_>) -> usize {
        self.resolve_size(cx);
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.cache.len());
        let count = buffer.len().min(self.cache.len() - start);
        self.resolve_sectors(start, count, cx);
        buffer[..count].copy_from_slice(&self.cache[start..start + count]);
        count
    }

    /// Writes all of `data` into the cache. The caller has seen to space and short writes.
    pub(super) fn write(&mut self, data: &[u8], offset: u64, tick: Tick, cx: &mut Resolve<'_>) {
        if data.is_empty() {
            return;
        }
        self.resolve_size(cx);
        let start = usize::try_from(offset).expect("the caller has refused such an offset");
        let end = start + data.len();
        self.resolve_sectors(start, data.len(), cx);
        if end > self.cache.len() {
            self.sizes.push(SizeChange { tick, size: end as u64, clean: false });
        }
        self.touch(start, end, tick, cx.medium.sector_len);
        if end > self.cache.len() {
            self.cache.resize(end, 0);
        }
        self.cache[start..end].copy_from_slice(data);
    }

    /// Cuts or extends with zeros.
    pub(super) fn set_len(&mut self, len: u64, tick: Tick, cx: &mut Resolve<'_>) {
        self.resolve_size(cx);
        let len = usize::try_from(len).expect("the caller has refused such a length");
        let old = self.cache.len();
        if len == old {
            return;
        }
        self.sizes.push(SizeChange { tick, size: len as u64, clean: false });
        if len < old {
            self.resolve_sectors(len, old - len, cx);
            self.touch(len, old, tick, cx.medium.sector_len);
            cx.medium.recycle(&self.cache[len..]);
        }
        self.cache.resize(len, 0);
    }

    /// Makes the sectors of `start..end` dirty, keeping the versions that they had.
    fn touch(&mut self, start: usize, end: usize, tick: Tick, sector_len: usize) {
        for sector in start / sector_len..end.div_ceil(sector_len) {
            let number = sector as u32;
            match self.dirty.iter().position(|dirty| dirty.sector == number) {
                Some(at) => {
                    let bytes = sector_of(&self.cache, sector, sector_len);
                    self.older.push(Older { sector: number, tick: self.dirty[at].tick, bytes });
                    self.dirty[at] = Dirty { sector: number, tick, clean: false };
                }
                None => self.dirty.push(Dirty { sector: number, tick, clean: false }),
            }
        }
    }

    /// Makes durable what was there at `mark`; `data_only` leaves a cut undone.
    pub(super) fn sync(&mut self, mark: Tick, data_only: bool, sector_len: usize) {
        if self.dirty.is_empty() && self.sizes.is_empty() {
            return;
        }
        let size = self.sizes.iter().rev().find(|change| change.tick <= mark).map(|change| change.size);
        let cut_stays_pending = data_only && size.is_some_and(|size| size < self.disk_size);
        let mut needed = 0;
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.retain(|entry| {
            let start = entry.sector as usize * sector_len;
            if entry.clean || (cut_stays_pending && start >= self.cache.len()) {
                return true;
            }
            let newest_covered = entry.tick <= mark;
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
        self.sync_size(mark, cut_stays_pending, needed as u64);
    }

    fn sync_size(&mut self, mark: Tick, cut_stays_pending: bool, needed: u64) {
        let Some(at) = self.sizes.iter().rposition(|change| change.tick <= mark) else { return };
        let change = self.sizes[at];
        if cut_stays_pending || (change.clean && needed <= self.disk_size) {
            return;
        }
        self.disk_size = change.size;
        self.sizes.drain(..=at);
    }

    /// A sync that failed: what it should have covered is clean now, though the medium may not hold it.
    pub(super) fn fail_sync(&mut self, mark: Tick) {
        self.dirty.iter_mut().filter(|dirty| dirty.tick <= mark).for_each(|dirty| dirty.clean = true);
        self.sizes.iter_mut().filter(|change| change.tick <= mark).for_each(|change| change.clean = true);
    }

    /// Whether a power loss now would leave anything undecided.
    pub(super) fn is_unsynced(&self) -> bool {
        !self.dirty.is_empty() || !self.sizes.is_empty()
    }

    /// The power goes: the cache is lost, and what the medium holds is to be decided.
    pub(super) fn power_loss(&mut self, crash: u32, sector_len: usize) {
        if !self.is_unsynced() {
            return;
        }
        let mut unresolved = self.crash.take().unwrap_or_else(|| {
            Box::new(Unresolved { sizes: Vec::new(), size_crash: crash, sectors: Vec::new() })
        });
        debug_assert!(unresolved.sizes.is_empty(), "whoever changes a file has looked at its size");
        unresolved.size_crash = crash;
        unresolved.sizes = self.sizes.drain(..).rev().map(|change| change.size).collect();
        unresolved.sizes.push(self.disk_size);
        for dirty in self.dirty.drain(..) {
            let mut versions = vec![sector_of(&self.cache, dirty.sector as usize, sector_len)];
            // `older` is in order of time.
            for older in self.older.iter_mut().rev().filter(|older| older.sector == dirty.sector) {
                versions.push(std::mem::take(&mut older.bytes));
            }
            unresolved.sectors.push(UnresolvedSector { crash, sector: dirty.sector, versions });
        }
        self.older.clear();
        self.crash = Some(unresolved);
    }

    fn resolve_size(&mut self, cx: &mut Resolve<'_>) {
        let Some(crash) = self.crash.as_mut().filter(|crash| !crash.sizes.is_empty()) else { return };
        let mut sizes = std::mem::take(&mut crash.sizes);
        dedup_keeping_first(&mut sizes);
        let address = Address::new(Question::Size, crash.size_crash, cx.inode_key, 0);
        let answer = cx.decide.choose(address, sizes.len() as u32, Lean::Mood);
        let sector_len = cx.medium.sector_len;
        cx.medium.states.decided += 1;
        cx.medium.states.sizes_lost += u32::from(answer > 0);
        self.disk_size = sizes[answer as usize];
        let size = usize::try_from(self.disk_size).expect("it was a size once");
        let sectors = size.div_ceil(sector_len);
        crash.sectors.retain(|unresolved| (unresolved.sector as usize) < sectors);
        // What lies behind the end is not part of the file any more.
        self.disk.resize(sectors * sector_len, 0);
        self.disk[size..].fill(0);
        self.written.resize(sectors, false);
        self.cache.clear();
        self.cache.extend_from_slice(&self.disk[..size]);
        self.drop_if_resolved();
    }

    fn resolve_sectors(&mut self, start: usize, len: usize, cx: &mut Resolve<'_>) {
        let Some(crash) = &mut self.crash else { return };
        let sector_len = cx.medium.sector_len;
        let range = start / sector_len..(start + len).div_ceil(sector_len);
        let mut index = 0;
        while index < crash.sectors.len() {
            if !range.contains(&(crash.sectors[index].sector as usize)) {
                index += 1;
                continue;
            }
            let unresolved = crash.sectors.swap_remove(index);
            let (sector, count) = (unresolved.sector, unresolved.versions.len() as u32);
            let address = Address::new(Question::Sector, unresolved.crash, cx.inode_key, sector);
            let answer = cx.decide.choose(address, count + 1, Lean::Mood);
            let bytes = if answer < count {
                Some(unresolved.versions[answer as usize].clone())
            } else if self.written[sector as usize] {
                None
            } else {
                Some(cx.medium.fill(unresolved.crash, cx.inode_key, sector, cx.decide))
            };
            cx.medium.states.decided += 1;
            cx.medium.states.sectors_lost += u32::from(answer == count);
            cx.medium.states.sectors_between += u32::from(answer > 0 && answer < count);
            if answer > 0 {
                cx.medium.recycle(&unresolved.versions[0]);
            }
            if let Some(bytes) = bytes {
                put(&mut self.disk, &mut self.written, sector, &bytes, sector_len);
                let size = self.cache.len();
                let from = sector as usize * sector_len;
                let to = size.min(from + sector_len);
                // Behind the end of the file there is nothing, whatever the sector holds.
                self.disk[to..from + sector_len].fill(0);
                self.cache[from..to].copy_from_slice(&self.disk[from..to]);
            }
        }
        self.drop_if_resolved();
    }

    fn drop_if_resolved(&mut self) {
        if self.crash.as_ref().is_some_and(|crash| crash.sizes.is_empty() && crash.sectors.is_empty()) {
            self.crash = None;
        }
    }

    /// The content goes back to the medium's free sectors, where it may be found again.
    pub(super) fn recycle(&self, medium: &mut Medium) {
        medium.recycle(&self.cache);
    }
}

/// The sector's bytes as the cache has them, filled up with zeros behind the end.
fn sector_of(cache: &[u8], sector: usize, sector_len: usize) -> Box<[u8]> {
    let mut bytes = vec![0; sector_len].into_boxed_slice();
    let start = sector * sector_len;
    if start < cache.len() {
        let end = cache.len().min(start + sector_len);
        bytes[..end - start].copy_from_slice(&cache[start..end]);
    }
    bytes
}

/// Puts a sector on the medium.
fn put(disk: &mut Vec<u8>, written: &mut Vec<bool>, sector: u32, bytes: &[u8], sector_len: usize) {
    let start = sector as usize * sector_len;
    if disk.len() < start + sector_len {
        disk.resize(start + sector_len, 0);
        written.resize(sector as usize + 1, false);
    }
    disk[start..start + bytes.len()].copy_from_slice(bytes);
    disk[start + bytes.len()..start + sector_len].fill(0);
    written[sector as usize] = true;
}

/// Sizes that were reached twice are one choice; the order of the first mentions stays.
fn dedup_keeping_first(sizes: &mut Vec<u64>) {
    let mut kept = 0;
    for index in 0..sizes.len() {
        if !sizes[..kept].contains(&sizes[index]) {
            sizes.swap(kept, index);
            kept += 1;
        }
    }
    sizes.truncate(kept);
}

impl Medium {
    /// What a sector holds that no surviving write put there.
    fn fill(&mut self, crash: u32, inode_key: u32, sector: u32, decide: &mut Decider) -> Box<[u8]> {
        let address = Address::new(Question::Fill, crash, inode_key, sector);
        let kind = match self.fill {
            Fill::Zeros => 0,
            Fill::Mixed => decide.choose(address, 3, Lean::Even),
            Fill::Garbage => 1,
            Fill::Stale => 2,
        };
        let mut bytes = vec![0; self.sector_len].into_boxed_slice();
        match kind {
            1 => {
                self.states.filled_with_garbage += 1;
                garbage(&mut bytes, address);
            }
            2 if !self.stale.is_empty() => {
                self.states.filled_with_stale += 1;
                let old = &self.stale[(sector as usize).wrapping_add(crash as usize) % self.stale.len()];
                bytes.copy_from_slice(old);
            }
            _ => self.states.filled_with_zeros += 1,
        }
        bytes
    }

    /// Remembers a few sectors of content that is no longer anybody's.
    fn recycle(&mut self, content: &[u8]) {
        if self.fill == Fill::Zeros || self.fill == Fill::Garbage {
            return;
        }
        for sector in 0..content.len().div_ceil(self.sector_len).min(Medium::STALE_SECTORS_MAX) {
            if self.stale.len() == Medium::STALE_SECTORS_MAX {
                self.stale.remove(0);
            }
            self.stale.push(sector_of(content, sector, self.sector_len));
        }
    }
}

fn garbage(bytes: &mut [u8], address: Address) {
    for (index, word) in bytes.chunks_mut(8).enumerate() {
        let drawn = crate::decide::mix(index as u64, address).to_le_bytes();
        word.copy_from_slice(&drawn[..word.len()]);
    }
}
