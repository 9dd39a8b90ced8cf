//! The host's clock and name, which all specimens keep correctly.
//!
//! They live in `ROOT/host`: `identity` is linked into place so that the first of several processes wins; `clock` is a
//! durable mark above every reading given out, moved ahead by a lease at a time. They have a directory of their own so
//! that moving the mark does not sync the root, which is where stores have their names: that would heal
//! [`crate::store_parent_not_synced`].

use super::Shared;
use super::files::{failed, random_name, read_optional, retry, write_new};
use super::gate::Gate;
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem, OpenMode};
use asl_host::{ErrorKind, HostIdentity, HostTime, Operation, Result, StoreError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// How far ahead the mark is moved: short, so that a run has several leases.
const LEASE_NS: u64 = 2_000_000;
const LOCK_TRIES: u32 = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(5);

#[derive(Debug, Default)]
pub(crate) struct Marks {
    lease: Mutex<Lease>,
    /// Held by the task that moves the mark: the lock on the file is for other processes.
    moving: Gate,
    identity: OnceLock<HostIdentity>,
    dir_durable: OnceLock<()>,
}

/// Readings after `last` and before `end` may be given out without I/O.
#[derive(Debug, Default)]
struct Lease {
    last: u64,
    end: u64,
}

impl Marks {
    pub(crate) async fn now<F: FileSystem, E: Env>(&self, shared: &Shared<F, E>) -> Result<HostTime> {
        let operation = Operation::Now;
        if let Some(reading) = self.reading(&shared.env) {
            return Ok(reading);
        }
        let _pass = self.moving.enter().await;
        let dir = self.dir(shared, operation).await?;
        let _lock = lock_clock(shared, &dir.join("clock.lock")).await?;
        if let Some(reading) = self.reading(&shared.env) {
            // Somebody else moved the mark while we waited.
            return Ok(reading);
        }
        let path = dir.join("clock");
        let mark = match read_optional(&shared.fs, &path).await.map_err(failed(operation, &path))? {
            Some(text) => parse_mark(&text).ok_or_else(|| damaged(operation, &path))?,
            None => 0,
        };
        let last = self.lease.lock().expect("plain data").last;
        let start = mark.max(shared.env.now_ns()).max(last.saturating_add(1));
        let end = start.saturating_add(LEASE_NS);
        let moved = async {
            let temporary = dir.join(format!("{}.tmp", random_name(&shared.env)));
            let file = write_new(&shared.fs, &temporary, format!("{end:016x}").as_bytes()).await?;
            retry!(file.sync_data())?;
            retry!(shared.fs.rename(&temporary, &path))?;
            retry!(shared.fs.sync_dir(&dir))
        };
        moved.await.map_err(failed(operation, &path))?;
        *self.lease.lock().expect("plain data") = Lease { last: start, end };
        Ok(HostTime(start))
    }

    fn reading(&self, env: &impl Env) -> Option<HostTime> {
        let wall = env.now_ns();
        let mut lease = self.lease.lock().expect("plain data");
        let reading = wall.max(lease.last.saturating_add(1));
        (reading < lease.end).then(|| {
            lease.last = reading;
            HostTime(reading)
        })
    }

    pub(crate) async fn identity<F: FileSystem, E: Env>(
        &self,
        shared: &Shared<F, E>,
    ) -> Result<HostIdentity> {
        let operation = Operation::Identity;
        if let Some(identity) = self.identity.get() {
            return Ok(identity.clone());
        }
        let dir = self.dir(shared, operation).await?;
        let path = dir.join("identity");
        let known = async {
            if read_optional(&shared.fs, &path).await?.is_none() {
                make_identity(shared, &dir, &path).await?;
            }
            // Whoever linked it may have died before syncing: it is durable before it is shown.
            retry!(shared.fs.sync_dir(&dir))?;
            read_optional(&shared.fs, &path).await
        };
        let content = known.await.map_err(failed(operation, &path))?;
        let name = content.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|name| name.len() == 32);
        let identity = HostIdentity::new(name.ok_or_else(|| damaged(operation, &path))?);
        Ok(self.identity.get_or_init(|| identity).clone())
    }

    /// The directory for both, which is there and durable from now on.
    async fn dir<F: FileSystem, E: Env>(
        &self,
        shared: &Shared<F, E>,
        operation: Operation,
    ) -> Result<PathBuf> {
        let dir = shared.root.join("host");
        if self.dir_durable.get().is_none() {
            match retry!(shared.fs.create_dir(&dir)) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(StoreError::io(operation, dir.to_string_lossy(), error));
                }
                _ => {}
            }
            retry!(shared.fs.sync_dir(&shared.root)).map_err(failed(operation, &shared.root))?;
            let _ = self.dir_durable.set(());
        }
        Ok(dir)
    }
}

async fn make_identity<F: FileSystem, E: Env>(
    shared: &Shared<F, E>,
    dir: &Path,
    path: &Path,
) -> io::Result<()> {
    let temporary = dir.join(format!("{}.tmp", random_name(&shared.env)));
    let file = write_new(&shared.fs, &temporary, random_name(&shared.env).as_bytes()).await?;
    retry!(file.sync_data())?;
    match retry!(shared.fs.link(&temporary, path)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// The lock under which the mark is moved.
async fn lock_clock<F: FileSystem, E: Env>(shared: &Shared<F, E>, path: &Path) -> Result<F::File> {
    let operation = Operation::Now;
    let lock = retry!(shared.fs.open(path, OpenMode::Create)).map_err(failed(operation, path))?;
    for _ in 0..LOCK_TRIES {
        if retry!(lock.try_lock()).map_err(failed(operation, path))? {
            return Ok(lock);
        }
        shared.env.sleep(LOCK_PAUSE).await;
    }
    Err(StoreError::new(ErrorKind::ConcurrentModification, operation, path.to_string_lossy()))
}

fn parse_mark(text: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
}

fn damaged(operation: Operation, path: &Path) -> StoreError {
    StoreError::new(ErrorKind::Corrupt, operation, path.to_string_lossy())
}
