//! Processes that are killed at work: what they were told is durable is there, nothing is torn, and what they were at is
//! whole or absent.
//!
//! They are killed right after they said something, so that they are in the middle of what comes next. Not covered here:
//! the loss of power, since the page cache outlives a process; and threads that share a handle.

use super::Site;
use super::cases::{Context, Must, all};
use super::part::{Came, NO_HELPER, Other, say};
use super::real::Real;
use crate::base::block_on;
use asl_host::{
    BlockId, Durability, ErrorKind, Host, HostTime, LogSeq, Result, SnapshotId, Store, StoreLocation,
};
use std::collections::{BTreeMap, BTreeSet};

/// After how many acknowledgements it is killed, at least.
const RECORDS_PER_ROUND: u64 = 40;
/// How many appends a writer has under way at once, at most.
pub(super) const TOGETHER_MAX: u64 = 4;
/// How many blocks and snapshots each a writer makes before it is killed, at least.
const BLOCKS_PER_ROUND: u64 = 3;

pub(super) fn store(here: &Real) -> StoreLocation {
    here.location("store")
}

/// A record that tells which one it is: of different lengths, some of them longer than a page, so that frames end anywhere
/// and a kill can come in the middle of one.
pub(super) fn record(id: u64) -> Vec<u8> {
    let filler = if id.is_multiple_of(13) { 20_000 } else { id * 7 % 61 };
    let mut bytes = id.to_le_bytes().to_vec();
    bytes.resize(bytes.len() + filler as usize, id as u8);
    bytes
}

/// Which record it is, if it is one, and whole.
pub(super) fn id_of(bytes: &[u8]) -> Option<u64> {
    let id = u64::from_le_bytes(*bytes.first_chunk()?);
    (bytes == record(id)).then_some(id)
}

/// What is known of a log.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Which record each number names.
    records: BTreeMap<u64, u64>,
    /// The last number that must survive.
    durable: u64,
}

impl Known {
    /// Takes in what a writer says.
    pub(super) fn hear(&mut self, word: &str, text: &str, durability: Durability) {
        let number = |text: &str| text.parse::<u64>().ok();
        match word {
            "acknowledged" => {
                let (seq, id) = text.split_once(' ').must("a number and a record");
                self.acknowledged(number(seq).must("a number"), number(id).must("a record"), durability);
            }
            "durable" => self.durable = self.durable.max(number(text).must("a number")),
            _ => {}
        }
    }

    /// Takes in that a record was given a number.
    pub(super) fn acknowledged(&mut self, seq: u64, id: u64, durability: Durability) {
        let before = self.records.insert(seq, id);
        assert!(before.is_none(), "number {seq} was given to record {id}, and names another");
        if durability == Durability::OnAppend {
            self.durable = self.durable.max(seq);
        }
    }

    /// Takes in what somebody else was told of the same log.
    pub(super) fn merge(&mut self, other: Known) {
        for (seq, id) in other.records {
            let before = self.records.insert(seq, id);
            assert!(before.is_none(), "number {seq} was given to record {id}, and names another");
        }
        self.durable = self.durable.max(other.durable);
    }

    /// The log holds what must be there, nothing torn, nothing twice, and at most what was under way besides.
    pub(super) fn check(&mut self, log: &[asl_host::Record]) {
        let last = self.records.last_key_value().map_or(0, |(number, _)| *number);
        let mut seen = BTreeSet::new();
        for (found, number) in log.iter().zip(1..) {
            assert_eq!(found.seq, LogSeq(number), "numbers are dense from 1");
            let id = id_of(&found.data);
            let id = id.must(&format!("record {number} is torn: it has {} bytes", found.data.len()));
            assert!(seen.insert(id), "record {number} stands there twice");
            let known = *self.records.entry(number).or_insert(id);
            assert_eq!(id, known, "number {number} names another record than before");
        }
        let (count, durable) = (log.len() as u64, self.durable);
        assert!(count >= durable, "record {durable} had to survive, and the log ends at {count}");
        assert!(count <= last + TOGETHER_MAX, "{count} records, and at most {last} were acknowledged");
        self.records.retain(|number, _| *number <= count);
        // What an open shows is durable.
        self.durable = count;
    }
}

/// In another process: appends, alone and several at once, and says which record got which number.
pub(super) async fn append_until_killed(here: &Real) -> Result<()> {
    let host = here.boot();
    let store = host.open_store(&store(here)).await?;
    let mut next = (store.durable_upto().await?.0 + 1) << 20;
    loop {
        for together in [1, 1, TOGETHER_MAX] {
            let ids = next..next + together;
            next = ids.end;
            let records: Vec<Vec<u8>> = ids.clone().map(record).collect();
            let numbers = all(records.iter().map(|record| store.append(record))).await;
            for (id, number) in ids.zip(numbers) {
                say("acknowledged", &format!("{} {id}", number?));
            }
        }
        say("durable", &store.flush().await?.to_string());
        say("clock", &host.now().await?.0.to_string());
    }
}

pub(super) fn a_killed_writer_loses_nothing_that_was_acknowledged(site: &Site) -> Came {
    let durability = site.here.boot().capabilities().durability;
    drop(block_on(site.here.boot().create_store(&store(&site.here))).must("create the store"));
    let mut known = Known::default();
    for round in 1..=site.kills {
        let Some(mut other) = Other::start(site, "append") else {
            return Came::Skipped(NO_HELPER.to_owned());
        };
        for _ in 0..RECORDS_PER_ROUND + round {
            let number = other.expect("acknowledged");
            known.hear("acknowledged", &number, durability);
        }
        other.kill();
        while let Some((word, text)) = other.hear() {
            known.hear(&word, &text, durability);
        }
        let log = block_on(async {
            let store = site.here.boot().open_store(&store(&site.here)).await?;
            store.read(LogSeq::FIRST, usize::MAX).await
        });
        known.check(&log.must("open the store of a writer that was killed, and read it"));
    }
    Came::passed()
}

/// What a block holds.
fn content(turn: u64) -> Vec<u8> {
    record(turn * 13)
}

/// In another process: seals blocks and makes snapshots, and says which.
pub(super) async fn seal_until_killed(here: &Real) -> Result<()> {
    let store = here.boot().open_store(&store(here)).await?;
    for turn in 1.. {
        let block = store.create_block().await?;
        for part in content(turn).chunks(7_000) {
            store.write_block(&block, part).await?;
        }
        store.seal_block(&block).await?;
        say("sealed", &format!("{turn} {block}"));
        let last = store.append(&record(turn)).await?;
        let snapshot = store.create_snapshot().await?;
        say("snapshot", &format!("{last} {snapshot}"));
    }
    Ok(())
}

pub(super) fn a_killed_writer_leaves_blocks_and_snapshots_whole_or_absent(site: &Site) -> Came {
    drop(block_on(site.here.boot().create_store(&store(&site.here))).must("create the store"));
    let (mut blocks, mut snapshots) = (BTreeMap::new(), BTreeMap::new());
    for round in 1..=site.kills {
        let Some(mut other) = Other::start(site, "seal") else {
            return Came::Skipped(NO_HELPER.to_owned());
        };
        let mut hear = |(word, text): (String, String)| {
            let (number, id) = text.split_once(' ').must("a number and an identifier");
            let number: u64 = number.parse().expect("a number");
            match word.as_str() {
                "sealed" => drop(blocks.insert(BlockId::new(id), content(number))),
                _ => drop(snapshots.insert(SnapshotId::new(id), number)),
            }
        };
        // Odd and even counts, so that the kill comes while a block is sealed and while a snapshot is made.
        for _ in 0..2 * BLOCKS_PER_ROUND + round % 2 {
            hear(other.hear().must("another process ended before it was killed"));
        }
        other.kill();
        while let Some(said) = other.hear() {
            hear(said);
        }
        let checked = block_on(check_blocks_and_snapshots(&site.here, &mut blocks, &mut snapshots));
        checked.must("open the store of a writer that was killed, and read it");
    }
    Came::passed()
}

/// All that is known is there, and whole; of what is not known there is one of each sort at most, and it is whole too.
async fn check_blocks_and_snapshots(
    here: &Real,
    blocks: &mut BTreeMap<BlockId, Vec<u8>>,
    snapshots: &mut BTreeMap<SnapshotId, u64>,
) -> Result<()> {
    let store = here.boot().open_store(&store(here)).await?;
    let (listed, mounted) = (store.list_blocks().await?, store.list_snapshots().await?);
    if let Some((lost, _)) = blocks.iter().find(|(block, _)| !listed.contains(block)) {
        panic!("block {lost} was sealed, and is not there");
    }
    if let Some((lost, _)) = snapshots.iter().find(|(snapshot, _)| !mounted.contains(snapshot)) {
        panic!("snapshot {lost} was made, and is not there");
    }
    assert!(
        listed.len() <= blocks.len() + 1,
        "{} blocks are there that nobody sealed",
        listed.len() - blocks.len()
    );
    assert!(mounted.len() <= snapshots.len() + 1, "snapshots are there that nobody made");
    for block in listed {
        let bytes = store.read_block(&block).await?;
        assert!(id_of(&bytes).is_some(), "block {block} is torn: it has {} bytes", bytes.len());
        assert_eq!(blocks.entry(block).or_insert_with(|| bytes.clone()), &bytes, "a block has changed");
    }
    for snapshot in mounted {
        let count =
            store.mount_snapshot(&snapshot).await?.read(LogSeq::FIRST, usize::MAX).await?.len() as u64;
        assert_eq!(*snapshots.entry(snapshot).or_insert(count), count, "a snapshot has changed");
    }
    Ok(())
}

pub(super) fn the_clock_goes_on_where_a_killed_process_left_it(site: &Site) -> Came {
    drop(block_on(site.here.boot().create_store(&store(&site.here))).must("create the store"));
    let identity = block_on(site.here.boot().identity()).must("ask for the identity");
    let mut last = block_on(site.here.boot().now()).must("read the clock");
    for _ in 0..2 {
        let Some(mut other) = Other::start(site, "append") else {
            return Came::Skipped(NO_HELPER.to_owned());
        };
        let mut heard = 0;
        let mut killed = false;
        while let Some((word, text)) = other.hear() {
            if word == "clock" {
                let now = HostTime(text.parse().expect("a number"));
                assert!(now > last, "{now:?} after {last:?}");
                last = now;
                heard += 1;
            }
            if heard == 10 && !killed {
                other.kill();
                killed = true;
            }
        }
        assert!(killed, "another process ended before it was killed");
        let now = block_on(site.here.boot().now()).must("read the clock");
        assert!(now > last, "{now:?} after {last:?}");
        last = now;
        assert_eq!(block_on(site.here.boot().identity()).must("ask for the identity"), identity);
    }
    Came::passed()
}

/// What a store that is made and destroyed again and again holds while it is there.
const CHURNED: u64 = 3;

/// In another process: makes a store, fills it, opens it again and destroys it, for ever, and says when it has taken a step.
pub(super) async fn churn_until_killed(here: &Real) -> Result<()> {
    let (host, location) = (here.boot(), store(here));
    loop {
        let made = host.create_store(&location).await?;
        say("step", "made");
        for id in 0..CHURNED {
            made.append(&record(id)).await?;
        }
        made.close().await?;
        say("step", "closed");
        drop(made);
        drop(host.open_store(&location).await?);
        say("step", "opened");
        host.destroy_store(&location).await?;
        say("step", "destroyed");
    }
}

pub(super) fn a_process_killed_at_making_or_destroying_leaves_a_store_or_room_for_one(site: &Site) -> Came {
    let here = &site.here;
    // Each of the four steps is the last that was heard of in some rounds.
    for steps in (1..=8).chain(1..=8) {
        let Some(mut other) = Other::start(site, "churn") else {
            return Came::Skipped(NO_HELPER.to_owned());
        };
        for _ in 0..steps {
            other.expect("step");
        }
        other.kill();
        match block_on(here.boot().open_store(&store(here))) {
            Ok(left) => {
                let log = block_on(left.read(LogSeq::FIRST, usize::MAX)).must("read what was left");
                let ids: Vec<Option<u64>> = log.iter().map(|found| id_of(&found.data)).collect();
                assert!(
                    ids.iter().copied().eq((0..ids.len() as u64).map(Some)),
                    "what was left holds {ids:?}"
                );
                assert!(ids.len() as u64 <= CHURNED, "what was left holds {ids:?}");
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
                drop(block_on(here.boot().create_store(&store(here))).must("make a store where none is"));
            }
        }
        block_on(here.boot().destroy_store(&store(here))).must("destroy what was left");
    }
    Came::passed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use asl_host::Record;

    fn log(ids: &[u64]) -> Vec<Record> {
        let numbered = ids.iter().zip(1..);
        numbered.map(|(&id, number)| Record { seq: LogSeq(number), data: record(id) }).collect()
    }

    /// A writer was told of three records, of which an open has shown the first before.
    fn told(durability: Durability) -> Known {
        let mut known = Known::default();
        known.check(&log(&[7]));
        known.hear("acknowledged", "2 8", durability);
        known.hear("acknowledged", "3 9", durability);
        known
    }

    #[test]
    fn records_under_way_may_be_there_or_not() {
        for ids in [&[7, 8, 9][..], &[7, 8, 9, 13], &[7, 8, 9, 13, 14, 15, 16]] {
            let mut known = told(Durability::OnAppend);
            known.check(&log(ids));
            assert_eq!(known.durable, ids.len() as u64, "what was shown must survive from now on");
        }
    }

    #[test]
    fn what_no_flush_covered_may_be_lost_if_the_host_says_so() {
        let mut known = told(Durability::OnFlush);
        known.check(&log(&[7]));
        known.hear("acknowledged", "2 20", Durability::OnFlush);
        known.check(&log(&[7, 20]));
    }

    #[test]
    #[should_panic(expected = "record 3 had to survive, and the log ends at 2")]
    fn a_lost_record_is_noticed() {
        told(Durability::OnAppend).check(&log(&[7, 8]));
    }

    #[test]
    #[should_panic(expected = "record 2 had to survive, and the log ends at 1")]
    fn a_lost_record_that_a_flush_covered_is_noticed() {
        let mut known = told(Durability::OnFlush);
        known.hear("durable", "2", Durability::OnFlush);
        known.check(&log(&[7]));
    }

    #[test]
    #[should_panic(expected = "record 4 is torn")]
    fn a_torn_record_is_noticed() {
        let mut torn = log(&[7, 8, 9, 13]);
        torn[3].data.pop();
        told(Durability::OnAppend).check(&torn);
    }

    #[test]
    #[should_panic(expected = "record 4 stands there twice")]
    fn a_record_that_stands_there_twice_is_noticed() {
        told(Durability::OnAppend).check(&log(&[7, 8, 9, 9]));
    }

    #[test]
    #[should_panic(expected = "number 1 names another record than before")]
    fn a_number_that_comes_to_name_another_record_is_noticed() {
        told(Durability::OnAppend).check(&log(&[6, 8, 9]));
    }

    #[test]
    #[should_panic(expected = "8 records, and at most 3 were acknowledged")]
    fn records_that_nobody_appended_are_noticed() {
        told(Durability::OnAppend).check(&log(&[7, 8, 9, 10, 11, 12, 13, 14]));
    }
}
