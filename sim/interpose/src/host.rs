//! The host under test, each of whose operations is polled in the scope of its world, with locations moved below [`ROOT`].

use crate::ROOT;
use crate::scope::{Inside, Scope, enter};
use asl_host::{
    BlockId, Capabilities, Host, HostIdentity, HostTime, LogSeq, Record, Result, SnapshotId, Store,
    StoreLocation,
};
use std::sync::Arc;

/// A host whose file calls are led into a world.
#[derive(Debug)]
pub(crate) struct Interposed<H> {
    /// `None` once it is dropped, which happens in the scope.
    inner: Option<H>,
    scope: Arc<Scope>,
}

impl<H> Interposed<H> {
    pub(crate) fn new(inner: H, scope: Arc<Scope>) -> Interposed<H> {
        Interposed { inner: Some(inner), scope }
    }

    fn inner(&self) -> &H {
        self.inner.as_ref().expect("it is there until it is dropped")
    }
}

impl<H> Drop for Interposed<H> {
    fn drop(&mut self) {
        let _entered = enter(Some(self.scope.clone()));
        self.inner = None;
    }
}

fn moved(location: &StoreLocation) -> StoreLocation {
    StoreLocation::new(format!("{ROOT}{}", location.as_str()))
}

impl<H: Host> Host for Interposed<H> {
    type Store = Interposed<H::Store>;

    fn capabilities(&self) -> Capabilities {
        self.inner().capabilities()
    }

    async fn create_store(&self, location: &StoreLocation) -> Result<Self::Store> {
        let location = moved(location);
        let created = Inside::new(&self.scope, self.inner().create_store(&location)).await?;
        Ok(Interposed::new(created, self.scope.clone()))
    }

    async fn open_store(&self, location: &StoreLocation) -> Result<Self::Store> {
        let location = moved(location);
        let opened = Inside::new(&self.scope, self.inner().open_store(&location)).await?;
        Ok(Interposed::new(opened, self.scope.clone()))
    }

    async fn destroy_store(&self, location: &StoreLocation) -> Result<()> {
        let location = moved(location);
        Inside::new(&self.scope, self.inner().destroy_store(&location)).await
    }

    async fn now(&self) -> Result<HostTime> {
        Inside::new(&self.scope, self.inner().now()).await
    }

    async fn identity(&self) -> Result<HostIdentity> {
        Inside::new(&self.scope, self.inner().identity()).await
    }
}

impl<S: Store> Store for Interposed<S> {
    async fn append(&self, record: &[u8]) -> Result<LogSeq> {
        Inside::new(&self.scope, self.inner().append(record)).await
    }

    async fn append_if(&self, expected_next: LogSeq, record: &[u8]) -> Result<LogSeq> {
        Inside::new(&self.scope, self.inner().append_if(expected_next, record)).await
    }

    async fn flush(&self) -> Result<LogSeq> {
        Inside::new(&self.scope, self.inner().flush()).await
    }

    async fn durable_upto(&self) -> Result<LogSeq> {
        Inside::new(&self.scope, self.inner().durable_upto()).await
    }

    async fn read(&self, from: LogSeq, limit: usize) -> Result<Vec<Record>> {
        Inside::new(&self.scope, self.inner().read(from, limit)).await
    }

    async fn close(&self) -> Result<()> {
        Inside::new(&self.scope, self.inner().close()).await
    }

    async fn create_block(&self) -> Result<BlockId> {
        Inside::new(&self.scope, self.inner().create_block()).await
    }

    async fn write_block(&self, block: &BlockId, data: &[u8]) -> Result<()> {
        Inside::new(&self.scope, self.inner().write_block(block, data)).await
    }

    async fn seal_block(&self, block: &BlockId) -> Result<()> {
        Inside::new(&self.scope, self.inner().seal_block(block)).await
    }

    async fn read_block(&self, block: &BlockId) -> Result<Vec<u8>> {
        Inside::new(&self.scope, self.inner().read_block(block)).await
    }

    async fn list_blocks(&self) -> Result<Vec<BlockId>> {
        Inside::new(&self.scope, self.inner().list_blocks()).await
    }

    async fn create_snapshot(&self) -> Result<SnapshotId> {
        Inside::new(&self.scope, self.inner().create_snapshot()).await
    }

    async fn mount_snapshot(&self, snapshot: &SnapshotId) -> Result<Self> {
        let mounted = Inside::new(&self.scope, self.inner().mount_snapshot(snapshot)).await?;
        Ok(Interposed::new(mounted, self.scope.clone()))
    }

    async fn list_snapshots(&self) -> Result<Vec<SnapshotId>> {
        Inside::new(&self.scope, self.inner().list_snapshots()).await
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Result<()> {
        Inside::new(&self.scope, self.inner().delete_snapshot(snapshot)).await
    }

    fn append_unit(&self) -> u32 {
        self.inner().append_unit()
    }
}
