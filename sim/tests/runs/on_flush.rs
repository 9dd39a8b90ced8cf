//! What the oracle makes of hosts that are durable on flush: a small one of its own kind that keeps what it has acknowledged
//! in memory, right and with one bug at a time.
//!
//! A host that writes late uses all the freedom that the contract gives it: a crash takes everything that was not flushed.
//! Nothing of that may be an alarm, and what goes beyond it must be one.

use asl_host::{
    Capabilities, Durability, ErrorKind, Host, HostIdentity, HostTime, LogSeq, Operation, PosixHost,
    PosixOptions, Record, Result, Store, StoreError, StoreLocation,
};
use asl_sim::decide::Decider;
use asl_sim::scenario::generate::{Wishes, generate};
use asl_sim::target::{Machine, Target};
use asl_sim::trial::trial;
use asl_sim::world::{SimEnv, SimFileSystem};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

type Inner = PosixHost<SimFileSystem, SimEnv>;

/// What is wrong with the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    None,
    /// A flush says that it is done, and has written nothing.
    FlushForgets,
    /// A long record goes past the buffer straight to the log, before the shorter ones that wait in it.
    LongRecordsOvertake,
    /// `durable_upto` gives the number of all records.
    CallsTooMuchDurable,
}

/// Acknowledges from memory, and writes to a host that is durable on append when it is told to flush.
struct WriteBack(Inner, Bug);

struct WriteBackStore {
    inner: <Inner as Host>::Store,
    records: Mutex<Vec<Vec<u8>>>,
    closed: AtomicBool,
    bug: Bug,
}

impl Host for WriteBack {
    type Store = WriteBackStore;

    fn capabilities(&self) -> Capabilities {
        let inner = self.0.capabilities();
        Capabilities { durability: Durability::OnFlush, blocks: false, snapshots: false, ..inner }
    }

    async fn create_store(&self, location: &StoreLocation) -> Result<WriteBackStore> {
        let inner = self.0.create_store(location).await?;
        Ok(WriteBackStore { inner, records: Mutex::default(), closed: AtomicBool::new(false), bug: self.1 })
    }

    async fn open_store(&self, location: &StoreLocation) -> Result<WriteBackStore> {
        let inner = self.0.open_store(location).await?;
        let records = inner.read(LogSeq::FIRST, usize::MAX).await?;
        let records = Mutex::new(records.into_iter().map(|record| record.data).collect());
        Ok(WriteBackStore { inner, records, closed: AtomicBool::new(false), bug: self.1 })
    }

    async fn destroy_store(&self, location: &StoreLocation) -> Result<()> {
        self.0.destroy_store(location).await
    }

    async fn now(&self) -> Result<HostTime> {
        self.0.now().await
    }

    async fn identity(&self) -> Result<HostIdentity> {
        self.0.identity().await
    }
}

impl WriteBackStore {
    fn records(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.records.lock().expect("nothing panics while holding it")
    }

    fn push(&self, expected: Option<LogSeq>, record: &[u8]) -> Result<LogSeq> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(StoreError::new(ErrorKind::Closed, Operation::Append, "memory"));
        }
        let mut records = self.records();
        let seq = LogSeq(records.len() as u64 + 1);
        if expected.is_some_and(|expected| expected != seq) {
            return Err(StoreError::new(ErrorKind::ConcurrentModification, Operation::Append, "memory"));
        }
        records.push(record.to_vec());
        Ok(seq)
    }

    async fn write_back(&self) -> Result<LogSeq> {
        let target = self.records().len() as u64;
        let mut next = self.inner.durable_upto().await?.next();
        while next.0 <= target {
            let record = self.records()[next.0 as usize - 1].clone();
            match self.inner.append_if(next, &record).await {
                // Another flush writes the same.
                Err(error) if error.kind() == ErrorKind::ConcurrentModification => {}
                written => drop(written?),
            }
            next = next.next();
        }
        self.inner.durable_upto().await
    }
}

impl Store for WriteBackStore {
    async fn append(&self, record: &[u8]) -> Result<LogSeq> {
        let seq = self.push(None, record)?;
        if self.bug == Bug::LongRecordsOvertake && record.len() > 60 {
            self.inner.append(record).await?;
        }
        Ok(seq)
    }

    async fn append_if(&self, expected_next: LogSeq, record: &[u8]) -> Result<LogSeq> {
        self.push(Some(expected_next), record)
    }

    async fn flush(&self) -> Result<LogSeq> {
        if self.bug == Bug::FlushForgets {
            return Ok(LogSeq(self.records().len() as u64));
        }
        self.write_back().await
    }

    async fn durable_upto(&self) -> Result<LogSeq> {
        if self.bug == Bug::CallsTooMuchDurable {
            return Ok(LogSeq(self.records().len() as u64));
        }
        self.inner.durable_upto().await
    }

    async fn read(&self, from: LogSeq, limit: usize) -> Result<Vec<Record>> {
        let numbered = (1..).map(LogSeq).zip(self.records().clone());
        let records = numbered.map(|(seq, data)| Record { seq, data });
        Ok(records.filter(|record| record.seq >= from).take(limit).collect())
    }

    async fn close(&self) -> Result<()> {
        self.closed.store(true, Ordering::Relaxed);
        let written = self.write_back().await;
        self.inner.close().await.and(written.map(|_| ()))
    }

    fn append_unit(&self) -> u32 {
        1
    }
}

fn target(bug: Bug) -> Target {
    Target::new("write-back", "acknowledges from memory", move |machine: &Machine<'_>| {
        WriteBack(
            PosixHost::with_seams(
                machine.file_system(),
                machine.env(),
                machine.root(),
                PosixOptions::default(),
            ),
            bug,
        )
    })
}

/// The primary invariants that this host breaks in so many runs, each once, in the order of the seeds.
fn broken(bug: Bug, runs: u64) -> Vec<String> {
    let target = target(bug);
    let capabilities = Capabilities {
        durability: Durability::OnFlush,
        exclusion: asl_host::Exclusion::Refuse,
        blocks: false,
        snapshots: false,
        append_unit: 1,
        max_record_len: 8 << 20,
    };
    let mut found = Vec::new();
    for seed in 0..runs {
        let scenario = Arc::new(generate(seed, &Wishes::default(), &capabilities));
        let trial = trial(&target, &scenario, &Decider::seeded(seed));
        let primary = trial.verdict.primary().map(|violation| violation.name().to_owned());
        found.extend(primary.filter(|name| !found.contains(name)));
    }
    found
}

#[test]
fn a_host_that_loses_no_more_than_it_may_is_right() {
    assert_eq!(broken(Bug::None, 3_000), [""; 0]);
}

#[test]
fn a_host_that_forgets_to_sync_when_it_flushes_is_caught() {
    let broken = broken(Bug::FlushForgets, 300);
    assert!(broken.contains(&"append-durable".to_owned()), "{broken:?}");
}

#[test]
fn a_host_that_loses_an_unflushed_record_from_before_another_is_caught() {
    let broken = broken(Bug::LongRecordsOvertake, 300);
    assert!(broken.contains(&"log-prefix".to_owned()), "{broken:?}");
}

#[test]
fn a_host_that_calls_durable_what_is_not_is_caught() {
    let broken = broken(Bug::CallsTooMuchDurable, 300);
    assert!(broken.contains(&"append-durable".to_owned()), "{broken:?}");
}
