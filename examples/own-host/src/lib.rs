//! A host of one's own, on the two seams of asl-host: a log and nothing else, correct on every POSIX file system. It is an example of
//! what a backend's author has; `tests/conformance.rs` is how it is tested.
//!
//! ```text
//! ROOT/host/identity   ROOT/host/clock
//! LOCATION/lock        locked by the one writer
//! LOCATION/log         salt u64, then frames: length u32 | crc32c u32 of salt, number and bytes | bytes
//! ```
//!
//! An open writes what it finds into a new file with a new salt, and renames that over the old one: there is no torn tail to cut off,
//! nothing that a failed fsync left clean, and no frame of an earlier life behind the end. After a call that failed, or that its caller
//! gave up, a handle refuses all work.

mod files;
mod store;

use asl_host::env::Env;
use asl_host::fs::FileSystem;
use asl_host::{
    Capabilities, Durability, ErrorKind, Exclusion, Host, HostIdentity, HostTime, Operation, Result,
    StoreError, StoreLocation,
};
use files::Files;
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::Log;
use tokio::sync::Mutex;

pub use store::OwnStore;

/// The longest record, in bytes.
const RECORD_LEN_MAX: u32 = 1 << 20;
/// How far ahead readings of the clock are reserved.
const CLOCK_RESERVE_NS: u64 = 2_000_000;

/// The host.
pub struct OwnHost<F: FileSystem, E: Env> {
    files: Files<F, E>,
    dir: PathBuf,
    /// The last reading, and what is reserved; nothing at the start of a process.
    clock: Mutex<Option<(u64, u64)>>,
}

impl<F: FileSystem, E: Env> OwnHost<F, E> {
    /// A host whose own files are below this directory, which exists.
    pub fn new(files: F, env: E, root: impl AsRef<Path>) -> OwnHost<F, E> {
        let files = Files { system: files, env: Arc::new(env) };
        OwnHost { files, dir: root.as_ref().join("host"), clock: Mutex::new(None) }
    }

    async fn read_clock(&self) -> std::io::Result<u64> {
        let mut clock = self.clock.lock().await;
        let path = self.dir.join("clock");
        let (last, mut reserved) = match *clock {
            Some(known) => known,
            None => match self.files.read(&path).await {
                Ok(text) => parsed(&text).map(|mark| (mark, mark))?,
                Err(error) if error.kind() == Io::NotFound => (0, 0),
                Err(error) => return Err(error),
            },
        };
        let reading = self.files.env.now_ns().max(last + 1);
        if reading >= reserved {
            reserved = reading + CLOCK_RESERVE_NS;
            self.files.make_dir(&self.dir).await?;
            self.files.replace(&path, reserved.to_string().as_bytes()).await?;
        }
        *clock = Some((reading, reserved));
        Ok(reading)
    }

    async fn read_identity(&self) -> std::io::Result<String> {
        self.files.make_dir(&self.dir).await?;
        let path = self.dir.join("identity");
        loop {
            match self.files.read(&path).await {
                Ok(name) => {
                    // Whoever put it there may have died before it was durable.
                    self.files.system.sync_dir(&self.dir).await?;
                    return String::from_utf8(name).map_err(std::io::Error::other);
                }
                Err(error) if error.kind() != Io::NotFound => return Err(error),
                Err(_) => {}
            }
            let name = format!("{:016x}{:016x}", self.files.env.random_u64(), self.files.env.random_u64());
            let (temporary, _) = self.files.write_aside(&path, name.as_bytes()).await?;
            // Of several processes the first one wins.
            match self.files.system.link(&temporary, &path).await {
                Err(error) if error.kind() != Io::AlreadyExists => return Err(error),
                _ => self.files.system.unlink(&temporary).await?,
            }
        }
    }

    /// The lock of a store that exists.
    async fn lock(&self, dir: &Path, operation: Operation) -> Result<F::File> {
        let refused = |kind| StoreError::new(kind, operation, dir.to_string_lossy());
        let failed = |error| StoreError::io(operation, dir.to_string_lossy(), error);
        match self.files.lock(&dir.join("lock")).await {
            Ok(Some(lock)) => Ok(lock),
            Ok(None) => Err(refused(ErrorKind::ConcurrentModification)),
            Err(error) if error.kind() == Io::NotFound => {
                // Whoever removed it may have died before that was durable: what is said now must stay so.
                self.files.sync_parent(dir).await.map_err(failed)?;
                Err(refused(ErrorKind::NotFound))
            }
            Err(error) => Err(failed(error)),
        }
    }

    async fn make(&self, dir: &Path) -> std::io::Result<Log<F::File>> {
        if self.files.exists(dir).await? {
            return Err(Io::AlreadyExists.into());
        }
        // All of it is durable before it has the name that makes it a store.
        let temporary = dir.with_extension(format!("{:016x}.tmp", self.files.env.random_u64()));
        self.files.system.create_dir(&temporary).await?;
        self.files.write_new(&temporary.join("lock"), b"").await?;
        let lock = self.files.lock(&temporary.join("lock")).await?.ok_or(Io::WouldBlock)?;
        let log = store::write_log(&self.files, &temporary, lock, Vec::new()).await?;
        self.files.system.rename(&temporary, dir).await?;
        self.files.sync_parent(dir).await?;
        Ok(log)
    }
}

fn parsed(text: &[u8]) -> std::io::Result<u64> {
    let text = std::str::from_utf8(text).map_err(std::io::Error::other)?;
    text.parse().map_err(std::io::Error::other)
}

impl<F: FileSystem, E: Env> Host for OwnHost<F, E> {
    type Store = OwnStore<F>;

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            durability: Durability::OnAppend,
            exclusion: Exclusion::Refuse,
            blocks: false,
            snapshots: false,
            append_unit: 1,
            max_record_len: RECORD_LEN_MAX,
        }
    }

    async fn create_store(&self, location: &StoreLocation) -> Result<OwnStore<F>> {
        let (dir, operation) = (Path::new(location.as_str()), Operation::CreateStore);
        let failed = |error| StoreError::io(operation, location.as_str(), error);
        match self.make(dir).await {
            Ok(log) => Ok(OwnStore::new(location, log)),
            Err(error) if matches!(error.kind(), Io::AlreadyExists | Io::DirectoryNotEmpty) => {
                // It is durable before it is told.
                self.files.sync_parent(dir).await.map_err(failed)?;
                Err(StoreError::new(ErrorKind::Exists, operation, location.as_str()))
            }
            Err(error) => Err(failed(error)),
        }
    }

    async fn open_store(&self, location: &StoreLocation) -> Result<OwnStore<F>> {
        let (dir, operation) = (Path::new(location.as_str()), Operation::OpenStore);
        let lock = self.lock(dir, operation).await?;
        let opened = async {
            self.files.sync_parent(dir).await?;
            let records = store::records(&self.files.read(&dir.join("log")).await?)?;
            store::write_log(&self.files, dir, lock, records).await
        };
        let log = opened.await.map_err(|error| StoreError::io(operation, location.as_str(), error))?;
        Ok(OwnStore::new(location, log))
    }

    async fn destroy_store(&self, location: &StoreLocation) -> Result<()> {
        let (dir, operation) = (Path::new(location.as_str()), Operation::DestroyStore);
        let _lock = self.lock(dir, operation).await?;
        let gone = dir.with_extension(format!("{:016x}.gone", self.files.env.random_u64()));
        let renamed = async {
            self.files.system.rename(dir, &gone).await?;
            self.files.sync_parent(dir).await
        };
        renamed.await.map_err(|error| StoreError::io(operation, location.as_str(), error))?;
        // There is no store any more; what cannot be removed takes up space, and that is all.
        let _ = self.files.remove(&gone).await;
        Ok(())
    }

    async fn now(&self) -> Result<HostTime> {
        let read = self.read_clock().await;
        read.map(HostTime).map_err(|error| StoreError::io(Operation::Now, "the clock", error))
    }

    async fn identity(&self) -> Result<HostIdentity> {
        let read = self.read_identity().await;
        read.map(HostIdentity::new)
            .map_err(|error| StoreError::io(Operation::Identity, "the identity", error))
    }
}
