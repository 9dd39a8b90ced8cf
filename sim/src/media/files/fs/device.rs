//! A block device: one inode whose length is fixed and durable from the beginning, in the same store of sectors.
//!
//! What holds for a file's data holds for it (B1, B2): every sector is independent of all others, and after a loss of power
//! holds any version since the last completed flush. No profile's order applies to it, since there is no file system above.
//! It is thin: a sector takes space when it is first written, so that a limit on space is felt here too.
//!
//! Its name is outside of every host's root and was always there. What was never written reads as zeros, or as garbage that
//! stays the same, as the run's fill has it (B3); where that is old content, as zeros: a new disk has none.
//!
//! Not modelled: discard, write barriers other than a flush, FUA, reservations, and discs that change their length.

use super::crash::garbage;
use super::file::{FileData, Resolve, Tick};
use super::{EINVAL, EIO, ENOSPC, Fill, Fs, Ino, Inode, Node, ROOT, errno};
use crate::base::decide::{Address, Decider, Question, mix};
use std::io;

/// The name of the device.
pub(crate) const PATH: &str = "/disk";
/// No site makes an inode of this key.
const KEY: u32 = u32::MAX - 1;

impl FileData {
    fn device(len: u64) -> FileData {
        let size = usize::try_from(len).expect("a device can be addressed");
        FileData { size, disk_size: len, is_device: true, ..FileData::default() }
    }

    fn is_dirty_at(&self, sector: usize) -> bool {
        self.dirty.iter().any(|dirty| dirty.sector as usize == sector)
    }

    /// Of a device, what was just read: sectors on which nothing was ever written may hold garbage.
    pub(super) fn fill_unwritten(&self, buffer: &mut [u8], offset: u64, cx: &Resolve<'_>) {
        let may_be_garbage = matches!(cx.surface.fill, Fill::Garbage | Fill::Mixed);
        if !self.is_device || !may_be_garbage {
            return;
        }
        let sector_len = cx.surface.sector_len;
        let first = offset as usize / sector_len;
        for (nth, bytes) in buffer.chunks_mut(sector_len).enumerate() {
            let sector = first + nth;
            let address = Address::new(Question::Fill, 0, cx.inode_key, sector as u32);
            let is_garbage = cx.surface.fill == Fill::Garbage || mix(u64::MAX, address) & 1 == 1;
            if is_garbage && !self.is_written(sector) && !self.is_dirty_at(sector) {
                garbage(bytes, address);
            }
        }
    }
}

impl Fs {
    /// The device, which is made if there is none yet.
    pub(crate) fn device(&mut self, len: u64, decide: &mut Decider) -> Ino {
        let name = PATH.trim_start_matches('/');
        let known = self.entry(ROOT, name, decide).expect("the root is a directory");
        known.unwrap_or_else(|| {
            let ino = self.inodes.push(Inode::new(KEY, Node::File(FileData::device(len))));
            self.set_entry(ROOT, name, Some(ino), decide).expect("the root is a directory");
            let mark = self.mark();
            self.sync(ROOT, mark, false);
            self.commit(mark);
            ino
        })
    }

    /// Whether an inode is a device.
    pub(crate) fn is_device(&self, ino: Ino) -> bool {
        matches!(&self.inodes[ino].node, Node::File(file) if file.is_device)
    }

    /// The length of a device, in bytes.
    pub(crate) fn device_len(&self, ino: Ino) -> u64 {
        match &self.inodes[ino].node {
            Node::File(file) => file.disk_size,
            Node::Dir(_) => 0,
        }
    }

    /// Bytes in a sector.
    pub(crate) fn sector_len(&self) -> usize {
        self.surface.sector_len
    }

    /// Reads whole sectors, as far as there are any.
    pub(crate) fn read_device(
        &mut self,
        ino: Ino,
        buffer: &mut [u8],
        offset: u64,
        decide: &mut Decider,
    ) -> io::Result<usize> {
        self.check_grid(buffer.len(), offset)?;
        self.read(ino, buffer, offset, decide)
    }

    /// Writes whole sectors, as many as there is space for, and says how many bytes that was (F6).
    pub(crate) fn write_device(
        &mut self,
        ino: Ino,
        data: &[u8],
        offset: u64,
        decide: &mut Decider,
    ) -> io::Result<usize> {
        self.check_grid(data.len(), offset)?;
        let within = self.device_len(ino).saturating_sub(offset);
        let wanted = data.len().min(usize::try_from(within).unwrap_or(usize::MAX));
        let count = self.provision(ino, wanted, offset as usize);
        if count == 0 && !data.is_empty() {
            return Err(errno(ENOSPC));
        }
        let (sector_len, tick) = (self.surface.sector_len, self.next_tick());
        let (file, mut cx) = self.file(ino, decide)?;
        if !file.can_overwrite(offset as usize, count, sector_len) {
            return Err(errno(EIO));
        }
        file.write(&data[..count], offset, tick, &mut cx);
        Ok(count)
    }

    fn check_grid(&self, len: usize, offset: u64) -> io::Result<()> {
        let sector_len = self.surface.sector_len;
        let whole = len.is_multiple_of(sector_len) && offset.is_multiple_of(sector_len as u64);
        if whole { Ok(()) } else { Err(errno(EINVAL)) }
    }

    /// Takes space for the sectors of a write that have none, and says how many of its bytes have it then.
    fn provision(&mut self, ino: Ino, len: usize, start: usize) -> usize {
        let sector_len = self.surface.sector_len;
        let (Some(left), Node::File(file)) = (&mut self.space_left, &self.inodes[ino].node) else {
            return len;
        };
        for sector in start / sector_len..(start + len) / sector_len {
            if file.is_written(sector) || file.is_dirty_at(sector) {
                continue;
            }
            match left.checked_sub(sector_len as u64) {
                Some(rest) => *left = rest,
                None => return sector * sector_len - start,
            }
        }
        len
    }

    /// Makes durable what a device held at `mark`. False if it is none.
    pub(super) fn sync_device(&mut self, ino: Ino, mark: Tick) -> bool {
        if !self.is_device(ino) {
            return false;
        }
        let sector_len = self.surface.sector_len;
        if let Node::File(file) = &mut self.inodes[ino].node {
            file.sync(mark, true, sector_len);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::Surface;
    use super::*;
    use crate::base::decide::Decisions;
    use crate::media::Profile;
    use std::collections::BTreeSet;

    const SECTOR: usize = 512;

    struct Device {
        fs: Fs,
        decide: Decider,
        ino: Ino,
    }

    impl Device {
        fn new(decisions: Decisions, profile: Profile, fill: Fill) -> Device {
            let mut decide = Decider::replaying(decisions);
            let mut fs = Fs::new(profile, Surface::new(SECTOR as u32, fill));
            let ino = fs.device(1 << 30, &mut decide);
            Device { fs, decide, ino }
        }

        fn write(&mut self, sector: usize, letters: &str) {
            let data: Vec<u8> = letters.bytes().flat_map(|letter| [letter; SECTOR]).collect();
            let offset = (sector * SECTOR) as u64;
            let count =
                self.fs.write_device(self.ino, &data, offset, &mut self.decide).expect("there is space");
            assert_eq!(count, data.len());
        }

        fn flush(&mut self, mark: Tick) {
            self.fs.sync(self.ino, mark, true);
        }

        fn read(&mut self, sector: usize, count: usize) -> Vec<u8> {
            let mut bytes = vec![1; count * SECTOR];
            let offset = (sector * SECTOR) as u64;
            let read = self.fs.read_device(self.ino, &mut bytes, offset, &mut self.decide);
            assert_eq!(read.expect("it can be read"), bytes.len());
            bytes
        }

        fn letters(&mut self, count: usize) -> String {
            let letter = |sector: &[u8]| if sector[0] == 0 { '.' } else { char::from(sector[0]) };
            self.read(0, count).chunks(SECTOR).map(letter).collect()
        }
    }

    /// The states that losses of power may leave of the first four sectors, in every profile the same.
    fn states(program: impl Fn(&mut Device)) -> BTreeSet<String> {
        let of = |profile| {
            let mut found = BTreeSet::new();
            for choice in 0..3_u32.pow(4) {
                let answer = |sector: u32| {
                    (Address::new(Question::Sector, 9, KEY, sector), choice / 3_u32.pow(sector) % 3)
                };
                let mut device = Device::new((0..4).map(answer).collect(), profile, Fill::Zeros);
                program(&mut device);
                device.fs.power_loss(9, &mut device.decide);
                found.insert(device.letters(4));
            }
            found
        };
        let first = of(Profile::Posix);
        for (profile, _) in Profile::ALL {
            assert_eq!(of(*profile), first, "on {}", profile.as_str());
        }
        first
    }

    #[test]
    fn four_sectors_that_were_not_flushed_have_sixteen_states() {
        let found = states(|device| device.write(0, "aaaa"));
        assert_eq!(found.len(), 16);
        assert!(found.contains("a..a") && found.contains("....") && found.contains("aaaa"));
    }

    #[test]
    fn a_sector_that_was_written_twice_has_every_version_since_the_flush() {
        let found = states(|device| {
            device.write(0, "ab");
            let mark = device.fs.mark();
            device.flush(mark);
            device.write(0, "c");
            device.write(0, "d");
        });
        assert_eq!(found, ["ab..", "cb..", "db.."].map(str::to_owned).into());
    }

    #[test]
    fn a_flush_covers_what_was_written_before_it_was_issued() {
        let found = states(|device| {
            device.write(0, "a");
            let issued = device.fs.mark();
            device.write(1, "b");
            device.flush(issued);
        });
        assert_eq!(found, ["a...", "ab.."].map(str::to_owned).into());
    }

    #[test]
    fn what_was_never_written_is_zeros_or_garbage_that_stays_the_same() {
        let mut device = Device::new(Decisions::new(), Profile::Posix, Fill::Zeros);
        assert_eq!(device.read(2_000, 1), [0; SECTOR]);
        let mut device = Device::new(Decisions::new(), Profile::Posix, Fill::Garbage);
        let garbage = device.read(1, 1);
        assert_ne!(garbage, [0; SECTOR]);
        assert_ne!(garbage, device.read(2, 1));
        device.write(0, "a");
        device.fs.power_loss(1, &mut device.decide);
        assert_eq!(device.read(1, 1), garbage);
    }

    #[test]
    fn a_device_has_an_end_and_takes_whole_sectors_and_space_for_each_once() {
        let mut device = Device::new(Decisions::new(), Profile::Posix, Fill::Zeros);
        let refused = |device: &mut Device, len: usize, offset| {
            let error = device.fs.write_device(device.ino, &vec![1; len], offset, &mut device.decide);
            error.expect_err("it is refused").raw_os_error()
        };
        assert_eq!(refused(&mut device, 100, 0), Some(EINVAL));
        assert_eq!(refused(&mut device, SECTOR, 100), Some(EINVAL));
        assert_eq!(refused(&mut device, SECTOR, 1 << 30), Some(ENOSPC));
        device.fs.limit_space(Some(2 * SECTOR as u64));
        device.write(0, "a");
        let two = device.fs.write_device(device.ino, &[b'b'; 3 * SECTOR], 0, &mut device.decide);
        assert_eq!(two.expect("there is space for a part"), 2 * SECTOR, "one was there, one is new");
        assert_eq!(refused(&mut device, SECTOR, 4096), Some(ENOSPC));
        device.write(0, "cd");
        assert_eq!(device.letters(3), "cd.");
    }

    #[test]
    fn a_flush_that_failed_is_not_made_good_by_another() {
        for reverted in [0, 1] {
            let mut device = Device::new(Decisions::new(), Profile::Zfs, Fill::Zeros);
            device.write(0, "a");
            let (mark, address) = (device.fs.mark(), Address::new(Question::Reverted, 0, 0, 0));
            device.decide = Decider::replaying(
                [(address, reverted), (Address::new(Question::Sector, 1, KEY, 0), 1)].into(),
            );
            device.fs.fail_sync(device.ino, mark, address, &mut device.decide);
            assert_eq!(device.letters(1), if reverted == 1 { "." } else { "a" });
            device.flush(mark);
            device.fs.power_loss(1, &mut device.decide);
            assert_eq!(device.letters(1), ".");
        }
    }
}
