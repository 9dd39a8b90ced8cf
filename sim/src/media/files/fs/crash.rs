//! What a loss of power leaves of one inode's data, decided when somebody looks.
//!
//! A file that was unsynced is *unresolved* afterwards: which size the medium has is decided when that is first asked, and
//! which version of a sector when it is first read. What nobody reads needs no decision. What the profile's order has
//! settled at the moment of the crash is settled here at once; only the rest is a choice.
//!
//! Rules:
//! - A sector of which no version was on the medium holds a fill there: zeros, garbage, or an old sector (B3, F5).
//! - A write that made the file grow may have done so in part, up to the end of any of its blocks.
//! - What pages were written back decides which sizes there are: that of the file at some time, or the end of any block below
//!   it that was written to. Where sizes follow data, the last sector below has survived, or any; what else is there need not.
//!
//! - A sector tears inside only if that was planned (`media`): it then holds a beginning of the newest version, and the rest of
//!   whichever of the others it would have been.
//!
//! Not modelled: sectors whose versions an order settles and that tear inside all the same.

use super::axioms::{self, Axioms, Order, SizeSurvives};
use super::fate::{Came, Fate, What};
use super::file::{Allocation, BLOCK_LEN, FileData, Resolve, SizeChange, Tick, put, sector_of};
use super::{Fill, Surface};
use crate::base::decide::{Address, Decider, Lean, Question};

/// A loss of power.
#[derive(Clone, Copy, Debug)]
pub(super) struct PowerCut {
    pub(super) crash: u32,
    /// What has an order has survived up to here,
    pub(super) upto: Tick,
    /// and changes of names up to here, which is not before that.
    pub(super) names_upto: Tick,
    pub(super) axioms: &'static Axioms,
}

impl PowerCut {
    /// On a block device nothing has an order.
    pub(super) fn without_order(crash: u32) -> PowerCut {
        PowerCut { crash, upto: Tick::MAX, names_upto: Tick::MAX, axioms: &axioms::POSIX }
    }

    /// Whether a change has its place in an order, given whether it is one of metadata.
    pub(super) fn is_ordered(&self, of_metadata: bool) -> bool {
        match self.axioms.order {
            Order::None => false,
            Order::Metadata => of_metadata,
            Order::Everything => true,
        }
    }
}

/// What a power loss left undecided.
#[derive(Clone, Debug, Hash)]
pub(super) struct Unresolved {
    /// Sizes that the file may have, newest first; empty once decided.
    sizes: Vec<SizeChoice>,
    size_crash: u32,
    sectors: Vec<UnresolvedSector>,
}

/// A size, and what it is only reached with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SizeChoice {
    pub(super) size: u64,
    needs: Needs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Needs {
    Nothing,
    /// This sector, in a version not older than this.
    Sector(u32, Tick),
    /// Any sector that was not synced.
    Any,
}

#[derive(Clone, Debug, Hash)]
struct UnresolvedSector {
    crash: u32,
    sector: u32,
    /// Newest first; the version that the medium held before, or a fill, comes after them.
    versions: Vec<(Tick, Box<[u8]>)>,
    /// The size that was decided on is reached only with a version that is not older than this.
    needed: Option<Tick>,
    /// The beginning of a newer version, which stands on top of whichever of these it is.
    shorn: Option<Box<[u8]>>,
}

impl UnresolvedSector {
    /// How many of the versions, the newest, are possible, if one of them must be there; all and the one before otherwise.
    fn choices(&self) -> usize {
        let all = self.versions.len() + 1;
        // What is torn inside is not whole in any version, and reached the medium all the same.
        let Some(tick) = self.needed.filter(|_| self.shorn.is_none()) else { return all };
        match self.versions.iter().filter(|(version, _)| *version >= tick).count() {
            0 => all,
            count => count,
        }
    }
}

impl FileData {
    /// Whether a loss of power changes anything here.
    pub(super) fn loses_in_power_loss(&self) -> bool {
        self.is_unsynced()
            || self.allocated.iter().any(|allocation| !allocation.durable)
            || self.damage.is_some()
    }

    /// The power goes: the cache is lost, and what the medium holds is to be decided.
    pub(super) fn power_loss(&mut self, cut: &PowerCut, sector_len: usize) {
        let survives = |allocation: &Allocation| {
            allocation.durable || (cut.is_ordered(true) && allocation.tick <= cut.upto)
        };
        self.allocated.retain(survives);
        self.allocated.iter_mut().for_each(|allocation| allocation.durable = true);
        let uncovered = self.uncover(sector_len);
        if !self.is_unsynced() && !uncovered {
            return;
        }
        let mut unresolved = self.crash.take().unwrap_or_else(|| {
            let (sizes, sectors) = (Vec::new(), Vec::new());
            Box::new(Unresolved { sizes, size_crash: cut.crash, sectors })
        });
        debug_assert!(unresolved.sizes.is_empty(), "whoever changes a file has looked at its size");
        unresolved.size_crash = cut.crash;
        unresolved.sizes = self.sizes_left(cut, sector_len);
        for dirty in std::mem::take(&mut self.dirty) {
            let older = self.older.iter_mut().filter(|older| older.sector == dirty.sector);
            let mut versions: Vec<(Tick, bool, Box<[u8]>)> = older
                .map(|older| (older.tick, cut.is_ordered(older.ordered), std::mem::take(&mut older.bytes)))
                .collect();
            let newest = sector_of(&self.cache, dirty.sector as usize, sector_len);
            versions.push((dirty.tick, cut.is_ordered(dirty.ordered), newest));
            if let Some(lost) = versions.iter().position(|(tick, ordered, _)| *ordered && *tick > cut.upto) {
                versions.truncate(lost);
            }
            if let Some(base) = versions.iter().rposition(|(_, ordered, _)| *ordered) {
                put(&mut self.disk, &mut self.written, dirty.sector, &versions[base].2, sector_len);
                versions.drain(..=base);
            }
            let is_open = !versions.is_empty();
            let shorn = self.damage.as_mut().and_then(|damage| damage.take_shorn(dirty.sector));
            let shorn = shorn.filter(|_| versions.last().is_some_and(|(tick, ..)| *tick == dirty.tick));
            let shorn = shorn.and_then(|kept| versions.pop().map(|(.., newest)| newest[..kept].into()));
            if is_open {
                let versions = versions.into_iter().rev().map(|(tick, _, bytes)| (tick, bytes)).collect();
                unresolved.sectors.push(UnresolvedSector {
                    crash: cut.crash,
                    sector: dirty.sector,
                    versions,
                    needed: None,
                    shorn,
                });
            }
        }
        self.older.clear();
        self.crash = Some(unresolved);
    }

    /// The sizes that a loss of power may leave, the newest first.
    fn sizes_left(&mut self, cut: &PowerCut, sector_len: usize) -> Vec<SizeChoice> {
        let mut changes = std::mem::take(&mut self.sizes);
        let is_ordered = |change: &SizeChange| cut.is_ordered(change.grown_from.is_none());
        if let Some(lost) = changes.iter().position(|change| is_ordered(change) && change.tick > cut.upto) {
            changes.truncate(lost);
        }
        if let Some(base) = changes.iter().rposition(is_ordered) {
            self.disk_size = changes[base].size;
            changes.drain(..=base);
        }
        let mut sizes = Vec::new();
        let mut rule = cut.axioms.size;
        if rule == SizeSurvives::WithAnySector && !self.disk_size.is_multiple_of(BLOCK_LEN as u64) {
            // To grow a file that ends inside a block, that block is rewritten, and counts.
            rule = SizeSurvives::Alone;
        }
        for change in changes.iter().rev() {
            let last_sector = (change.size.saturating_sub(1) / sector_len as u64) as u32;
            let of_write =
                change.grown_from.map_or(Needs::Nothing, |_| Needs::Sector(last_sector, change.tick));
            push(&mut sizes, change.size, of_write, rule);
        }
        if let Some(greatest) = changes.iter().map(|change| change.size).max() {
            let mut ends: Vec<u64> =
                self.dirty.iter().map(|dirty| block_end(dirty.sector, sector_len)).collect();
            ends.sort_unstable();
            ends.dedup();
            let inside = |end: &&u64| (self.disk_size..greatest).contains(*end);
            for &end in ends.iter().rev().filter(inside) {
                push(&mut sizes, end, Needs::Sector((end / sector_len as u64 - 1) as u32, 0), rule);
            }
        }
        push(&mut sizes, self.disk_size, Needs::Nothing, rule);
        sizes
    }

    pub(super) fn resolve_size(&mut self, cx: &mut Resolve<'_>) {
        let Some(crash) = self.crash.as_ref().filter(|crash| !crash.sizes.is_empty()) else { return };
        let address = Address::new(Question::Size, crash.size_crash, cx.inode_key, 0);
        let answer = cx.decide.choose(address, crash.sizes.len() as u32, Lean::Mood);
        cx.surface.states.decided += 1;
        cx.surface.states.sizes_lost += u32::from(answer > 0);
        let choice = crash.sizes[answer as usize];
        let what = What::Size { kept: choice.size, newest: crash.sizes[0].size };
        let ino = cx.ino;
        cx.surface.note(|| Fate { crash: crash.size_crash, ino, what });
        let needed = match choice.needs {
            Needs::Nothing => None,
            Needs::Sector(sector, tick) => Some((sector, tick)),
            Needs::Any => {
                let sectors = crash.pending_below(choice.size, cx.surface.sector_len);
                let address = Address::new(Question::Size, crash.size_crash, cx.inode_key, 1);
                let count = (sectors.len() as u32).max(1);
                let which = cx.decide.choose(address, count, Lean::Even) as usize;
                sectors.get(which).map(|&sector| (sector, 0))
            }
        };
        self.decide_size(choice, needed, cx.surface.sector_len);
    }

    fn decide_size(&mut self, choice: SizeChoice, needed: Option<(u32, Tick)>, sector_len: usize) {
        let crash = self.crash.as_mut().expect("there is something to decide");
        crash.sizes.clear();
        if let Some((sector, tick)) = needed {
            let of_this_crash = |unresolved: &&mut UnresolvedSector| {
                unresolved.sector == sector && unresolved.crash == crash.size_crash
            };
            if let Some(found) = crash.sectors.iter_mut().find(of_this_crash) {
                found.needed = Some(tick);
            }
        }
        self.disk_size = choice.size;
        let size = usize::try_from(self.disk_size).expect("it was a size once");
        let sectors = size.div_ceil(sector_len);
        crash.sectors.retain(|unresolved| (unresolved.sector as usize) < sectors);
        // What lies behind the end is not part of the file any more.
        self.disk.truncate(sectors * sector_len);
        self.written.truncate(sectors);
        let held = size.min(self.disk.len());
        self.disk[held..].fill(0);
        self.size = size;
        self.cache.clear();
        self.cache.extend_from_slice(&self.disk[..held]);
        self.drop_if_resolved();
    }

    pub(super) fn resolve_sectors(&mut self, start: usize, len: usize, cx: &mut Resolve<'_>) {
        let Some(mut crash) = self.crash.take() else { return };
        let sector_len = cx.surface.sector_len;
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
            let choices = unresolved.choices() as u32;
            let answer = cx.decide.choose(address, choices, Lean::Mood);
            let (came, mut bytes) = if answer < count {
                let came = if answer == 0 { Came::Newest } else { Came::Between };
                (came, Some(unresolved.versions[answer as usize].1.clone()))
            } else if self.is_written(sector as usize) || self.is_preallocated(sector as usize) {
                (Came::Durable, None)
            } else {
                let (fill, bytes) = cx.surface.fill(unresolved.crash, cx.inode_key, sector, cx.decide);
                (Came::Filled(fill), Some(bytes))
            };
            let came = if let Some(newest) = &unresolved.shorn {
                let held = || sector_of(&self.disk, sector as usize, sector_len);
                bytes.get_or_insert_with(held)[..newest.len()].copy_from_slice(newest);
                Came::Shorn
            } else {
                came
            };
            let (crash_number, ino) = (unresolved.crash, cx.ino);
            let what = What::Sector { sector, sector_len: sector_len as u32, came };
            cx.surface.note(|| Fate { crash: crash_number, ino, what });
            cx.surface.states.decided += 1;
            cx.surface.states.sectors_lost += u32::from(answer == count);
            cx.surface.states.sectors_between += u32::from(answer > 0 && answer < count);
            if answer > 0 && count > 0 {
                cx.surface.lose(cx.inode_key, sector, &unresolved.versions[0].1);
            }
            if (answer < count || came == Came::Shorn)
                && let Some(damage) = &mut self.damage
            {
                damage.was_written(sector);
            }
            if let Some(bytes) = bytes {
                put(&mut self.disk, &mut self.written, sector, &bytes, sector_len);
                let from = sector as usize * sector_len;
                let to = self.size.min(from + sector_len);
                // Behind the end of the file there is nothing, whatever the sector holds.
                self.disk[to..from + sector_len].fill(0);
                self.cache.resize(self.cache.len().max(to), 0);
                self.cache[from..to].copy_from_slice(&self.disk[from..to]);
            }
        }
        self.crash = Some(crash);
        self.drop_if_resolved();
    }

    fn drop_if_resolved(&mut self) {
        if self.crash.as_ref().is_some_and(|crash| crash.sizes.is_empty() && crash.sectors.is_empty()) {
            self.crash = None;
        }
    }

    /// How many states this file may turn out to be in: a size, and for each sector below it a version or a fill.
    pub(super) fn crash_states(&self, surface: &Surface) -> u128 {
        let Some(crash) = &self.crash else { return 1 };
        if crash.sizes.is_empty() {
            return self.sector_states(surface);
        }
        let of_size = |choice: &SizeChoice| {
            let needed: Vec<Option<(u32, Tick)>> = match choice.needs {
                Needs::Nothing => vec![None],
                Needs::Sector(sector, tick) => vec![Some((sector, tick))],
                Needs::Any => {
                    let sectors = crash.pending_below(choice.size, surface.sector_len);
                    if sectors.is_empty() {
                        vec![None]
                    } else {
                        sectors.into_iter().map(|s| Some((s, 0))).collect()
                    }
                }
            };
            let states = needed.into_iter().map(|needed| {
                let mut file = self.clone();
                file.decide_size(*choice, needed, surface.sector_len);
                file.sector_states(surface)
            });
            states.fold(0, u128::saturating_add)
        };
        crash.sizes.iter().map(of_size).fold(0, u128::saturating_add)
    }

    /// The same, once the size is decided.
    fn sector_states(&self, surface: &Surface) -> u128 {
        let fills = if surface.fill == Fill::Mixed { 3 } else { 1 };
        let of_sector = |unresolved: &UnresolvedSector| {
            let choices = unresolved.choices();
            let sector = unresolved.sector as usize;
            let filled = choices > unresolved.versions.len()
                && !self.is_written(sector)
                && !self.is_preallocated(sector);
            choices as u128 + if filled { fills - 1 } else { 0 }
        };
        let sectors = self.crash.iter().flat_map(|crash| &crash.sectors);
        sectors.map(of_sector).fold(1, u128::saturating_mul)
    }

    /// The sizes that the file may turn out to have.
    pub(super) fn possible_sizes(&self) -> Vec<u64> {
        match &self.crash {
            Some(crash) if !crash.sizes.is_empty() => crash.sizes.iter().map(|choice| choice.size).collect(),
            _ => vec![self.size as u64],
        }
    }

    /// Whether the file may turn out to hold just this; if not, the first byte that it cannot. Its length is a possible size.
    pub(super) fn may_hold(&self, content: &[u8], surface: &Surface) -> Result<(), usize> {
        let mut file = self.clone();
        let mut any_due = false;
        if let Some(crash) = &self.crash
            && let Some(choice) = crash.sizes.iter().find(|choice| choice.size == content.len() as u64)
        {
            any_due = choice.needs == Needs::Any
                && !crash.pending_below(choice.size, surface.sector_len).is_empty();
            let needed = match choice.needs {
                Needs::Sector(sector, tick) => Some((sector, tick)),
                _ => None,
            };
            file.decide_size(*choice, needed, surface.sector_len);
        }
        for (sector, seen) in content.chunks(surface.sector_len).enumerate() {
            match file.sector_may_be(sector, seen, surface) {
                None => return Err(sector * surface.sector_len),
                Some(survived) => any_due &= !survived,
            }
        }
        if any_due { Err(0) } else { Ok(()) }
    }

    /// Whether a sector may turn out to hold this; if so, whether because something that was not synced has survived.
    fn sector_may_be(&self, sector: usize, seen: &[u8], surface: &Surface) -> Option<bool> {
        let held = sector_of(&self.cache, sector, surface.sector_len)[..seen.len()] == *seen;
        let unresolved = self.crash.as_ref().and_then(|crash| {
            let found = crash.sectors.iter().find(|unresolved| unresolved.sector as usize == sector)?;
            Some((found, found.choices()))
        });
        let Some((unresolved, choices)) = unresolved else { return held.then_some(false) };
        let shorn = unresolved.shorn.as_deref().unwrap_or_default();
        if !shorn.is_empty() {
            let rest = shorn.len().min(seen.len());
            let begins = seen[..rest] == shorn[..rest];
            let before = sector_of(&self.disk, sector, surface.sector_len);
            let versions = unresolved.versions.iter().map(|(_, bytes)| bytes).chain([&before]);
            let known = self.is_written(sector) || self.is_preallocated(sector);
            let filled = !known && surface.fill != Fill::Zeros;
            let continued = versions.into_iter().any(|bytes| bytes[rest..seen.len()] == seen[rest..]);
            return (begins && (filled || continued)).then_some(true);
        }
        let mut versions = unresolved.versions.iter().take(choices);
        if versions.any(|(_, bytes)| bytes[..seen.len()] == *seen) {
            return Some(true);
        }
        let known = self.is_written(sector) || self.is_preallocated(sector);
        let filled = !known && surface.fill != Fill::Zeros;
        let before = choices > unresolved.versions.len();
        (before && (filled || held)).then_some(false)
    }
}

impl Unresolved {
    /// Sectors that are undecided and within this size.
    fn pending_below(&self, size: u64, sector_len: usize) -> Vec<u32> {
        let sectors = self.sectors.iter().filter(|unresolved| unresolved.crash == self.size_crash);
        let sectors = sectors.map(|unresolved| unresolved.sector);
        sectors.filter(|&sector| u64::from(sector) * (sector_len as u64) < size).collect()
    }
}

/// Where the block of a sector ends.
fn block_end(sector: u32, sector_len: usize) -> u64 {
    ((sector as usize * sector_len / BLOCK_LEN + 1) * BLOCK_LEN) as u64
}

/// Adds a size; one that is reached twice needs what is easier to have.
fn push(sizes: &mut Vec<SizeChoice>, size: u64, needs: Needs, rule: SizeSurvives) {
    let needs = match (needs, rule) {
        (Needs::Nothing, _) | (_, SizeSurvives::Alone) => Needs::Nothing,
        (_, SizeSurvives::WithAnySector) => Needs::Any,
        (needs, SizeSurvives::WithLastSector) => needs,
    };
    let Some(known) = sizes.iter_mut().find(|choice| choice.size == size) else {
        return sizes.push(SizeChoice { size, needs });
    };
    known.needs = match (known.needs, needs) {
        (Needs::Sector(sector, tick), Needs::Sector(_, other)) => Needs::Sector(sector, tick.min(other)),
        (Needs::Nothing, _) | (_, Needs::Nothing) => Needs::Nothing,
        (known, _) => known,
    };
}

impl Surface {
    /// What a sector holds that no surviving write put there, and which sort of thing that is.
    fn fill(&mut self, crash: u32, inode_key: u32, sector: u32, decide: &mut Decider) -> (Fill, Box<[u8]>) {
        let address = Address::new(Question::Fill, crash, inode_key, sector);
        let kind = match self.fill {
            Fill::Zeros => 0,
            Fill::Mixed => decide.choose(address, 3, Lean::Even),
            Fill::Garbage => 1,
            Fill::Stale => 2,
        };
        let mut bytes = vec![0; self.sector_len].into_boxed_slice();
        let fill = match kind {
            1 => {
                self.states.filled_with_garbage += 1;
                garbage(&mut bytes, address);
                Fill::Garbage
            }
            2 if !self.stale.is_empty() => {
                self.states.filled_with_stale += 1;
                let old = &self.stale[(sector as usize).wrapping_add(crash as usize) % self.stale.len()];
                bytes.copy_from_slice(old);
                Fill::Stale
            }
            _ => {
                self.states.filled_with_zeros += 1;
                Fill::Zeros
            }
        };
        (fill, bytes)
    }

    /// Remembers a few sectors of content that is no longer anybody's.
    pub(super) fn recycle(&mut self, content: &[u8]) {
        if self.keeps_old_content() {
            let sectors = content.len().div_ceil(self.sector_len).min(Surface::STALE_SECTORS_MAX);
            self.freed.extend((0..sectors).map(|sector| sector_of(content, sector, self.sector_len)));
            let surplus = self.freed.len().saturating_sub(Surface::STALE_SECTORS_MAX);
            self.freed.drain(..surplus);
        }
    }

    /// Remembers what a crash lost. In which order it is looked at makes no difference.
    fn lose(&mut self, inode_key: u32, sector: u32, content: &[u8]) {
        if self.keeps_old_content() {
            self.lost.insert((inode_key, sector), content.into());
        }
    }

    /// The power goes: from now on sectors may hold what was nobody's until now.
    pub(super) fn power_loss(&mut self) {
        for content in std::mem::take(&mut self.lost).into_values() {
            self.recycle(&content);
        }
        if self.stale.len() != self.freed.len() || *self.stale != *self.freed {
            self.stale = self.freed.as_slice().into();
        }
    }

    fn keeps_old_content(&self) -> bool {
        matches!(self.fill, Fill::Stale | Fill::Mixed)
    }
}

pub(super) fn garbage(bytes: &mut [u8], address: Address) {
    // SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a word costs next to nothing, and devices are read whole.
    let mut state = crate::base::decide::mix(0, address);
    for word in bytes.chunks_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes()[..word.len()]);
    }
}
