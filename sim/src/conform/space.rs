//! A full disk: running out of space loses nothing that was acknowledged, and work goes on once there is space again.
//!
//! Carried out on a small disk that is mounted in a process of its own, of the file system that the location is on where
//! that can be made, else of ext4, else of memory. Not covered here: quotas, and space that runs out inside recovery.

use super::Site;
use super::cases::{Context, Must};
use super::mounts::SmallDisk;
use super::part::{Came, PrivateCheck, privately};
use super::processes::{id_of, record};
use super::real::Real;
use crate::base::block_on;
use crate::hosts::BoxedHost;
use asl_host::{Code, Durability, ErrorKind, Host, LogSeq, Result, Store, StoreError, StoreLocation};
use std::collections::BTreeMap;

/// What stays free, in bytes, so that some appends succeed before one does not.
const SPARE_LEN: u64 = 512 << 10;
/// How many appends are tried until one has to have failed.
const APPENDS_MAX: u64 = 4_000;
/// How many more are tried after the first that failed.
const APPENDS_AFTER: u64 = 20;

type Handle = <BoxedHost as Host>::Store;

pub(super) const PARTS: &[PrivateCheck] = &[
    ("running_out_of_space_loses_no_record_that_was_acknowledged", |here| on_small_disk(here, records_stay)),
    ("work_goes_on_once_there_is_space", |here| on_small_disk(here, work_goes_on)),
    ("a_full_disk_harms_no_block_and_no_snapshot", |here| on_small_disk(here, blocks_and_snapshots_stay)),
    ("a_creation_without_space_leaves_room_for_one", |here| on_small_disk(here, creation_can_be_repeated)),
];

pub(super) fn running_out_of_space_loses_no_record_that_was_acknowledged(site: &Site) -> Came {
    privately(site, PARTS[0].0)
}

pub(super) fn work_goes_on_once_there_is_space(site: &Site) -> Came {
    privately(site, PARTS[1].0)
}

pub(super) fn a_full_disk_harms_no_block_and_no_snapshot(site: &Site) -> Came {
    privately(site, PARTS[2].0)
}

pub(super) fn a_creation_without_space_leaves_room_for_one(site: &Site) -> Came {
    privately(site, PARTS[3].0)
}

/// Has the check done on a target whose root is on a small disk.
fn on_small_disk(here: &Real, check: fn(&Real, &SmallDisk)) -> Came {
    let disk = match SmallDisk::mount_at(here.root().as_ref()) {
        Ok(disk) => disk,
        Err(why) => return Came::Skipped(why),
    };
    let root = disk.root.join("root");
    std::fs::create_dir(&root).expect("there is room for a directory");
    check(&Real::new(&here.target, &root.to_string_lossy()), &disk);
    Came::Passed(disk.about)
}

fn store(here: &Real) -> StoreLocation {
    here.location("store")
}

/// No space is an error of its own, or one of input and output; a handle that refuses work since then says that.
fn assert_honest(error: &StoreError) {
    assert_eq!(error.code(), Code::IoError, "no space was reported as something else: {error}");
    assert_ne!(error.kind(), ErrorKind::Corrupt, "no space was reported as damage: {error}");
}

/// The records that were acknowledged, by number.
#[derive(Debug, Default)]
struct Acknowledged(BTreeMap<u64, u64>);

impl Acknowledged {
    fn append(&mut self, store: &Handle, id: u64) -> Result<()> {
        let LogSeq(number) = block_on(store.append(&record(id)))?;
        assert!(self.0.insert(number, id).is_none(), "number {number} was given twice");
        Ok(())
    }

    /// Appends until there is no space, and some more after that.
    fn append_until_full(&mut self, store: &Handle) {
        let first = self.0.len() as u64;
        let failed = (first..first + APPENDS_MAX).find(|&id| match self.append(store, id) {
            Ok(()) => false,
            Err(error) => {
                assert_honest(&error);
                true
            }
        });
        let failed = failed.must("the disk is full, and every append succeeds");
        for id in failed + 1..failed + APPENDS_AFTER {
            if let Err(error) = self.append(store, id) {
                assert_honest(&error);
            }
        }
    }

    /// Makes sure that each of them is there, and nothing that is torn.
    fn check(&self, store: &Handle) -> Result<()> {
        let log = block_on(store.read(LogSeq::FIRST, usize::MAX))?;
        for (found, number) in log.iter().zip(1..) {
            assert_eq!(found.seq, LogSeq(number), "numbers are dense from 1");
            assert!(
                id_of(&found.data).is_some(),
                "record {number} is torn: it has {} bytes",
                found.data.len()
            );
        }
        for (&number, &id) in &self.0 {
            let found = log.get(number as usize - 1).and_then(|found| id_of(&found.data));
            assert_eq!(found, Some(id), "record {number} was acknowledged");
        }
        Ok(())
    }
}

/// A new store with some records in it, durable whatever the host's durability.
fn begun(here: &Real) -> (Handle, Acknowledged) {
    let store = block_on(here.boot().create_store(&store(here))).must("create the store");
    let mut acknowledged = Acknowledged::default();
    for id in 0..10 {
        acknowledged.append(&store, id).must("append while there is space");
    }
    block_on(store.flush()).must("flush while there is space");
    (store, acknowledged)
}

fn reopened(here: &Real) -> Handle {
    block_on(here.boot().open_store(&store(here))).must("open the store once there is space")
}

fn records_stay(here: &Real, disk: &SmallDisk) {
    let (store, mut acknowledged) = begun(here);
    let durable = Acknowledged(acknowledged.0.clone());
    disk.fill(SPARE_LEN);
    acknowledged.append_until_full(&store);
    // What a host acknowledges before it is durable need not survive a handle that is not flushed.
    let on_append = here.boot().capabilities().durability == Durability::OnAppend;
    let must_stay = if on_append || block_on(store.flush()).is_ok() { acknowledged } else { durable };
    if let Err(error) = must_stay.check(&store) {
        assert_honest(&error);
    }
    drop(store);
    match block_on(here.boot().open_store(&self::store(here))) {
        Ok(store) => must_stay.check(&store).must("read the log of a store that opens on a full disk"),
        Err(error) => assert_honest(&error),
    }
    disk.empty();
    must_stay.check(&reopened(here)).must("read the log once there is space");
}

fn work_goes_on(here: &Real, disk: &SmallDisk) {
    let (store, mut acknowledged) = begun(here);
    disk.fill(SPARE_LEN);
    acknowledged.append_until_full(&store);
    disk.empty();
    // In this handle or in the next.
    let mut id = APPENDS_MAX * 2;
    let mut next = || {
        id += 1;
        id
    };
    let mut last = store;
    if let Err(error) = acknowledged.append(&last, next()) {
        assert_honest(&error);
        drop(last);
        last = reopened(here);
        // What was not durable when the handle stopped is settled now.
        let count = block_on(last.durable_upto()).must("ask").0;
        acknowledged.0.retain(|number, _| *number <= count);
    }
    for _ in 0..10 {
        acknowledged.append(&last, next()).must("append once there is space");
    }
    block_on(last.close()).must("close once there is space");
    drop(last);
    acknowledged.check(&reopened(here)).must("read the log");
    drop(block_on(here.boot().create_store(&here.location("another"))).must("make another store"));
}

fn blocks_and_snapshots_stay(here: &Real, disk: &SmallDisk) {
    let (store, _) = begun(here);
    let mut sealed = BTreeMap::new();
    let mut snapshots = Vec::new();
    disk.fill(SPARE_LEN);
    let mut failures = 0;
    for turn in 0..APPENDS_MAX {
        let content = record(turn * 13);
        let done = block_on(async {
            let block = store.create_block().await?;
            store.write_block(&block, &content).await?;
            store.seal_block(&block).await?;
            sealed.insert(block, content);
            snapshots.push(store.create_snapshot().await?);
            Ok(())
        });
        if let Err(error) = done {
            assert_honest(&error);
            failures += 1;
        }
        if failures > 3 {
            break;
        }
    }
    assert!(failures > 0, "the disk is full, and every block and snapshot could be made");
    drop(store);
    disk.empty();
    let store = reopened(here);
    block_on(async {
        let (blocks, known) = (store.list_blocks().await?, store.list_snapshots().await?);
        for block in &blocks {
            let bytes = store.read_block(block).await?;
            assert!(id_of(&bytes).is_some(), "block {block} is torn: it has {} bytes", bytes.len());
        }
        for (block, content) in &sealed {
            assert!(blocks.contains(block), "block {block} was sealed");
            assert_eq!(&store.read_block(block).await?, content, "what block {block} holds");
        }
        for snapshot in &snapshots {
            assert!(known.contains(snapshot), "snapshot {snapshot} was made");
        }
        for snapshot in &known {
            let view = store.mount_snapshot(snapshot).await?;
            assert_eq!(
                view.read(LogSeq::FIRST, usize::MAX).await?.len(),
                10,
                "what snapshot {snapshot} holds"
            );
        }
        let block = store.create_block().await?;
        store.seal_block(&block).await?;
        store.create_snapshot().await.map(drop)
    })
    .must("work with blocks and snapshots once there is space");
}

fn creation_can_be_repeated(here: &Real, disk: &SmallDisk) {
    disk.fill(0);
    for _ in 0..2 {
        match block_on(here.boot().create_store(&store(here))) {
            // What a directory takes is not always missed.
            Ok(store) => drop(store),
            Err(error) if error.kind() == ErrorKind::Exists => {}
            Err(error) => assert_honest(&error),
        }
    }
    disk.empty();
    let opened = block_on(here.boot().open_store(&store(here)));
    let store = match opened {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            block_on(here.boot().create_store(&store(here))).must("create the store once there is space")
        }
        opened => opened.must("open a store that was made"),
    };
    let mut acknowledged = Acknowledged::default();
    acknowledged.append(&store, 1).must("append once there is space");
    drop(store);
    acknowledged.check(&reopened(here)).must("read the log");
}
