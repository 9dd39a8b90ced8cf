//! Reading the journal at a start, and making durable what it is taken to say.
//!
//! Frames count up to the first place where none of this chain stands. Whether that is a torn tail or damage is told by what
//! lies behind: a valid frame of that place that was written when more was durable than was found proves damage, and then
//! nothing is written. A torn tail is left behind: the frames since the last watermark are written again, since they may be in
//! a cache only and marked clean there by a flush that failed, and behind them comes a frame with a new salt, so that nothing
//! of this tail is ever taken for a frame again. Only then is anything shown.
//!
//! Not detected: damage to the last batch, which looks like a torn one, and damage to more frames in a row than fit where the
//! longest would, in sectors of its own: their witness is not looked for so far behind.

use super::contents::Contents;
use super::frame::{self, ALIGNMENT, Entry, Found, HEADER_LEN};
use super::journal::{Journal, Write, padded_len};
use super::shared::kind_of;
use super::{SimOptions, io_calls};
use crate::media::{SimDisk, SimEnv};
use asl_host::ErrorKind;
use asl_host::env::Env;
use std::io;

const VERSION: u32 = 1;
/// How much is read first, in bytes; then as much again as there is, until that is the longest read.
const FIRST_READ_LEN: u64 = 8 << 10;
const READ_LEN_MAX: u64 = 32 << 10;

/// What was found, with the journal ready to go on.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) contents: Contents,
    pub(super) journal: Journal,
}

/// Why a start failed: the kind of the error, its cause if that is an error of the device, and what a person needs to know.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: ErrorKind,
    pub(super) cause: Option<io::Error>,
    pub(super) detail: String,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure { kind: kind_of(&error), cause: Some(error), detail: String::new() }
    }
}

impl Failure {
    fn corrupt(detail: String) -> Failure {
        Failure { kind: ErrorKind::Corrupt, cause: None, detail }
    }
}

/// Reads the journal, or begins one on a device that has none, and makes it durable.
pub(super) async fn recover(
    disk: &SimDisk,
    env: &SimEnv,
    options: &SimOptions,
) -> Result<Recovered, Failure> {
    let mut scan = Scan::new(disk, options);
    while let Some((position, found)) = scan.next().await? {
        scan.take(position, found)?;
    }
    scan.look_behind().await?;
    let Scan { mut contents, mut journal, tape, end, .. } = scan;
    let salt = env.random_u64();
    let unit = options.append_unit.max(1);
    let entry = if end == 0 {
        let identity = u128::from(env.random_u64()) << 64 | u128::from(env.random_u64());
        Entry::Format { version: VERSION, unit, identity, salt }
    } else {
        Entry::Start { salt, unit }
    };
    if end > journal.batch_start {
        journal.batch.extend_from_slice(&tape.bytes[journal.batch_start as usize..end as usize]);
        journal.batch.resize(journal.batch.len().next_multiple_of(journal.sector_len as usize), 0);
    }
    let (positions, _) = journal.add(std::slice::from_ref(&entry));
    let mut bytes = journal.batch.clone();
    bytes.resize(bytes.len().next_multiple_of(journal.sector_len as usize), 0);
    io_calls::write(disk, &Write { offset: journal.batch_start, bytes }).await?;
    io_calls::flush(disk).await?;
    journal.is_flushed();
    contents.apply(positions[0], entry);
    if end == 0 {
        let (_, write) = journal.add(&[Entry::Mark]);
        io_calls::write(disk, &write).await?;
        io_calls::flush(disk).await?;
        journal.is_flushed();
    }
    contents.is_durable();
    Ok(Recovered { contents, journal })
}

/// Whether a store is durably there, as one sees it who may not write. Says no where that is not sure.
pub(super) async fn has_store(disk: &SimDisk, options: &SimOptions, location: &str) -> Result<bool, Failure> {
    let mut scan = Scan::new(disk, options);
    while let Some((position, found)) = scan.next().await? {
        scan.take(position, found)?;
    }
    let watermark = scan.journal.watermark;
    Ok(scan.contents.stores.get(location).is_some_and(|store| store.number < watermark))
}

/// A reading of the journal.
struct Scan<'a> {
    tape: Tape<'a>,
    contents: Contents,
    journal: Journal,
    /// Where the last frame ends, padding included; 0 if there is none.
    end: u64,
    /// The frame behind a damaged one begins no further from the end of the one before it, in bytes: both may begin at a sector
    /// of their own.
    reach_bytes: u64,
}

impl<'a> Scan<'a> {
    fn new(disk: &'a SimDisk, options: &SimOptions) -> Scan<'a> {
        let journal = Journal {
            sector_len: disk.sector_len() as u64,
            unit: 1,
            watermark: 0,
            batch_start: 0,
            batch: Vec::new(),
            salt: 0,
            previous: 0,
        };
        let longest = padded_len(
            (HEADER_LEN + 16) as u64 + u64::from(options.record_len_max),
            u64::from(options.append_unit),
        );
        let tape = Tape { disk, bytes: Vec::with_capacity(READ_LEN_MAX as usize) };
        let reach_bytes = longest.next_multiple_of(journal.sector_len) + journal.sector_len;
        Scan { tape, contents: Contents::default(), journal, end: 0, reach_bytes }
    }

    /// The next frame of the chain: in the same batch, or at the beginning of the next.
    async fn next(&mut self) -> Result<Option<(u64, Found)>, Failure> {
        for position in [self.end, self.end.next_multiple_of(self.journal.sector_len)] {
            let found = self.tape.frame(position).await?.filter(|found| {
                let begins = matches!(found.entry, Entry::Format { .. });
                found.salt == self.journal.salt
                    && found.previous == self.journal.previous
                    && begins == (position == 0)
            });
            if let Some(found) = found {
                return Ok(Some((position, found)));
            }
        }
        Ok(None)
    }

    fn take(&mut self, position: u64, found: Found) -> Result<(), Failure> {
        let journal = &mut self.journal;
        if let Entry::Format { version, .. } = found.entry
            && version != VERSION
        {
            let detail = format!("the journal has version {version}");
            return Err(Failure { kind: ErrorKind::Unsupported, cause: None, detail });
        }
        if let Entry::Format { salt, unit, .. } | Entry::Start { salt, unit } = found.entry {
            (journal.salt, journal.unit) = (salt, u64::from(unit));
        }
        journal.previous = found.crc;
        journal.watermark = found.watermark;
        journal.batch_start = found.watermark.next_multiple_of(journal.sector_len);
        self.end = position + padded_len(found.len as u64, journal.unit);
        if self.contents.apply(position, found.entry) {
            Ok(())
        } else {
            Err(Failure::corrupt(format!("the frame at {position} makes no sense there")))
        }
    }

    /// Looks for a proof that there was more.
    async fn look_behind(&mut self) -> Result<(), Failure> {
        let mut position = self.end.next_multiple_of(ALIGNMENT);
        let mut upto = position + self.reach_bytes;
        loop {
            self.tape.have(upto + HEADER_LEN as u64).await?;
            let Some(claimed) = frame::next_claim(&self.tape.bytes, position, upto) else { return Ok(()) };
            if let Some(found) = self.tape.frame_if_claimed(claimed).await? {
                if found.watermark > self.end {
                    let detail = format!(
                        "the journal ends at {}, but was durable up to {}, says a frame at {claimed}",
                        self.end, found.watermark
                    );
                    return Err(Failure::corrupt(detail));
                }
                upto = claimed + found.len as u64 + self.reach_bytes;
            }
            position = claimed + ALIGNMENT;
        }
    }
}

/// The beginning of the device, as far as it was read.
struct Tape<'a> {
    disk: &'a SimDisk,
    bytes: Vec<u8>,
}

impl Tape<'_> {
    /// Reads up to there at least, if the device is so long.
    async fn have(&mut self, upto: u64) -> io::Result<()> {
        while (self.bytes.len() as u64) < upto.min(self.disk.len()) {
            let start = self.bytes.len();
            let left = self.disk.len() - start as u64;
            let len = (start as u64).clamp(FIRST_READ_LEN, READ_LEN_MAX).min(left);
            self.bytes.resize(start + len as usize, 0);
            let read = io_calls::read(self.disk, &mut self.bytes[start..], start as u64).await;
            self.bytes.truncate(start + *read.as_ref().unwrap_or(&0));
            if read? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
        }
        Ok(())
    }

    /// The valid frame at this position, if there is one.
    async fn frame(&mut self, position: u64) -> io::Result<Option<Found>> {
        self.have(position + HEADER_LEN as u64).await?;
        self.frame_if_claimed(position).await
    }

    /// The same, where the header was read.
    async fn frame_if_claimed(&mut self, position: u64) -> io::Result<Option<Found>> {
        let at = position as usize;
        let Some(len) = self.bytes.get(at..).and_then(|bytes| frame::claimed_len(bytes, position)) else {
            return Ok(None);
        };
        if position + len as u64 > self.disk.len() {
            return Ok(None);
        }
        self.have(position + len as u64).await?;
        Ok(frame::decode(&self.bytes[at..], position))
    }
}

#[cfg(test)]
mod tests {
    use crate::hosts::reference::{SimHost, SimOptions};
    use crate::media::Sandbox;
    use asl_host::{ErrorKind, Host, Store, StoreLocation};

    /// What an open says after the first sector of the second of three records was overwritten.
    fn opened_after_damage(options: &SimOptions, first_len: usize) -> ErrorKind {
        let sandbox = Sandbox::new(1);
        let location = StoreLocation::new("/root/log");
        sandbox.run(async {
            let host = || SimHost::new(sandbox.disk(), sandbox.env(), *options);
            let store = host().create_store(&location).await.expect("nothing fails");
            let records = [vec![1; first_len], vec![2; options.record_len_max as usize], vec![3; 9]];
            for record in &records {
                store.append(record).await.expect("nothing fails");
            }
            drop(store);
            let disk = sandbox.disk();
            let sector_len = disk.sector_len();
            let mut bytes = vec![0; 64 * sector_len];
            disk.read_at(&mut bytes, 0).await.expect("nothing fails");
            let second = bytes.windows(9).position(|window| window == [2; 9]).expect("it was written");
            let sector = second - second % sector_len;
            disk.write_at(&vec![0xff; sector_len], sector as u64).await.expect("nothing fails");
            host().open_store(&location).await.map(drop).expect_err("a record in the middle is gone").kind()
        })
    }

    #[test]
    fn a_damaged_record_is_noticed_by_the_one_behind_it_wherever_they_stand() {
        // On a device with large sectors the record behind a damaged one began further away than was looked, and two
        // acknowledged records were gone without a word: each batch begins at a sector of its own, and only one of the two
        // gaps was counted.
        let lens = [(1, 100), (1, 1_000), (512, 100), (512, 3_000), (4_096, 3_000)];
        for (append_unit, record_len_max) in lens {
            let options = SimOptions { append_unit, record_len_max, ..SimOptions::default() };
            for first_len in (1..record_len_max as usize).step_by(97) {
                let told = opened_after_damage(&options, first_len);
                assert_eq!(told, ErrorKind::Corrupt, "{options:?} {first_len}");
            }
        }
    }
}
