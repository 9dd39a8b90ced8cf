//! The host on a bucket: each entry of a log is an object, and whoever gets to create the next number has written it.
//!
//! ```text
//! LOCATION/00000001          an entry (bucket::entry)
//! LOCATION-blocks/ID         the bytes of a block; an entry says that it is sealed
//! HOST/clock/00000001        readings of the clock, as entries
//! ```
//!
//! Some bugs have objects of their own: `LOCATION-lives`, `LOCATION-checkpoints`, `LOCATION-withdrawn`.
//!
//! Numbers go on across all lives of a location. To open a store is to create the next number (a claim): what was on its way there comes
//! too late, and whoever finds the next number taken has been fenced off. An answer that is lost is settled by creating the same bytes
//! again, and by reading back what stands there. Where it stays open the handle refuses work until the store is opened again.
//!
//! It keeps the whole log in memory and takes one operation at a time. It does not look for damage. No snapshots.
//!
//! Bugs are planted here by name (`Bug`): each is a branch at the step that it gets wrong.

mod blocks;
mod bug;
mod entry;
mod list;
mod log;
mod store;

pub mod conditions_tested_apart;
pub mod conflict_409_is_exists;
pub mod control;
pub mod fence_without_read;
pub mod freed_number_created_again;
pub mod late_put_into_new_store;
pub mod list_is_truth;
pub mod multipart_200_error;
pub mod own_412_is_rival;
pub mod own_put_is_conflict;
pub mod plain_put_log;
pub mod retry_appends_twice;
pub mod seal_before_complete;
pub mod usable_after_lost_put;

use asl_host::{
    Capabilities, Durability, ErrorKind, Exclusion, Host, HostIdentity, HostTime, Operation, Result,
    StoreError, StoreLocation,
};
use asl_mirrors::AnyEnv;
use entry::{Contents, Kind, Row};
use log::{Put, Seams};
use object_store::ObjectStore;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

pub use list::{ALL, Needs, RARE, Specimen};

use bug::{Bug, Planted};
use store::BucketStore;

/// The bucket, of which nobody here knows what it is.
pub type Bucket = Arc<dyn ObjectStore>;

/// The longest record in bytes.
const RECORD_LEN_MAX: u32 = 1 << 20;

/// The host on a bucket.
#[derive(Debug)]
struct BucketHost {
    seams: Seams,
    root: String,
    /// Handles of this process that are not closed, by location.
    open: Mutex<BTreeMap<String, Weak<AtomicBool>>>,
}

impl BucketHost {
    fn new(bucket: Bucket, env: AnyEnv, root: &str, bug: Option<Bug>) -> BucketHost {
        let seams = Seams { bucket, env, planted: Planted(bug) };
        BucketHost { seams, root: root.to_owned(), open: Mutex::default() }
    }

    fn has_open(&self, location: &str) -> bool {
        let open = self.open.lock().expect("plain data");
        let closed = open.get(location).and_then(Weak::upgrade);
        closed.is_some_and(|closed| !closed.load(Ordering::Relaxed))
    }

    fn handle(&self, location: &str, row: Row) -> BucketStore {
        let closed = Arc::new(AtomicBool::new(false));
        self.open.lock().expect("plain data").insert(location.to_owned(), Arc::downgrade(&closed));
        BucketStore::new(self.seams.clone(), location, row, closed)
    }

    /// Puts an entry behind what stands there, unless it is not wanted there any more.
    async fn put_next(
        &self,
        location: &str,
        kind: Kind,
        is_wanted: impl Fn(&Row) -> std::result::Result<(), ErrorKind> + Send,
    ) -> std::result::Result<Row, ErrorKind> {
        let seams = &self.seams;
        loop {
            let mut row = seams.row(location).await?;
            is_wanted(&row)?;
            let entry = seams.entry(kind, if kind == Kind::Creation { row.next } else { row.count() }, &[]);
            let (place, mut number) = seams.place(kind, location, &row);
            loop {
                let put = match (kind, seams.planted.0) {
                    (Kind::Creation, Some(Bug::DisownsItsCreation)) => {
                        seams.create_and_disown(&place, number, &entry).await?
                    }
                    (Kind::Claim, Some(Bug::ConflictIsTaken)) if !row.is_closed && row.was_recovered => {
                        seams.create_and_believe(&place, number, &entry).await?
                    }
                    (Kind::Claim, Some(Bug::PutsPlainly)) => {
                        seams.put_plainly(&place, number, &entry).await?
                    }
                    _ => seams.create(&place, number, &entry).await?,
                };
                match put {
                    // Whoever believes the list passes over what stands behind its end.
                    Put::Taken if seams.planted.is(Bug::ListIsTruth) => number += 1,
                    Put::Taken | Put::Lost => break,
                    Put::Done => {
                        let next = if place == location { &mut row.next } else { &mut row.next_elsewhere };
                        *next = number + 1;
                        return Ok(row);
                    }
                }
            }
        }
    }
}

impl Host for BucketHost {
    type Store = BucketStore;

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            durability: Durability::OnAppend,
            exclusion: Exclusion::Fence,
            blocks: !self.seams.planted.is(Bug::TakesNoTurns),
            snapshots: false,
            append_unit: 1,
            max_record_len: RECORD_LEN_MAX,
        }
    }

    async fn create_store(&self, at: &StoreLocation) -> Result<BucketStore> {
        let failed = |kind| StoreError::new(kind, Operation::CreateStore, at.as_str());
        let absent = |row: &Row| if row.store.is_some() { Err(ErrorKind::Exists) } else { Ok(()) };
        let row = self.put_next(at.as_str(), Kind::Creation, absent).await.map_err(failed)?;
        Ok(self.handle(at.as_str(), Row { store: Some(Contents::default()), ..row }))
    }

    async fn open_store(&self, at: &StoreLocation) -> Result<BucketStore> {
        let failed = |kind| StoreError::new(kind, Operation::OpenStore, at.as_str());
        let there = |row: &Row| if row.store.is_none() { Err(ErrorKind::NotFound) } else { Ok(()) };
        let mut row = self.put_next(at.as_str(), Kind::Claim, there).await.map_err(failed)?;
        while !self.seams.claim_life(at.as_str(), &row).await.map_err(failed)? {
            row = self.put_next(at.as_str(), Kind::Claim, there).await.map_err(failed)?;
        }
        if self.seams.planted.is(Bug::TakesNoTurns) {
            let later = self.seams.row_later(at.as_str()).await.map_err(failed)?;
            row = Row { next_elsewhere: row.next_elsewhere, ..later };
        }
        if self.seams.planted.is(Bug::RemovesEntries) {
            self.seams.compact(at.as_str(), &row).await;
        }
        Ok(self.handle(at.as_str(), row))
    }

    async fn destroy_store(&self, at: &StoreLocation) -> Result<()> {
        let failed = |kind| StoreError::new(kind, Operation::DestroyStore, at.as_str());
        if self.has_open(at.as_str()) {
            return Err(failed(ErrorKind::ConcurrentModification));
        }
        // Where there is no store, one may be on its way, and must not come once that was said.
        let row = self.put_next(at.as_str(), Kind::Destruction, |_| Ok(())).await.map_err(failed)?;
        row.store.map(drop).ok_or_else(|| failed(ErrorKind::NotFound))
    }

    /// Counts how often it was asked.
    async fn now(&self) -> Result<HostTime> {
        let at = format!("{}/clock", self.root);
        let failed = |kind| StoreError::new(kind, Operation::Now, at.as_str());
        loop {
            let row = self.seams.row_from(&at, Row::default(), u64::MAX).await.map_err(failed)?;
            let entry = self.seams.entry(Kind::End, 0, &[]);
            if self.seams.create(&at, row.next, &entry).await.map_err(failed)? == Put::Done {
                return Ok(HostTime(row.next));
            }
        }
    }

    /// The bucket's name is the host's.
    async fn identity(&self) -> Result<HostIdentity> {
        Ok(HostIdentity::new(self.root.clone()))
    }
}
