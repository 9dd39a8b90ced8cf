//! A host on tokio: appends of many clients share one sync, which a background task makes when a timer says so. An example of what the
//! second runtime is for; `tests` is how it is tested.
//!
//! What is kept, and how, is [`own_host`]'s. An append is handed to the store's flusher, and acknowledged when the flusher has made
//! it durable. A host may have a [standby] in another node.

mod flusher;
pub mod standby;

use asl_host::env::Env;
use asl_host::fs::FileSystem;
use asl_host::{
    Capabilities, ErrorKind, Host, HostIdentity, HostTime, LogSeq, Operation, Record, Result, Store,
    StoreError, StoreLocation,
};
use flusher::{Ask, flusher};
use own_host::{OwnHost, OwnStore};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// The host.
pub struct TokioHost<F: FileSystem, E: Env> {
    host: OwnHost<F, E>,
    standby: Option<SocketAddr>,
}

impl<F: FileSystem, E: Env> TokioHost<F, E> {
    /// A host whose own files are below this directory, which exists.
    pub fn new(files: F, env: E, root: impl AsRef<Path>) -> TokioHost<F, E> {
        TokioHost { host: OwnHost::new(files, env, root), standby: None }
    }

    /// With a copy of every log on the standby that serves there.
    #[must_use]
    pub fn with_standby(self, standby: SocketAddr) -> TokioHost<F, E> {
        TokioHost { standby: Some(standby), ..self }
    }
}

impl<F: FileSystem + 'static, E: Env> Host for TokioHost<F, E> {
    type Store = TokioStore<F>;

    fn capabilities(&self) -> Capabilities {
        self.host.capabilities()
    }

    async fn create_store(&self, location: &StoreLocation) -> Result<TokioStore<F>> {
        Ok(TokioStore::new(location, self.host.create_store(location).await?, self.standby))
    }

    async fn open_store(&self, location: &StoreLocation) -> Result<TokioStore<F>> {
        Ok(TokioStore::new(location, self.host.open_store(location).await?, self.standby))
    }

    async fn destroy_store(&self, location: &StoreLocation) -> Result<()> {
        self.host.destroy_store(location).await
    }

    async fn now(&self) -> Result<HostTime> {
        self.host.now().await
    }

    async fn identity(&self) -> Result<HostIdentity> {
        self.host.identity().await
    }
}

/// A handle to a store, and the task that works for it.
pub struct TokioStore<F: FileSystem> {
    location: String,
    store: Arc<OwnStore<F>>,
    /// Gone once the handle is closed.
    flusher: Mutex<Option<(mpsc::Sender<Ask>, JoinHandle<()>)>>,
}

impl<F: FileSystem + 'static> TokioStore<F> {
    fn new(location: &StoreLocation, store: OwnStore<F>, standby: Option<SocketAddr>) -> TokioStore<F> {
        let store = Arc::new(store);
        let (asks, asked) = mpsc::channel(flusher::BATCH_MAX);
        let (told, durable) = watch::channel(());
        let task = tokio::spawn(flusher(store.clone(), asked, told));
        if let Some(standby) = standby {
            let location = location.as_str().to_owned();
            tokio::spawn(standby::keep_up(standby, location, Arc::downgrade(&store), durable));
        }
        TokioStore { location: location.as_str().to_owned(), store, flusher: Mutex::new(Some((asks, task))) }
    }

    async fn ask(&self, expected: Option<LogSeq>, record: &[u8]) -> Result<LogSeq> {
        let refused = || StoreError::new(ErrorKind::Closed, Operation::Append, &*self.location);
        let asks = self.flusher.lock().await.as_ref().map(|(asks, _)| asks.clone());
        let (answer, answered) = oneshot::channel();
        let ask = Ask { expected, record: record.to_vec(), answer };
        asks.ok_or_else(refused)?.send(ask).await.map_err(|_| refused())?;
        // If the flusher panicked, nobody knows what became of the record.
        let gone = |_| StoreError::new(ErrorKind::Io, Operation::Append, &*self.location);
        answered.await.map_err(gone)?
    }
}

impl<F: FileSystem + 'static> Store for TokioStore<F> {
    async fn append(&self, record: &[u8]) -> Result<LogSeq> {
        self.ask(None, record).await
    }

    async fn append_if(&self, expected_next: LogSeq, record: &[u8]) -> Result<LogSeq> {
        self.ask(Some(expected_next), record).await
    }

    async fn flush(&self) -> Result<LogSeq> {
        self.store.flush().await
    }

    async fn durable_upto(&self) -> Result<LogSeq> {
        self.store.durable_upto().await
    }

    async fn read(&self, from: LogSeq, limit: usize) -> Result<Vec<Record>> {
        self.store.read(from, limit).await
    }

    async fn close(&self) -> Result<()> {
        if let Some((asks, task)) = self.flusher.lock().await.take() {
            drop(asks);
            // It ends when it has done all that it was asked.
            let _ = task.await;
        }
        self.store.close().await
    }

    fn append_unit(&self) -> u32 {
        1
    }
}
