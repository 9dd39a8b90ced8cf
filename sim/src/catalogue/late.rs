//! Hosts on cells, that test what becomes of requests which outlive their caller, and of processes that die alone.
//!
//! A store is a row of places, `LOCATION/00000001` and so on, each a cell that is put once. What stands there is a creation, a
//! record, a claim or a destruction, and whoever puts the next place has done that. To open a store is to claim the next place: what was
//! on its way there when its sender died comes too late then, and whoever finds the next place taken has been fenced off.
//! After an operation that failed or was given up the handle refuses work, until the store is opened again.
//!
//! `late:log` is right. `late:unclaimed` opens a store without a claim, so that a record may show up later that its log did not have
//! when it was opened. `late:forgotten` acknowledges a record before its put has landed.
//!
//! Not there: blocks and snapshots.

use crate::hosts::gate::{Gate, Pass};
use crate::hosts::{Machine, Target};
use crate::media::{Profile, SimCells, SimEnv};
use asl_host::env::Env;
use asl_host::{
    Capabilities, Durability, ErrorKind, Exclusion, Host, HostIdentity, HostTime, LogSeq, Operation, Record,
    Result, Store, StoreError, StoreLocation,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

/// What is wrong with a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    None,
    /// To open a store claims nothing, and a place that is taken is read and passed over.
    Unclaimed,
    /// A record is acknowledged although its put was dropped half-way.
    Forgotten,
}

pub(super) fn targets() -> Vec<Target> {
    let target = |name, about, bug| {
        Target::new(name, about, move |machine: &Machine<'_>| LateHost::new(machine, bug))
            .on_medium_of(Profile::Cells)
            .with_processes_that_die_alone()
    };
    vec![
        target("late:log", "a log on cells whose puts outlive their caller", Bug::None),
        target("late:unclaimed", "the same, which does not claim what it opens", Bug::Unclaimed)
            .that_breaks("log-prefix"),
        target("late:forgotten", "the same, which does not wait for its puts", Bug::Forgotten)
            .that_breaks("append-durable"),
    ]
}

/// What stands at a place: a byte that says what it is, and a record's bytes, or who has put it.
const CREATION: u8 = b'c';
const RECORD: u8 = b'r';
const CLAIM: u8 = b'o';
const DESTRUCTION: u8 = b'd';

const RECORD_LEN_MAX: u32 = 1 << 20;
/// No run has so many places: whoever comes here goes round in circles.
const PLACES_MAX: u64 = 10_000_000;

/// A host on cells.
#[derive(Debug)]
struct LateHost {
    cells: SimCells,
    env: SimEnv,
    bug: Bug,
    /// Handles of this process that are not closed, by location.
    open: Mutex<BTreeMap<String, Weak<AtomicBool>>>,
}

/// What stands at a location.
struct Row {
    /// The number of the first place that nothing stands at.
    next: u64,
    /// The records since the last creation; none if there is no store.
    records: Option<Vec<Vec<u8>>>,
}

fn place(location: &str, number: u64) -> String {
    format!("{location}/{number:08}")
}

impl LateHost {
    fn new(machine: &Machine<'_>, bug: Bug) -> LateHost {
        LateHost { cells: machine.cells(), env: machine.env(), bug, open: Mutex::default() }
    }

    fn handles(&self) -> MutexGuard<'_, BTreeMap<String, Weak<AtomicBool>>> {
        self.open.lock().expect("nothing panics while it is held")
    }

    fn has_open(&self, location: &str) -> bool {
        let handle = self.handles().get(location).and_then(Weak::upgrade);
        handle.is_some_and(|closed| !closed.load(Ordering::Relaxed))
    }

    async fn row(&self, location: &str) -> std::result::Result<Row, ()> {
        let mut row = Row { next: 1, records: None };
        for name in self.cells.list(format!("{location}/")).await? {
            row.next = 1 + name.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap_or(0_u64);
            let Some(entry) = self.cells.get(name).await? else { return Err(()) };
            match (entry.split_first(), &mut row.records) {
                (Some((&CREATION, _)), records) => *records = Some(Vec::new()),
                (Some((&DESTRUCTION, _)), records) => *records = None,
                (Some((&RECORD, bytes)), Some(records)) => records.push(bytes.to_vec()),
                _ => {}
            }
        }
        Ok(row)
    }

    /// Puts an entry behind what stands there, unless it is not wanted there any more.
    async fn put_next(
        &self,
        location: &str,
        kind: u8,
        is_wanted: impl Fn(&Row) -> std::result::Result<(), ErrorKind>,
    ) -> std::result::Result<Row, ErrorKind> {
        let who = self.env.random_u64().to_le_bytes();
        for _ in 0..PLACES_MAX {
            let mut row = self.row(location).await.map_err(|()| ErrorKind::Io)?;
            is_wanted(&row)?;
            let entry = [&[kind][..], &who].concat();
            if self.cells.put_new(place(location, row.next), entry).await.map_err(|()| ErrorKind::Io)? {
                row.next += 1;
                return Ok(row);
            }
        }
        unreachable!("somebody is always faster")
    }

    fn handle(&self, location: &str, row: Row) -> LateStore {
        let closed = Arc::new(AtomicBool::new(false));
        self.handles().insert(location.to_owned(), Arc::downgrade(&closed));
        let log = Log { next: row.next, records: row.records.unwrap_or_default() };
        LateStore {
            cells: self.cells.clone(),
            bug: self.bug,
            location: location.to_owned(),
            gate: Gate::default(),
            log: Mutex::new(log),
            unsure: AtomicBool::new(false),
            fenced: AtomicBool::new(false),
            closed,
        }
    }
}

impl Host for LateHost {
    type Store = LateStore;

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            durability: Durability::OnAppend,
            exclusion: Exclusion::Fence,
            blocks: false,
            snapshots: false,
            append_unit: 1,
            max_record_len: RECORD_LEN_MAX,
        }
    }

    async fn create_store(&self, at: &StoreLocation) -> Result<LateStore> {
        let failed = |kind| StoreError::new(kind, Operation::CreateStore, at.as_str());
        let absent = |row: &Row| if row.records.is_some() { Err(ErrorKind::Exists) } else { Ok(()) };
        let row = self.put_next(at.as_str(), CREATION, absent).await.map_err(failed)?;
        Ok(self.handle(at.as_str(), Row { records: Some(Vec::new()), ..row }))
    }

    async fn open_store(&self, at: &StoreLocation) -> Result<LateStore> {
        let failed = |kind| StoreError::new(kind, Operation::OpenStore, at.as_str());
        let there = |row: &Row| if row.records.is_none() { Err(ErrorKind::NotFound) } else { Ok(()) };
        let row = if self.bug == Bug::Unclaimed {
            let row = self.row(at.as_str()).await.map_err(|()| failed(ErrorKind::Io))?;
            there(&row).map_err(failed)?;
            row
        } else {
            self.put_next(at.as_str(), CLAIM, there).await.map_err(failed)?
        };
        Ok(self.handle(at.as_str(), row))
    }

    async fn destroy_store(&self, at: &StoreLocation) -> Result<()> {
        let failed = |kind| StoreError::new(kind, Operation::DestroyStore, at.as_str());
        if self.has_open(at.as_str()) {
            return Err(failed(ErrorKind::ConcurrentModification));
        }
        // Where there is no store, one may be on its way, and must not come once that was said.
        let row = self.put_next(at.as_str(), DESTRUCTION, |_| Ok(())).await.map_err(failed)?;
        row.records.map(drop).ok_or_else(|| failed(ErrorKind::NotFound))
    }

    /// Counts how often it was asked.
    async fn now(&self) -> Result<HostTime> {
        let at = "/root/clock";
        let failed = |kind| StoreError::new(kind, Operation::Now, at);
        let row = self.put_next(at, CLAIM, |_| Ok(())).await.map_err(failed)?;
        Ok(HostTime(row.next))
    }

    async fn identity(&self) -> Result<HostIdentity> {
        let at = "/root/identity";
        let failed = |()| StoreError::new(ErrorKind::Io, Operation::Identity, at);
        let drawn = self.env.random_u64().to_le_bytes().to_vec();
        self.cells.put_new(at.to_owned(), drawn).await.map_err(failed)?;
        let bytes = self.cells.get(at.to_owned()).await.map_err(failed)?.ok_or(()).map_err(failed)?;
        let number = bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Ok(HostIdentity::new(format!("{number:016x}")))
    }
}

#[derive(Debug)]
struct Log {
    /// The place that the next record is put at.
    next: u64,
    records: Vec<Vec<u8>>,
}

/// A handle to a store on cells.
#[derive(Debug)]
struct LateStore {
    cells: SimCells,
    bug: Bug,
    location: String,
    gate: Gate,
    log: Mutex<Log>,
    /// It does not know any more what stands there.
    unsure: AtomicBool,
    /// Somebody else has opened the store since.
    fenced: AtomicBool,
    closed: Arc<AtomicBool>,
}

impl LateStore {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("nothing panics while it is held")
    }

    fn failed(&self, kind: ErrorKind, operation: Operation) -> StoreError {
        StoreError::new(kind, operation, self.location.as_str())
    }

    async fn enter(&self, operation: Operation) -> Result<Pass<'_>> {
        let pass = self.gate.enter().await;
        if self.fenced.load(Ordering::Relaxed) {
            return Err(self.failed(ErrorKind::ConcurrentModification, operation));
        }
        if self.closed.load(Ordering::Relaxed) || self.unsure.load(Ordering::Relaxed) {
            return Err(self.failed(ErrorKind::Closed, operation));
        }
        Ok(pass)
    }

    async fn add(&self, record: &[u8], expected: Option<LogSeq>) -> Result<LogSeq> {
        let _pass = self.enter(Operation::Append).await?;
        if record.len() > RECORD_LEN_MAX as usize {
            return Err(self.failed(ErrorKind::TooLarge, Operation::Append));
        }
        let seq = LogSeq(self.log().records.len() as u64 + 1);
        if expected.is_some_and(|expected| expected != seq) {
            return Err(self.failed(ErrorKind::ConcurrentModification, Operation::Append));
        }
        let entry = [&[RECORD][..], record].concat();
        // Until it is known what came of the put, nobody works on.
        self.unsure.store(true, Ordering::Relaxed);
        if !self.put(entry).await? {
            self.fenced.store(true, Ordering::Relaxed);
            return Err(self.failed(ErrorKind::ConcurrentModification, Operation::Append));
        }
        self.unsure.store(false, Ordering::Relaxed);
        self.log().records.push(record.to_vec());
        Ok(seq)
    }

    /// Puts an entry at the next place. False if somebody else has put one there.
    async fn put(&self, entry: Vec<u8>) -> Result<bool> {
        let failed = |()| self.failed(ErrorKind::Io, Operation::Append);
        for _ in 0..PLACES_MAX {
            let next = place(&self.location, self.log().next);
            self.log().next += 1;
            let put = self.cells.put_new(next.clone(), entry.clone());
            if self.bug == Bug::Forgotten {
                // It is polled once, and dropped.
                let mut put = std::pin::pin!(put);
                let once = std::future::poll_fn(|context| {
                    let _ = put.as_mut().poll(context);
                    std::task::Poll::Ready(())
                });
                once.await;
                return Ok(true);
            }
            if put.await.map_err(failed)? {
                return Ok(true);
            }
            if self.bug != Bug::Unclaimed {
                return Ok(false);
            }
            // Somebody's record stands there: it is taken for one of the log's.
            let there = self.cells.get(next).await.map_err(failed)?;
            self.log()
                .records
                .extend(there.iter().filter_map(|entry| entry.strip_prefix(&[RECORD])).map(Vec::from));
        }
        unreachable!("somebody is always faster")
    }

    async fn last(&self, operation: Operation) -> Result<LogSeq> {
        let _pass = self.enter(operation).await?;
        Ok(LogSeq(self.log().records.len() as u64))
    }
}

impl Store for LateStore {
    async fn append(&self, record: &[u8]) -> Result<LogSeq> {
        self.add(record, None).await
    }

    async fn append_if(&self, expected_next: LogSeq, record: &[u8]) -> Result<LogSeq> {
        self.add(record, Some(expected_next)).await
    }

    async fn flush(&self) -> Result<LogSeq> {
        self.last(Operation::Flush).await
    }

    async fn durable_upto(&self) -> Result<LogSeq> {
        self.last(Operation::DurableUpto).await
    }

    async fn read(&self, from: LogSeq, limit: usize) -> Result<Vec<Record>> {
        let _pass = self.enter(Operation::Read).await?;
        let log = self.log();
        let numbered = (1..).zip(&log.records).filter(|(seq, _)| *seq >= from.0);
        Ok(numbered.take(limit).map(|(seq, data)| Record { seq: LogSeq(seq), data: data.clone() }).collect())
    }

    async fn close(&self) -> Result<()> {
        let _pass = self.gate.enter().await;
        self.closed.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn append_unit(&self) -> u32 {
        1
    }
}
