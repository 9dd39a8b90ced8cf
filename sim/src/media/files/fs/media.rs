//! Damage that breaks the medium's own contract (fault class `media`, fault model B4): what a host can only detect.
//!
//! - *Bit rot*: a bit of a written sector flips, and stays so until the sector is written again.
//! - *Latent error*: a sector fails every read with EIO until it is written whole.
//! - *Misdirected read*: one read is given another sector's content, once.
//! - *Phantom write*: a sync says that a sector is on the medium, which still holds what was there before.
//! - *Misdirected write*: the same, and the sector's content stands on another sector's place.
//! - *Shorn write*: if the power goes while a sector is in flight, it comes to hold a beginning of the newest version, and the rest
//!   of an earlier one, or of what fills sectors that were never written. A file's sector and a device's alike.
//!
//! The page cache hides what a misdirected or phantom write did until the power goes. Each function says what the bytes around
//! the damage had been, so that whoever judges can tell whose they are.
//!
//! Not modelled: damage to names, sizes and other metadata of the file system, a sector that holds the end of the newest
//! version and the beginning of another, shorn sectors whose versions the profile's order settles (there they are not in flight), and
//! several sectors that go bad together.

use super::file::{FileData, Tick, put};
use super::{EIO, Fs, Ino, Node, errno};
use crate::base::decide::{Address, Decider, Lean};
use crate::base::payload::Harm;
use std::io;

/// What is wrong with a file's medium.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Damage {
    /// Sectors that cannot be read.
    unreadable: Vec<u32>,
    /// Sectors whose place on the medium holds something else than the cache; `None`: nothing was ever written there.
    astray: Vec<(u32, Option<Box<[u8]>>)>,
    /// Sectors that the loss of power that comes now tears inside, and how many bytes of the newest version they get.
    shorn: Vec<(u32, usize)>,
}

impl Damage {
    /// How many bytes of its newest version a sector gets, if it is torn inside.
    pub(super) fn take_shorn(&mut self, sector: u32) -> Option<usize> {
        let at = self.shorn.iter().position(|(shorn, _)| *shorn == sector)?;
        Some(self.shorn.swap_remove(at).1)
    }

    /// A sector was written whole.
    pub(super) fn was_written(&mut self, sector: u32) {
        self.unreadable.retain(|&unreadable| unreadable != sector);
    }
}

/// How far beside a sector a host may keep what belongs to something in it, in bytes.
const BESIDE_LEN: usize = 64;

/// Harm to these bytes of a content: what had been around them.
fn harm_to(content: &[u8], hit: std::ops::Range<usize>, sector_len: usize) -> Harm {
    let start = (hit.start / sector_len * sector_len).saturating_sub(BESIDE_LEN);
    let end = content.len().min(hit.end.div_ceil(sector_len) * sector_len + BESIDE_LEN);
    Harm {
        near: content[start.min(end)..end].to_vec(),
        hit: hit.start - start..hit.end.min(end).saturating_sub(start),
    }
}

impl FileData {
    /// The bytes of the file that a sector holds.
    fn bytes_of(&self, sector: u32, sector_len: usize) -> std::ops::Range<usize> {
        let start = (sector as usize * sector_len).min(self.cache.len());
        start..self.cache.len().min(start + sector_len)
    }

    fn is_dirty(&self, sector: u32) -> bool {
        self.dirty.iter().any(|dirty| dirty.sector == sector)
    }

    /// Sectors that are on the medium as the process sees them, among these.
    fn settled(&self, sectors: std::ops::Range<usize>) -> Vec<u32> {
        let settled =
            sectors.filter(|&sector| self.is_written(sector)).map(|sector| sector as u32).filter(|&sector| {
                !self.is_dirty(sector)
                    && self.damage.as_ref().is_none_or(|damage| {
                        !damage.astray.iter().any(|(astray, _)| *astray == sector)
                            && !damage.unreadable.contains(&sector)
                    })
            });
        settled.collect()
    }

    /// Whether a read of this range fails.
    pub(super) fn is_unreadable(&self, start: usize, len: usize, sector_len: usize) -> bool {
        let range = start / sector_len..(start + len).div_ceil(sector_len);
        self.damage.as_ref().is_some_and(|damage| {
            let in_range = |&&sector: &&u32| range.contains(&(sector as usize));
            damage.unreadable.iter().filter(in_range).any(|&sector| !self.is_dirty(sector))
        })
    }

    /// Whether a write can be taken: not if it covers an unreadable sector in part. One that it covers whole is readable in the
    /// cache from then on, and on the medium once it is written there.
    pub(super) fn can_overwrite(&self, start: usize, len: usize, sector_len: usize) -> bool {
        let Some(damage) = &self.damage else { return true };
        !damage.unreadable.iter().any(|&sector| {
            let first = sector as usize * sector_len;
            let touched = start < first + sector_len && first < start + len;
            let covered = start <= first && start + len >= (first + sector_len).min(self.size);
            touched && !covered && !self.is_dirty(sector)
        })
    }

    /// What was wrong with sectors from here on is of no interest any more.
    pub(super) fn forget_damage(&mut self, from: usize) {
        if let Some(damage) = &mut self.damage {
            damage.unreadable.retain(|&sector| (sector as usize) < from);
        }
    }

    /// A sector was put on its place.
    pub(super) fn is_placed(&mut self, sector: u32) {
        if let Some(damage) = &mut self.damage {
            damage.astray.retain(|(astray, _)| *astray != sector);
            damage.was_written(sector);
        }
    }

    /// The cache goes: what the medium holds is what there is. Says whether that makes a difference.
    pub(super) fn uncover(&mut self, sector_len: usize) -> bool {
        let Some(damage) = &mut self.damage else { return false };
        let astray = std::mem::take(&mut damage.astray);
        for (sector, held) in &astray {
            match held {
                Some(bytes) => put(&mut self.disk, &mut self.written, *sector, bytes, sector_len),
                None => {
                    put(&mut self.disk, &mut self.written, *sector, &[], sector_len);
                    self.written[*sector as usize] = false;
                }
            }
        }
        !astray.is_empty()
    }

    fn strays(&mut self, sector: u32, held: Option<Box<[u8]>>) {
        self.damage.get_or_insert_default().astray.push((sector, held));
    }

    fn on_disk(&self, sector: u32, sector_len: usize) -> Option<Box<[u8]>> {
        let start = sector as usize * sector_len;
        self.is_written(sector as usize).then(|| self.disk[start..start + sector_len].into())
    }
}

impl Fs {
    fn data(&self, ino: Ino) -> Option<&FileData> {
        match &self.inodes[ino].node {
            Node::File(file) => Some(file),
            Node::Dir(_) => None,
        }
    }

    fn data_mut(&mut self, ino: Ino) -> Option<&mut FileData> {
        match &mut self.inodes[ino].node {
            Node::File(file) => Some(file),
            Node::Dir(_) => None,
        }
    }

    /// The files that have a name.
    fn named_files(&self) -> Vec<Ino> {
        let mut named = Vec::new();
        for inode in self.inodes.iter() {
            if let Node::Dir(dir) = &inode.node {
                named.extend(dir.inodes().filter(|&ino| !self.is_dir(ino)));
            }
        }
        named.sort_unstable();
        named.dedup();
        named
    }

    /// What files that have a name hold.
    pub(crate) fn contents(&self) -> Vec<&[u8]> {
        self.named_files().into_iter().filter_map(|ino| self.data(ino)).map(|file| &*file.cache).collect()
    }

    /// What a sync of a file would write now.
    pub(crate) fn unwritten(&self, ino: Ino, mark: Tick) -> Vec<u8> {
        let Some(file) = self.data(ino) else { return Vec::new() };
        let due = file.dirty.iter().filter(|dirty| dirty.tick <= mark);
        due.flat_map(|dirty| &file.cache[file.bytes_of(dirty.sector, self.surface.sector_len)])
            .copied()
            .collect()
    }

    /// One of the sectors in a range that was just read.
    fn one_settled(
        &self,
        ino: Ino,
        start: u64,
        len: usize,
        address: Address,
        decide: &mut Decider,
    ) -> Option<u32> {
        let start = usize::try_from(start).ok()?;
        let sector_len = self.surface.sector_len;
        let sectors = self.data(ino)?.settled(start / sector_len..(start + len).div_ceil(sector_len));
        let count = u32::try_from(sectors.len()).ok().filter(|&count| count > 0)?;
        Some(sectors[decide.choose(address, count, Lean::Even) as usize])
    }

    /// A bit of a sector in a range that was just read flips.
    pub(crate) fn rot(
        &mut self,
        ino: Ino,
        start: u64,
        len: usize,
        at: impl Fn(u32) -> Address,
        decide: &mut Decider,
    ) -> Option<Harm> {
        let sector = self.one_settled(ino, start, len, at(0), decide)?;
        let sector_len = self.surface.sector_len;
        let file = self.data_mut(ino)?;
        let bytes = file.bytes_of(sector, sector_len);
        let bits = u32::try_from(bytes.len() * 8).ok().filter(|&bits| bits > 0)?;
        let bit = decide.choose(at(1), bits, Lean::Even) as usize;
        let byte = bytes.start + bit / 8;
        let harm = harm_to(&file.cache, byte..byte + 1, sector_len);
        file.cache[byte] ^= 1 << (bit % 8);
        file.disk[byte] ^= 1 << (bit % 8);
        Some(harm)
    }

    /// A sector in a range that was just read cannot be read any more.
    pub(crate) fn lose_sector(
        &mut self,
        ino: Ino,
        start: u64,
        len: usize,
        at: impl Fn(u32) -> Address,
        decide: &mut Decider,
    ) -> Option<Harm> {
        let sector = self.one_settled(ino, start, len, at(0), decide)?;
        let sector_len = self.surface.sector_len;
        let file = self.data_mut(ino)?;
        file.damage.get_or_insert_default().unreadable.push(sector);
        Some(harm_to(&file.cache, file.bytes_of(sector, sector_len), sector_len))
    }

    /// What was read of one sector is what another one holds.
    pub(crate) fn misread(
        &mut self,
        ino: Ino,
        start: u64,
        buffer: &mut [u8],
        at: impl Fn(u32) -> Address,
        decide: &mut Decider,
    ) -> Option<Harm> {
        let sector = self.one_settled(ino, start, buffer.len(), at(0), decide)?;
        let (_, _, other) = self.other_sector((ino, sector), at(1), decide)?;
        let sector_len = self.surface.sector_len;
        let file = self.data(ino)?;
        let harm = harm_to(&file.cache, file.bytes_of(sector, sector_len), sector_len);
        let begin = usize::try_from(start).ok()?;
        let first = sector as usize * sector_len;
        let from = first.max(begin);
        let to = (first + sector_len).min(begin + buffer.len());
        buffer[from - begin..to - begin].copy_from_slice(&other[from - first..to - first]);
        Some(harm)
    }

    /// Any other sector that the medium holds.
    fn other_sector(
        &self,
        than: (Ino, u32),
        address: Address,
        decide: &mut Decider,
    ) -> Option<(Ino, u32, Box<[u8]>)> {
        let sector_len = self.surface.sector_len;
        let mut found = Vec::new();
        for ino in self.named_files() {
            // Of a file that nobody has looked at since a crash, it is not settled what the medium holds.
            let Some(file) = self.data(ino).filter(|file| file.crash.is_none()) else { continue };
            let sectors = 0..file.cache.len().div_ceil(sector_len);
            found.extend(file.settled(sectors).into_iter().map(|sector| (ino, sector)));
        }
        found.retain(|other| *other != than);
        let count = u32::try_from(found.len()).ok().filter(|&count| count > 0)?;
        let (ino, sector) = found[decide.choose(address, count, Lean::Even) as usize];
        let bytes = self.data(ino)?.on_disk(sector, sector_len)?;
        Some((ino, sector, bytes))
    }

    /// A sync of a file, of which one sector is not written where it should be; if `elsewhere`, it is written to another
    /// sector's place. `None` if there is nothing to write, or no such place: nothing is done then.
    pub(crate) fn sync_astray(
        &mut self,
        ino: Ino,
        mark: Tick,
        elsewhere: bool,
        at: impl Fn(u32) -> Address,
        decide: &mut Decider,
    ) -> Option<Harm> {
        let sector_len = self.surface.sector_len;
        let file = self.data(ino)?;
        let written = |sector: &u32| !file.bytes_of(*sector, sector_len).is_empty();
        let due = file.dirty.iter().filter(|dirty| dirty.tick <= mark && !dirty.clean);
        let due: Vec<u32> = due.map(|dirty| dirty.sector).filter(written).collect();
        let count = u32::try_from(due.len()).ok().filter(|&count| count > 0)?;
        let sector = due[decide.choose(at(0), count, Lean::Even) as usize];
        let victim = if elsewhere { Some(self.other_sector((ino, sector), at(1), decide)?) } else { None };
        let before = file.on_disk(sector, sector_len);
        let mut harm = harm_to(&file.cache, file.bytes_of(sector, sector_len), sector_len);
        self.sync(ino, mark, false);
        let content = self.data(ino)?.on_disk(sector, sector_len).expect("it was just synced");
        self.data_mut(ino)?.strays(sector, before);
        if let Some((victim, place, _)) = victim {
            let hit = self.data_mut(victim)?;
            harm = harm_to(&hit.cache, hit.bytes_of(place, sector_len), sector_len);
            hit.strays(place, Some(content));
        }
        Some(harm)
    }

    /// Where a write that was just done would be torn inside: a sector that it changed, and how many bytes of it are new then.
    /// `None` if it changed no two bytes of any.
    pub(crate) fn plan_shorn(
        &self,
        start: u64,
        len: usize,
        at: impl Fn(u32) -> Address,
        decide: &mut Decider,
    ) -> Option<(u32, usize)> {
        let sector_len = self.surface.sector_len;
        let range = usize::try_from(start).ok()?..usize::try_from(start).ok()? + len;
        let changed = |sector: usize| {
            let first = sector * sector_len;
            range.start.max(first) - first..range.end.min(first + sector_len) - first
        };
        let sectors = range.start / sector_len..range.end.div_ceil(sector_len);
        let sectors: Vec<usize> = sectors.filter(|&sector| changed(sector).len() > 1).collect();
        let count = u32::try_from(sectors.len()).ok().filter(|&count| count > 0)?;
        let sector = sectors[decide.choose(at(0), count, Lean::Even) as usize];
        let bytes = changed(sector);
        let places = u32::try_from(bytes.len() - 1).ok()?;
        let kept = bytes.start + 1 + decide.choose(at(1), places, Lean::Even) as usize;
        Some((u32::try_from(sector).ok()?, kept))
    }

    /// The loss of power that comes now tears a sector inside, if it is in flight. Says what was there, and in earlier versions.
    pub(crate) fn shear(&mut self, ino: Ino, sector: u32, kept: usize) -> Option<(Harm, Vec<u8>)> {
        let sector_len = self.surface.sector_len;
        let file = self.data_mut(ino).filter(|file| file.is_dirty(sector))?;
        let bytes = file.bytes_of(sector, sector_len);
        if bytes.len() <= kept {
            return None;
        }
        let mut before = file.on_disk(sector, sector_len).unwrap_or_default().into_vec();
        let older = file.older.iter().filter(|older| older.sector == sector);
        older.for_each(|older| before.extend_from_slice(&older.bytes));
        file.damage.get_or_insert_default().shorn.push((sector, kept));
        Some((harm_to(&file.cache, bytes, sector_len), before))
    }

    pub(super) fn check_readable(&self, ino: Ino, start: u64, len: usize) -> io::Result<()> {
        let (Some(file), Ok(start)) = (self.data(ino), usize::try_from(start)) else { return Ok(()) };
        let len = len.min(file.size.saturating_sub(start));
        if len > 0 && file.is_unreadable(start, len, self.surface.sector_len) {
            return Err(errno(EIO));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fill, Surface};
    use super::*;
    use crate::base::decide::{Decisions, Question};
    use crate::media::Profile;
    use asl_host::fs::OpenMode;

    const SECTOR: usize = 512;

    fn at(nth: u32) -> Address {
        Address::new(Question::Damage, 0, 0, nth)
    }

    /// A file system in which `f` holds sectors of `a`, `b` and `c`, and `g` one of `d`, all of it durable.
    struct Disk {
        fs: Fs,
        decide: Decider,
        f: Ino,
    }

    impl Disk {
        fn new() -> Disk {
            let mut decide = Decider::replaying(Decisions::new());
            let mut fs = Fs::new(Profile::Posix, Surface::new(SECTOR as u32, Fill::Zeros));
            let mut make = |path: &str, key, letters: &[u8]| {
                let (ino, _) = fs.open(path, OpenMode::Create, key, &mut decide).expect("a valid path");
                for (sector, letter) in letters.iter().enumerate() {
                    let data = [*letter; SECTOR];
                    fs.write(ino, &data, (sector * SECTOR) as u64, &mut decide).expect("there is space");
                }
                ino
            };
            let f = make("/f", 1, b"abc");
            make("/g", 2, b"d");
            fs.sync_all();
            Disk { fs, decide, f }
        }

        /// The first byte of each sector of `f`, `!` where it cannot be read.
        fn seen(&mut self) -> String {
            let mut letters = String::new();
            for sector in 0..3 {
                let mut bytes = [0; SECTOR];
                let read = self.fs.read(self.f, &mut bytes, (sector * SECTOR) as u64, &mut self.decide);
                letters.push(if read.is_ok() { char::from(bytes[0]) } else { '!' });
            }
            letters
        }

        fn power_loss(&mut self) {
            self.fs.power_loss(1, &mut self.decide);
        }

        fn overwrite(&mut self, sector: usize, letter: u8) {
            let data = [letter; SECTOR];
            self.fs
                .write(self.f, &data, (sector * SECTOR) as u64, &mut self.decide)
                .expect("it can be written");
        }

        fn sync_astray(&mut self, elsewhere: bool) -> Harm {
            let mark = self.fs.mark();
            let harm = self.fs.sync_astray(self.f, mark, elsewhere, at, &mut self.decide);
            harm.expect("there was something to write")
        }
    }

    #[test]
    fn a_flipped_bit_stays_flipped_until_its_sector_is_written() {
        let mut disk = Disk::new();
        let harm = disk.fs.rot(disk.f, 0, SECTOR, at, &mut disk.decide).expect("it is on the surface");
        assert_eq!((harm.hit, harm.near[0], harm.near.len()), (0..1, b'a', SECTOR + BESIDE_LEN));
        assert_eq!(disk.seen(), "`bc", "an a with its lowest bit flipped");
        disk.power_loss();
        assert_eq!(disk.seen(), "`bc");
        disk.overwrite(0, b'x');
        assert_eq!(disk.seen(), "xbc");
    }

    #[test]
    fn a_latent_error_is_there_until_its_sector_is_written_whole() {
        let mut disk = Disk::new();
        disk.fs
            .lose_sector(disk.f, SECTOR as u64, SECTOR, at, &mut disk.decide)
            .expect("it is on the surface");
        assert_eq!(disk.seen(), "a!c");
        disk.power_loss();
        assert_eq!(disk.seen(), "a!c");
        let part = disk.fs.write(disk.f, b"part", SECTOR as u64, &mut disk.decide);
        assert_eq!(part.expect_err("the rest cannot be read").raw_os_error(), Some(EIO));
        // In the cache it is whole; whether on the medium, the loss of power says.
        disk.overwrite(1, b'x');
        assert_eq!(disk.seen(), "axc");
        disk.decide = Decider::replaying([(Address::new(Question::Sector, 2, 1, 1), 1)].into());
        disk.fs.power_loss(2, &mut disk.decide);
        assert_eq!(disk.seen(), "a!c", "the write was lost");
        disk.overwrite(1, b'y');
        disk.fs.sync_all();
        disk.power_loss();
        assert_eq!(disk.seen(), "ayc");
    }

    #[test]
    fn a_misdirected_read_is_wrong_once() {
        let mut disk = Disk::new();
        let mut bytes = [b'a'; SECTOR];
        disk.fs.misread(disk.f, 0, &mut bytes, at, &mut disk.decide).expect("there is another sector");
        assert_eq!(bytes, [b'b'; SECTOR]);
        assert_eq!(disk.seen(), "abc");
    }

    #[test]
    fn a_phantom_write_shows_when_the_cache_is_gone() {
        let mut disk = Disk::new();
        disk.overwrite(2, b'x');
        disk.sync_astray(false);
        assert_eq!(disk.seen(), "abx");
        disk.power_loss();
        assert_eq!(disk.seen(), "abc");
        // Written again, it is there.
        disk.overwrite(2, b'y');
        disk.fs.sync_all();
        disk.power_loss();
        assert_eq!(disk.seen(), "aby");
    }

    #[test]
    fn a_misdirected_write_hits_another_sector_too() {
        let mut disk = Disk::new();
        disk.overwrite(2, b'x');
        let harm = disk.sync_astray(true);
        assert_eq!(&harm.near[harm.hit], [b'a'; SECTOR], "the first of the others was hit");
        assert_eq!(disk.seen(), "abx");
        disk.power_loss();
        assert_eq!(disk.seen(), "xbc");
    }
}
