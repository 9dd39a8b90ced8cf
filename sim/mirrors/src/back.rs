//! The way back: hosts and stores behind the object-safe mirrors, as implementations of the contract's traits. What is
//! written for any [`Host`], such as the cases of the contract, runs on a target without knowing its type.

use super::host::{AnyHost, SharedStore};
use asl_host::{
    BlockId, Capabilities, Host, HostIdentity, HostTime, LogSeq, Record, Result, SnapshotId, Store,
    StoreLocation,
};
use std::fmt;

/// A host whose type is not known.
pub struct BoxedHost(Box<dyn AnyHost>);

/// A store whose type is not known.
pub struct BoxedStore(SharedStore);

impl fmt::Debug for BoxedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxedHost")
    }
}

impl fmt::Debug for BoxedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxedStore")
    }
}

impl BoxedHost {
    /// This one.
    pub fn new(host: Box<dyn AnyHost>) -> BoxedHost {
        BoxedHost(host)
    }
}

impl Host for BoxedHost {
    type Store = BoxedStore;

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn create_store(&self, location: &StoreLocation) -> Result<BoxedStore> {
        self.0.create_store(location).await.map(BoxedStore)
    }

    async fn open_store(&self, location: &StoreLocation) -> Result<BoxedStore> {
        self.0.open_store(location).await.map(BoxedStore)
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

impl Store for BoxedStore {
    async fn append(&self, record: &[u8]) -> Result<LogSeq> {
        self.0.append(record).await
    }

    async fn append_if(&self, expected_next: LogSeq, record: &[u8]) -> Result<LogSeq> {
        self.0.append_if(expected_next, record).await
    }

    async fn flush(&self) -> Result<LogSeq> {
        self.0.flush().await
    }

    async fn durable_upto(&self) -> Result<LogSeq> {
        self.0.durable_upto().await
    }

    async fn read(&self, from: LogSeq, limit: usize) -> Result<Vec<Record>> {
        self.0.read(from, limit).await
    }

    async fn close(&self) -> Result<()> {
        self.0.close().await
    }

    async fn create_block(&self) -> Result<BlockId> {
        self.0.create_block().await
    }

    async fn write_block(&self, block: &BlockId, data: &[u8]) -> Result<()> {
        self.0.write_block(block, data).await
    }

    async fn seal_block(&self, block: &BlockId) -> Result<()> {
        self.0.seal_block(block).await
    }

    async fn read_block(&self, block: &BlockId) -> Result<Vec<u8>> {
        self.0.read_block(block).await
    }

    async fn list_blocks(&self) -> Result<Vec<BlockId>> {
        self.0.list_blocks().await
    }

    async fn create_snapshot(&self) -> Result<SnapshotId> {
        self.0.create_snapshot().await
    }

    async fn mount_snapshot(&self, snapshot: &SnapshotId) -> Result<BoxedStore> {
        self.0.mount_snapshot(snapshot).await.map(BoxedStore)
    }

    async fn list_snapshots(&self) -> Result<Vec<SnapshotId>> {
        self.0.list_snapshots().await
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Result<()> {
        self.0.delete_snapshot(snapshot).await
    }

    fn append_unit(&self) -> u32 {
        self.0.append_unit()
    }
}
