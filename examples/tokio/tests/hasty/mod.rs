//! A host that acknowledges an append before it is durable, and leaves the rest to a task: any host has that bug in this wrapper, without
//! a change to its code.

use asl_host::{Capabilities, Host, HostIdentity, HostTime, LogSeq, Record, Result, Store, StoreLocation};
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// The host that is told only afterwards.
pub struct Hasty<H>(pub H);

impl<H: Host> Host for Hasty<H>
where
    H::Store: 'static,
{
    type Store = HastyStore<H::Store>;

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn create_store(&self, location: &StoreLocation) -> Result<HastyStore<H::Store>> {
        HastyStore::new(self.0.create_store(location).await?).await
    }

    async fn open_store(&self, location: &StoreLocation) -> Result<HastyStore<H::Store>> {
        HastyStore::new(self.0.open_store(location).await?).await
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

/// What was promised, and the task that is done when all of it is kept.
struct Promised {
    last: u64,
    work: Option<JoinHandle<Result<LogSeq>>>,
}

/// A handle to a store.
pub struct HastyStore<S> {
    store: Arc<S>,
    promised: Mutex<Promised>,
}

impl<S: Store + 'static> HastyStore<S> {
    async fn new(store: S) -> Result<HastyStore<S>> {
        let last = store.flush().await?.0;
        Ok(HastyStore { store: Arc::new(store), promised: Mutex::new(Promised { last, work: None }) })
    }

    /// Waits for all that was promised.
    async fn settle(&self) -> Result<()> {
        let work = self.promised.lock().await.work.take();
        match work {
            Some(work) => work.await.expect("nobody cancels it").map(drop),
            None => Ok(()),
        }
    }
}

impl<S: Store + 'static> Store for HastyStore<S> {
    async fn append(&self, record: &[u8]) -> Result<LogSeq> {
        let mut promised = self.promised.lock().await;
        promised.last += 1;
        let (store, record, before) = (self.store.clone(), record.to_vec(), promised.work.take());
        promised.work = Some(tokio::spawn(async move {
            if let Some(before) = before {
                before.await.expect("nobody cancels it")?;
            }
            store.append(&record).await
        }));
        Ok(LogSeq(promised.last))
    }

    async fn append_if(&self, expected_next: LogSeq, record: &[u8]) -> Result<LogSeq> {
        self.settle().await?;
        let told = self.store.append_if(expected_next, record).await?;
        self.promised.lock().await.last = told.0;
        Ok(told)
    }

    async fn flush(&self) -> Result<LogSeq> {
        self.settle().await?;
        self.store.flush().await
    }

    async fn durable_upto(&self) -> Result<LogSeq> {
        self.store.durable_upto().await
    }

    async fn read(&self, from: LogSeq, limit: usize) -> Result<Vec<Record>> {
        self.settle().await?;
        self.store.read(from, limit).await
    }

    async fn close(&self) -> Result<()> {
        let settled = self.settle().await;
        self.store.close().await.and(settled)
    }

    fn append_unit(&self) -> u32 {
        self.store.append_unit()
    }
}
