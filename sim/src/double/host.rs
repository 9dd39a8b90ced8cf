//! The host that a store under test sees: the target's, with its calls counted and one of them perhaps refused.
//!
//! Nothing else is done here: crashes, failing calls and full disks come from below the target's host.

use super::refusal::{Calls, Form, is_write};
use crate::hosts::{AnyHost, AnyStore};
use asl_host::{
    BlockId, Capabilities, ErrorKind, Exclusion, Host, HostIdentity, HostTime, LogSeq, Operation, Record,
    Result, SnapshotId, Store, StoreError, StoreLocation,
};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex};

/// A host in one process of the double's world.
pub struct DoubleHost {
    below: Box<dyn AnyHost>,
    calls: Arc<Calls>,
}

/// A store of a [`DoubleHost`].
pub struct DoubleStore {
    below: Arc<dyn AnyStore>,
    calls: Arc<Calls>,
    /// What the handle answers with since it was refused something.
    lost: Mutex<Option<ErrorKind>>,
}

impl fmt::Debug for DoubleHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DoubleHost").field("calls", &self.calls).finish_non_exhaustive()
    }
}

impl fmt::Debug for DoubleStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DoubleStore").field("lost", &self.lost).finish_non_exhaustive()
    }
}

fn refused(kind: ErrorKind, operation: Operation) -> StoreError {
    StoreError::new(kind, operation, "the double").with_detail("refused, to see what the store does")
}

impl DoubleHost {
    pub(super) fn new(below: Box<dyn AnyHost>, calls: Arc<Calls>) -> DoubleHost {
        DoubleHost { below, calls }
    }

    async fn ask<T>(&self, operation: Operation, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let Some(form) = self.calls.turn(operation) else { return call.await };
        if form.is_done() {
            call.await?;
        }
        Err(refused(form.kind(), operation))
    }

    fn store(&self, below: Arc<dyn AnyStore>) -> DoubleStore {
        DoubleStore { below, calls: self.calls.clone(), lost: Mutex::new(None) }
    }
}

impl Host for DoubleHost {
    type Store = DoubleStore;

    fn capabilities(&self) -> Capabilities {
        let capabilities = self.below.capabilities();
        let exclusion = if self.calls.may_fence() { Exclusion::Fence } else { capabilities.exclusion };
        Capabilities { exclusion, ..capabilities }
    }

    async fn create_store(&self, location: &StoreLocation) -> Result<DoubleStore> {
        let created = self.ask(Operation::CreateStore, self.below.create_store(location)).await?;
        Ok(self.store(created))
    }

    async fn open_store(&self, location: &StoreLocation) -> Result<DoubleStore> {
        let opened = self.ask(Operation::OpenStore, self.below.open_store(location)).await?;
        Ok(self.store(opened))
    }

    async fn destroy_store(&self, location: &StoreLocation) -> Result<()> {
        self.ask(Operation::DestroyStore, self.below.destroy_store(location)).await
    }

    async fn now(&self) -> Result<HostTime> {
        self.ask(Operation::Now, self.below.now()).await
    }

    async fn identity(&self) -> Result<HostIdentity> {
        self.ask(Operation::Identity, self.below.identity()).await
    }
}

impl DoubleStore {
    async fn ask<T>(&self, operation: Operation, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        if let Some(kind) = self.lost(operation) {
            return Err(refused(kind, operation));
        }
        let Some(form) = self.calls.turn(operation) else { return call.await };
        *self.lost.lock().expect("nothing panics while it is held") = match form {
            Form::IoClosed => Some(ErrorKind::Closed),
            Form::Concurrent => Some(ErrorKind::ConcurrentModification),
            Form::Io | Form::IoDone | Form::NoSpace => None,
        };
        if form.is_done() {
            call.await?;
        }
        Err(refused(form.kind(), operation))
    }

    /// What a lost handle answers with. It can be closed all the same, or the store could never be opened again.
    fn lost(&self, operation: Operation) -> Option<ErrorKind> {
        let lost = *self.lost.lock().expect("nothing panics while it is held");
        lost.filter(|&kind| match kind {
            ErrorKind::ConcurrentModification => is_write(operation),
            _ => operation != Operation::Close,
        })
    }
}

impl Store for DoubleStore {
    async fn append(&self, record: &[u8]) -> Result<LogSeq> {
        self.ask(Operation::Append, self.below.append(record)).await
    }

    async fn append_if(&self, expected_next: LogSeq, record: &[u8]) -> Result<LogSeq> {
        self.ask(Operation::Append, self.below.append_if(expected_next, record)).await
    }

    async fn flush(&self) -> Result<LogSeq> {
        self.ask(Operation::Flush, self.below.flush()).await
    }

    async fn durable_upto(&self) -> Result<LogSeq> {
        self.ask(Operation::DurableUpto, self.below.durable_upto()).await
    }

    async fn read(&self, from: LogSeq, limit: usize) -> Result<Vec<Record>> {
        self.ask(Operation::Read, self.below.read(from, limit)).await
    }

    async fn close(&self) -> Result<()> {
        self.ask(Operation::Close, self.below.close()).await
    }

    async fn create_block(&self) -> Result<BlockId> {
        self.ask(Operation::CreateBlock, self.below.create_block()).await
    }

    async fn write_block(&self, block: &BlockId, data: &[u8]) -> Result<()> {
        // All at once, or in two halves: a write that is refused although it was done is done by half.
        let (first, second) = data.split_at(data.len() / 2);
        self.ask(Operation::WriteBlock, self.below.write_block(block, first)).await?;
        self.below.write_block(block, second).await
    }

    async fn seal_block(&self, block: &BlockId) -> Result<()> {
        self.ask(Operation::SealBlock, self.below.seal_block(block)).await
    }

    async fn read_block(&self, block: &BlockId) -> Result<Vec<u8>> {
        self.ask(Operation::ReadBlock, self.below.read_block(block)).await
    }

    async fn list_blocks(&self) -> Result<Vec<BlockId>> {
        self.ask(Operation::ListBlocks, self.below.list_blocks()).await
    }

    async fn create_snapshot(&self) -> Result<SnapshotId> {
        self.ask(Operation::CreateSnapshot, self.below.create_snapshot()).await
    }

    async fn mount_snapshot(&self, snapshot: &SnapshotId) -> Result<DoubleStore> {
        let mounted = self.ask(Operation::MountSnapshot, self.below.mount_snapshot(snapshot)).await?;
        Ok(DoubleStore { below: mounted, calls: self.calls.clone(), lost: Mutex::new(None) })
    }

    async fn list_snapshots(&self) -> Result<Vec<SnapshotId>> {
        self.ask(Operation::ListSnapshots, self.below.list_snapshots()).await
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Result<()> {
        self.ask(Operation::DeleteSnapshot, self.below.delete_snapshot(snapshot)).await
    }

    fn append_unit(&self) -> u32 {
        self.below.append_unit()
    }
}
