//! Specimen 2: everything in the store's directory is synced, and the directory that the store's directory is in is not.
//!
//! mkdir(2) is durable when the *parent* is synced. Syncing the new directory makes durable what is in it, which helps
//! nobody if it cannot be reached. Like many servers, this one has a list of what it serves (a durable file `known-NAME`
//! in its root for each store), and makes anew at start-up what it does not find: the store opens, and is empty.
//!
//! Seen in tiflash#1930. Breaks `append-durable`: after a power loss acknowledged records are gone with the directory.
//! Needs: a power loss that loses the directory's name, before anything else syncs the parent. Opening an existing store
//! does not sync the parent either.

use crate::plain::{Plain, PlainStore, Steps, retry};
use asl_host::env::Env;
use asl_host::fs::{FileSystem, OpenMode};
use asl_host::{
    Capabilities, ErrorKind, Host, HostIdentity, HostTime, Operation, Result, Store, StoreError,
    StoreLocation,
};
use std::io;
use std::path::{Path, PathBuf};

/// Its name.
pub const NAME: &str = "store-parent-not-synced";
/// What is wrong.
pub const BUG: &str = "the parent of the store's directory is never synced";
/// The invariant that it breaks.
pub const BREAKS: &str = "append-durable";

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    async fn sync_parent<F: FileSystem>(&self, _fs: &F, _parent: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Server { plain: Plain::<F, E, Bug>::new(fs.clone(), env, root), fs, root: PathBuf::from(root) }
}

/// A host that knows which stores there should be.
#[derive(Debug)]
struct Server<F, E> {
    plain: Plain<F, E, Bug>,
    fs: F,
    root: PathBuf,
}

impl<F: FileSystem, E: Env> Server<F, E> {
    /// The file that says that there is such a store.
    fn entry(&self, location: &StoreLocation) -> PathBuf {
        let name = Path::new(location.as_str()).file_name().unwrap_or_default();
        self.root.join(format!("known-{}", name.to_string_lossy()))
    }

    async fn is_known(&self, location: &StoreLocation, operation: Operation) -> Result<bool> {
        match self.fs.metadata(&self.entry(location)).await {
            Ok(_) => {
                // Whoever made the entry may have died before it was durable.
                self.sync_root(location, operation).await?;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(StoreError::io(operation, location.as_str(), error)),
        }
    }

    /// The entry is durable before the store's directory is made: this does not help the directory.
    async fn make_known(&self, location: &StoreLocation) -> Result<()> {
        let made = retry!(self.fs.open(&self.entry(location), OpenMode::Create));
        made.map_err(|error| StoreError::io(Operation::CreateStore, location.as_str(), error))?;
        self.sync_root(location, Operation::CreateStore).await
    }

    async fn sync_root(&self, location: &StoreLocation, operation: Operation) -> Result<()> {
        let synced = retry!(self.fs.sync_dir(&self.root));
        synced.map_err(|error| StoreError::io(operation, location.as_str(), error))
    }

    /// Opens the store, and makes it anew if it should be there and is not.
    async fn open_or_make(&self, location: &StoreLocation) -> Result<PlainStore<F, E, Bug>> {
        match self.plain.open_store(location).await {
            Err(error) if error.kind() == ErrorKind::NotFound => self.plain.create_store(location).await,
            opened => opened,
        }
    }
}

impl<F: FileSystem, E: Env> Host for Server<F, E> {
    type Store = PlainStore<F, E, Bug>;

    fn capabilities(&self) -> Capabilities {
        self.plain.capabilities()
    }

    async fn create_store(&self, location: &StoreLocation) -> Result<PlainStore<F, E, Bug>> {
        if self.is_known(location, Operation::CreateStore).await? {
            return Err(StoreError::new(ErrorKind::Exists, Operation::CreateStore, location.as_str()));
        }
        // What a destruction left behind that was cut short.
        match self.plain.destroy_store(location).await {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.make_known(location).await?;
        self.plain.create_store(location).await
    }

    async fn open_store(&self, location: &StoreLocation) -> Result<PlainStore<F, E, Bug>> {
        if !self.is_known(location, Operation::OpenStore).await? {
            return Err(StoreError::new(ErrorKind::NotFound, Operation::OpenStore, location.as_str()));
        }
        self.open_or_make(location).await
    }

    async fn destroy_store(&self, location: &StoreLocation) -> Result<()> {
        let failed = |error| StoreError::io(Operation::DestroyStore, location.as_str(), error);
        if !self.is_known(location, Operation::DestroyStore).await? {
            return Err(StoreError::new(ErrorKind::NotFound, Operation::DestroyStore, location.as_str()));
        }
        // Refused if somebody has it open.
        self.open_or_make(location).await?.close().await?;
        retry!(self.fs.unlink(&self.entry(location))).map_err(failed)?;
        self.sync_root(location, Operation::DestroyStore).await?;
        self.plain.destroy_store(location).await
    }

    async fn now(&self) -> Result<HostTime> {
        self.plain.now().await
    }

    async fn identity(&self) -> Result<HostIdentity> {
        self.plain.identity().await
    }
}
