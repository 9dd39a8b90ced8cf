//! The claiming host: each entry of a log is a file, and whoever gets to link it to the next number has written it.
//!
//! ```text
//! ROOT/host/              clock and identity, as the plain host keeps them
//! LOCATION/               the store; its being there says that there is one
//!   0000000000000001      an entry: one byte that says what it is, and a record's bytes
//!   RANDOM.tmp            an entry that has no number yet, or did not get one
//! ```
//!
//! That is how logs are kept on object stores, with a conditional put in the place of link(2). Nobody holds a lock: to open a store
//! is to claim an entry that is no record, a *fence*. Whoever finds that somebody else has claimed the entry that it was about to
//! write knows that the store was opened since, and writes no more.
//!
//! Like the plain host it keeps the whole log in memory and takes one operation at a time. After one that failed or was dropped
//! half-way the handle refuses work. It is correct in the fault classes `crash` and `error`, and does not look for damage by the
//! medium. That a store is open it knows of its own handles only: another process may destroy it.

mod log;
mod store;

use crate::plain::files::{exists, failed, random_name};
use crate::plain::marks::Marks;
use crate::plain::{Shared, retry};
use asl_host::env::Env;
use asl_host::fs::FileSystem;
use asl_host::{
    Capabilities, Durability, ErrorKind, Exclusion, Host, HostIdentity, HostTime, Operation, Result,
    StoreError, StoreLocation,
};
use log::{Log, absent_or_failed, parent};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

pub(crate) use store::ClaimStore;

/// The longest record in bytes.
const RECORD_LEN_MAX: u32 = 1 << 20;

/// What a bug can be planted in. As it stands here it is right.
pub(crate) trait Steps: Default + Send + Sync + 'static {
    /// Whether a writer whose entry was claimed by another reads what is there, and writes its own behind that.
    const TRIES_AGAIN: bool = false;
}

/// The claiming host with these steps.
#[derive(Debug)]
pub(crate) struct Claim<F, E, S> {
    shared: Arc<Shared<F, E>>,
    marks: Marks,
    /// Handles of this process that are not closed, by location.
    open: Mutex<BTreeMap<String, Weak<AtomicBool>>>,
    steps: std::marker::PhantomData<fn() -> S>,
}

impl<F: FileSystem, E: Env, S: Steps> Claim<F, E, S> {
    pub(crate) fn new(fs: F, env: E, root: &str) -> Claim<F, E, S> {
        let steps = std::marker::PhantomData;
        Claim { shared: Shared::new(fs, env, root), marks: Marks::default(), open: Mutex::default(), steps }
    }

    fn handle(&self, location: &StoreLocation, log: Log) -> ClaimStore<F, E, S> {
        let is_open = Arc::new(AtomicBool::new(true));
        let mut open = self.open.lock().expect("plain data");
        open.insert(location.as_str().to_owned(), Arc::downgrade(&is_open));
        ClaimStore::new(self.shared.clone(), location, log, is_open)
    }

    fn is_open(&self, location: &StoreLocation) -> bool {
        let open = self.open.lock().expect("plain data");
        let handle = open.get(location.as_str()).and_then(Weak::upgrade);
        handle.is_some_and(|is_open| is_open.load(Ordering::Relaxed))
    }
}

impl<F: FileSystem, E: Env, S: Steps> Host for Claim<F, E, S> {
    type Store = ClaimStore<F, E, S>;

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

    /// The directory is whole before it gets the name that makes it a store.
    async fn create_store(&self, location: &StoreLocation) -> Result<ClaimStore<F, E, S>> {
        let (operation, dir, fs) = (Operation::CreateStore, Path::new(location.as_str()), &self.shared.fs);
        if !exists(fs, dir).await.map_err(failed(operation, dir))? {
            let temporary = dir.with_extension(format!("{}.tmp", random_name(&self.shared.env)));
            let made = async {
                retry!(fs.create_dir(&temporary))?;
                let mut log = Log::default();
                log.claim(&self.shared, &temporary, None).await?;
                retry!(fs.rename(&temporary, dir))?;
                retry!(fs.sync_dir(parent(dir)))?;
                Ok(log)
            };
            match made.await {
                Ok(log) => return Ok(self.handle(location, log)),
                Err(error) if is_taken(&error) => {}
                Err(error) => return Err(absent_or_failed(operation, dir, error)),
            }
        }
        // It is durable before we say so.
        retry!(fs.sync_dir(parent(dir))).map_err(failed(operation, dir))?;
        Err(StoreError::new(ErrorKind::Exists, operation, location.as_str()))
    }

    async fn open_store(&self, location: &StoreLocation) -> Result<ClaimStore<F, E, S>> {
        let (operation, dir) = (Operation::OpenStore, Path::new(location.as_str()));
        let mut log = Log::default();
        let opened = async {
            loop {
                log.catch_up(&self.shared.fs, dir).await?;
                if log.claim(&self.shared, dir, None).await? {
                    return io::Result::Ok(());
                }
            }
        };
        if let Err(error) = opened.await {
            if error.kind() == io::ErrorKind::NotFound {
                // Whoever removed it may have died before syncing: what we say now must stay true.
                retry!(self.shared.fs.sync_dir(parent(dir))).map_err(failed(operation, dir))?;
            }
            return Err(absent_or_failed(operation, dir, error));
        }
        Ok(self.handle(location, log))
    }

    async fn destroy_store(&self, location: &StoreLocation) -> Result<()> {
        let (operation, dir, fs) = (Operation::DestroyStore, Path::new(location.as_str()), &self.shared.fs);
        if self.is_open(location) {
            return Err(StoreError::new(ErrorKind::ConcurrentModification, operation, location.as_str()));
        }
        let gone = dir.with_extension(format!("{}.gone", random_name(&self.shared.env)));
        let renamed = retry!(fs.rename(dir, &gone));
        let synced = retry!(fs.sync_dir(parent(dir)));
        renamed.and(synced).map_err(|error| absent_or_failed(operation, dir, error))?;
        // There is no store any more; what cannot be cleaned up is only in the way of space.
        let _ = log::remove(fs, &gone).await;
        Ok(())
    }

    async fn now(&self) -> Result<HostTime> {
        self.marks.now(&self.shared).await
    }

    async fn identity(&self) -> Result<HostIdentity> {
        self.marks.identity(&self.shared).await
    }
}

/// Whether a name could not be given because it has an owner.
fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty)
}
