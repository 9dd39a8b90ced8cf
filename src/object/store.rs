//! The handle to an open store in a bucket: the operations of the contract on top of the sequence, the log and blocks.
//!
//! A mounted snapshot is a number of records and the blocks that were sealed when its entry was put; it reads the same objects.

use super::blocks::Blocks;
use super::entry::{Block, What};
use super::log::Log;
use super::requests::{Failure, Requests};
use super::sequence::{Names, State};
use crate::env::Env;
use crate::error::{ErrorKind, Operation, Result, StoreError};
use crate::host::{BlockId, LogSeq, Record, SnapshotId, Store};
use object_store::ObjectStore;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A handle to a store in a bucket.
#[derive(Debug)]
pub struct ObjectHandle<S: ObjectStore, E: Env> {
    inner: Arc<Inner<S, E>>,
    /// What a mounted snapshot shows; a writer has none.
    view: Option<View>,
}

#[derive(Debug)]
struct Inner<S: ObjectStore, E> {
    requests: Arc<Requests<S, E>>,
    location: String,
    names: Names,
    log: Log,
    blocks: Blocks,
    /// Whether the writer was closed; shared with the host, which refuses to destroy what its own process has open.
    closed: Arc<AtomicBool>,
}

#[derive(Debug)]
struct View {
    records: u64,
    blocks: BTreeMap<String, Block>,
    made: u64,
    last: u64,
    closed: AtomicBool,
}

/// Which records there are, and among which entries they stand.
struct Extent {
    records: u64,
    made: u64,
    last: u64,
}

impl<S: ObjectStore, E: Env> ObjectHandle<S, E> {
    pub(super) fn writer(
        requests: Arc<Requests<S, E>>,
        location: &str,
        names: Names,
        state: State,
        closed: Arc<AtomicBool>,
    ) -> ObjectHandle<S, E> {
        let (blocks, log) = (Blocks::new(state.last), Log::new(state));
        let inner = Inner { requests, location: location.to_owned(), names, log, blocks, closed };
        ObjectHandle { inner: Arc::new(inner), view: None }
    }

    fn failed(&self, operation: Operation) -> impl Fn(Failure) -> StoreError + '_ {
        move |failure| failure.in_operation(operation, &self.inner.location)
    }

    fn error(&self, kind: ErrorKind, operation: Operation) -> StoreError {
        StoreError::new(kind, operation, self.inner.location.as_str())
    }

    /// What a view shows; of a writer nothing, after making sure that it is open.
    fn view(&self, operation: Operation) -> Result<Option<&View>> {
        let closed = self.view.as_ref().map_or(&*self.inner.closed, |view| &view.closed);
        if closed.load(Ordering::Relaxed) {
            return Err(self.error(ErrorKind::Closed, operation));
        }
        Ok(self.view.as_ref())
    }

    fn writable(&self, operation: Operation) -> Result<()> {
        match self.view(operation)? {
            Some(_) => {
                Err(self.error(ErrorKind::ReadOnly, operation).with_detail("this is a mounted snapshot"))
            }
            None => Ok(()),
        }
    }

    /// Looks at what the sequence has come to, for its writer.
    async fn look<T>(&self, operation: Operation, look: impl FnOnce(&State) -> T + Send) -> Result<T> {
        let Inner { log, requests, names, .. } = &*self.inner;
        log.settled(requests, names, look).await.map_err(self.failed(operation))
    }

    async fn put(
        &self,
        operation: Operation,
        what: What,
        is_wanted: impl Fn(&State) -> std::result::Result<(), ErrorKind> + Send,
    ) -> Result<u64> {
        let Inner { log, requests, names, .. } = &*self.inner;
        log.put(requests, names, what, is_wanted).await.map_err(self.failed(operation))
    }

    async fn append_expecting(&self, expected: Option<LogSeq>, record: &[u8]) -> Result<LogSeq> {
        let operation = Operation::Append;
        self.writable(operation)?;
        let Inner { log, requests, names, .. } = &*self.inner;
        let max = requests.options.record_len_max;
        if record.len() as u64 > u64::from(max) {
            let detail = format!("{} bytes, at most {max}", record.len());
            return Err(self.error(ErrorKind::TooLarge, operation).with_detail(detail));
        }
        let appended = log.append(requests, names, record, expected.map(|seq| seq.0)).await;
        appended.map(LogSeq).map_err(self.failed(operation))
    }

    async fn extent(&self, operation: Operation) -> Result<Extent> {
        if let Some(view) = self.view(operation)? {
            return Ok(Extent { records: view.records, made: view.made, last: view.last });
        }
        let (made, records, last) =
            self.look(operation, |state| (state.made, state.records, state.last)).await?;
        self.view(operation)?;
        let made = made.ok_or_else(|| self.error(ErrorKind::NotFound, operation))?;
        Ok(Extent { records, made, last })
    }

    /// The number of the last entry that begins at this record or before: found by halving, with a read each time.
    async fn entry_with(&self, record: u64, extent: &Extent) -> std::result::Result<u64, Failure> {
        let Inner { requests, names, .. } = &*self.inner;
        let (mut low, mut high) = (extent.made, extent.last + 1);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if requests.first_of(names, middle).await? <= record {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    async fn read_from(
        &self,
        from: u64,
        limit: usize,
        extent: &Extent,
    ) -> std::result::Result<Vec<Record>, Failure> {
        let Inner { requests, names, .. } = &*self.inner;
        let mut records = Vec::new();
        if from > extent.records || limit == 0 {
            return Ok(records);
        }
        let mut number = self.entry_with(from, extent).await?;
        let wanted = (extent.records - from + 1).min(limit as u64);
        while (records.len() as u64) < wanted {
            if number > extent.last {
                return Err(Failure::new(ErrorKind::Corrupt, "the log ends before its last record"));
            }
            let entry = requests.entry(names, number).await?;
            if let What::Batch(batch) = entry.what {
                let numbered = (entry.first..).zip(batch).filter(|(seq, _)| *seq >= from);
                let left = (wanted - records.len() as u64) as usize;
                records.extend(numbered.take(left).map(|(seq, data)| Record { seq: LogSeq(seq), data }));
            }
            number += 1;
        }
        Ok(records)
    }

    fn no_block(&self, operation: Operation, block: &BlockId) -> StoreError {
        self.error(ErrorKind::NotFound, operation).with_detail(format!("block {block}"))
    }

    /// The number of a snapshot that is there.
    fn snapshot(&self, operation: Operation, snapshot: &SnapshotId, state: &State) -> Result<u64> {
        let number = snapshot.as_str().parse().ok().filter(|number| state.snapshots.contains_key(number));
        let missing =
            || self.error(ErrorKind::NotFound, operation).with_detail(format!("snapshot {snapshot}"));
        number.filter(|number| snapshot_id(*number) == *snapshot).ok_or_else(missing)
    }
}

fn snapshot_id(number: u64) -> SnapshotId {
    SnapshotId::new(format!("{number:020}"))
}

impl<S: ObjectStore, E: Env> Store for ObjectHandle<S, E> {
    async fn append(&self, record: &[u8]) -> Result<LogSeq> {
        self.append_expecting(None, record).await
    }

    async fn append_if(&self, expected_next: LogSeq, record: &[u8]) -> Result<LogSeq> {
        self.append_expecting(Some(expected_next), record).await
    }

    /// It does nothing beyond checking that the handle works: what is acknowledged is durable.
    async fn flush(&self) -> Result<LogSeq> {
        self.writable(Operation::Flush)?;
        self.look(Operation::Flush, |state| LogSeq(state.records)).await
    }

    async fn durable_upto(&self) -> Result<LogSeq> {
        Ok(LogSeq(self.extent(Operation::DurableUpto).await?.records))
    }

    async fn read(&self, from: LogSeq, limit: usize) -> Result<Vec<Record>> {
        let extent = self.extent(Operation::Read).await?;
        self.read_from(from.0.max(1), limit, &extent).await.map_err(self.failed(Operation::Read))
    }

    async fn close(&self) -> Result<()> {
        let Inner { log, requests, names, .. } = &*self.inner;
        let closed =
            self.view(Operation::Close).map(|view| view.map_or(&*self.inner.closed, |view| &view.closed))?;
        let settled = if self.view.is_none() { log.settled(requests, names, |_| ()).await } else { Ok(()) };
        closed.store(true, Ordering::Relaxed);
        if self.view.is_none() {
            log.refuse(ErrorKind::Closed);
        }
        settled.map_err(self.failed(Operation::Close))
    }

    async fn create_block(&self) -> Result<BlockId> {
        self.writable(Operation::CreateBlock)?;
        // A handle that refuses work makes no blocks either.
        self.look(Operation::CreateBlock, |_| ()).await?;
        Ok(BlockId::new(self.inner.blocks.create(&self.inner.requests)))
    }

    async fn write_block(&self, block: &BlockId, data: &[u8]) -> Result<()> {
        let operation = Operation::WriteBlock;
        self.writable(operation)?;
        let Inner { requests, names, blocks, .. } = &*self.inner;
        if self.look(operation, |state| state.blocks.contains_key(block.as_str())).await? {
            return Err(self.error(ErrorKind::ReadOnly, operation).with_detail("the block is sealed"));
        }
        let written = blocks.write(requests, names, block.as_str(), data).await;
        written.map_err(self.failed(operation))
    }

    async fn seal_block(&self, block: &BlockId) -> Result<()> {
        let operation = Operation::SealBlock;
        self.writable(operation)?;
        let Inner { requests, names, blocks, .. } = &*self.inner;
        if self.look(operation, |state| state.blocks.contains_key(block.as_str())).await? {
            return Err(self.error(ErrorKind::ReadOnly, operation).with_detail("the block is sealed"));
        }
        let whole = blocks.finish(requests, names, block.as_str()).await.map_err(self.failed(operation))?;
        let is_new = |state: &State| {
            if state.blocks.contains_key(&whole.name) { Err(ErrorKind::ReadOnly) } else { Ok(()) }
        };
        self.put(operation, What::Sealed(whole.clone()), is_new).await?;
        blocks.forget(requests, names, block.as_str()).await;
        Ok(())
    }

    async fn read_block(&self, block: &BlockId) -> Result<Vec<u8>> {
        let operation = Operation::ReadBlock;
        let Inner { requests, names, blocks, .. } = &*self.inner;
        let sealed = match self.view(operation)? {
            Some(view) => Some(
                view.blocks.get(block.as_str()).cloned().ok_or_else(|| self.no_block(operation, block))?,
            ),
            None => self.look(operation, |state| state.sealed(block.as_str())).await?,
        };
        let read = match sealed {
            Some(sealed) => blocks.read(requests, names, &sealed).await,
            None => blocks.read_open(requests, names, block.as_str()).await,
        };
        read.map_err(self.failed(operation))
    }

    async fn list_blocks(&self) -> Result<Vec<BlockId>> {
        if let Some(view) = self.view(Operation::ListBlocks)? {
            return Ok(view.blocks.keys().map(BlockId::new).collect());
        }
        self.look(Operation::ListBlocks, |state| state.blocks.keys().map(BlockId::new).collect()).await
    }

    async fn create_snapshot(&self) -> Result<SnapshotId> {
        self.writable(Operation::CreateSnapshot)?;
        self.put(Operation::CreateSnapshot, What::Snapshot, |_| Ok(())).await.map(snapshot_id)
    }

    async fn mount_snapshot(&self, snapshot: &SnapshotId) -> Result<ObjectHandle<S, E>> {
        let operation = Operation::MountSnapshot;
        self.writable(operation)?;
        let state = self.look(operation, State::clone).await?;
        let number = self.snapshot(operation, snapshot, &state)?;
        let then = state.blocks.into_iter().filter(|(_, (sealed, _))| *sealed < number);
        let view = View {
            records: state.snapshots[&number],
            blocks: then.map(|(name, (_, block))| (name, block)).collect(),
            made: state.made.ok_or_else(|| self.error(ErrorKind::NotFound, operation))?,
            last: number,
            closed: AtomicBool::new(false),
        };
        Ok(ObjectHandle { inner: self.inner.clone(), view: Some(view) })
    }

    async fn list_snapshots(&self) -> Result<Vec<SnapshotId>> {
        self.writable(Operation::ListSnapshots)?;
        let all = |state: &State| state.snapshots.keys().copied().map(snapshot_id).collect();
        self.look(Operation::ListSnapshots, all).await
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Result<()> {
        let operation = Operation::DeleteSnapshot;
        self.writable(operation)?;
        let number = self.look(operation, |state| self.snapshot(operation, snapshot, state)).await??;
        let is_there = |state: &State| {
            if state.snapshots.contains_key(&number) { Ok(()) } else { Err(ErrorKind::NotFound) }
        };
        self.put(operation, What::SnapshotDeleted(number), is_there).await.map(drop)
    }

    /// A batch is an object, of any length.
    fn append_unit(&self) -> u32 {
        1
    }
}
