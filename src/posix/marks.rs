//! What outlives a process besides stores: the host's name and how far its clock has come. Both live in the host's root.
//!
//! `identity` is 128 random bits, linked into place so that the first of several processes wins. `clock` is a durable
//! high-water mark: every reading given out is below it, and a restart starts from it. It is moved ahead by a lease
//! (`clock_reserve_ns`) at a time, under a file lock, so that a reading costs no I/O and two processes on one root get
//! disjoint leases. Readings are wall-clock nanoseconds where the wall clock moves forward, and count on by one where not.
//!
//! Not promised: an order between the readings of two processes that run at the same time.

use super::Shared;
use super::layout::{publish, random_name, seal_bytes, unseal_bytes, write_new};
use crate::env::Env;
use crate::error::{ErrorKind, Operation, Result, StoreError};
use crate::fs::{File, FileSystem, OpenMode, read_whole, retry};
use crate::host::{HostIdentity, HostTime};
use std::io;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// How often and how long a caller waits for another to finish moving the mark: a minute in all, since a disk may stall.
const LOCK_TRIES: u32 = 6_000;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The clock's lease and the identity, as far as this process has them.
#[derive(Debug, Default)]
pub(super) struct Marks {
    lease: Mutex<Lease>,
    identity: OnceLock<HostIdentity>,
}

/// Readings after `last` and before `end` may be given out without I/O.
#[derive(Clone, Copy, Debug, Default)]
struct Lease {
    last: u64,
    end: u64,
}

impl Marks {
    pub(super) async fn now<F: FileSystem, E: Env>(
        &self,
        shared: &Shared<F, E>,
        operation: Operation,
    ) -> Result<HostTime> {
        if let Some(reading) = self.reading(&shared.env) {
            return Ok(reading);
        }
        let lock = lock_clock(shared, operation).await?;
        // Somebody else may have renewed the lease while we waited.
        if let Some(reading) = self.reading(&shared.env) {
            return Ok(reading);
        }
        let failed = |error| StoreError::io(operation, shared.root.join("clock").to_string_lossy(), error);
        let mark = read_mark(shared, operation).await?;
        let wall = shared.env.now_ns();
        let start = mark.max(wall).max(self.lease.lock().expect("plain data").last.saturating_add(1));
        let end = start.saturating_add(shared.options.clock_reserve_ns.max(1));
        publish(&shared.fs, &shared.env, &shared.root, "clock", &seal_bytes(end.to_le_bytes().to_vec()))
            .await
            .map_err(|error| failed(error.source))?;
        drop(lock);
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

    pub(super) async fn identity<F: FileSystem, E: Env>(
        &self,
        shared: &Shared<F, E>,
        operation: Operation,
    ) -> Result<HostIdentity> {
        if let Some(identity) = self.identity.get() {
            return Ok(identity.clone());
        }
        let (fs, path) = (&shared.fs, shared.root.join("identity"));
        let failed = |error: io::Error| StoreError::io(operation, path.to_string_lossy(), error);
        let mut content = read_optional(shared, "identity").await.map_err(failed)?;
        if content.is_none() {
            let temporary = shared.root.join(format!("{}.tmp", random_name(&shared.env)));
            let name = random_name(&shared.env);
            let made = async {
                write_new(fs, &temporary, &seal_bytes(name.into_bytes())).await?;
                match retry!(fs.link(&temporary, &path)) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                    _ => Ok(()),
                }
            };
            let made = made.await;
            // Left behind it is only litter in the root.
            let _ = retry!(fs.unlink(&temporary));
            made.map_err(failed)?;
            content = read_optional(shared, "identity").await.map_err(failed)?;
        }
        // Whoever linked it may have died before syncing: it is durable before it is shown.
        retry!(fs.sync_dir(&shared.root)).map_err(failed)?;
        let damaged = || {
            StoreError::new(ErrorKind::Corrupt, operation, path.to_string_lossy()).with_detail(
                "the identity is damaged: restore the file from a backup, or remove it to get another one",
            )
        };
        let name = content.as_deref().and_then(unseal_bytes).and_then(|name| std::str::from_utf8(name).ok());
        let identity = HostIdentity::new(name.ok_or_else(damaged)?);
        Ok(self.identity.get_or_init(|| identity).clone())
    }
}

/// The lock under which the mark is moved; the file stays.
async fn lock_clock<F: FileSystem, E: Env>(shared: &Shared<F, E>, operation: Operation) -> Result<F::File> {
    let path = shared.root.join("clock.lock");
    let failed = |error: io::Error| StoreError::io(operation, path.to_string_lossy(), error);
    let lock = retry!(shared.fs.open(&path, OpenMode::Create)).map_err(failed)?;
    for _ in 0..LOCK_TRIES {
        if retry!(lock.try_lock()).map_err(failed)? {
            return Ok(lock);
        }
        shared.env.sleep(LOCK_PAUSE).await;
    }
    Err(StoreError::new(ErrorKind::ConcurrentModification, operation, path.to_string_lossy())
        .with_detail("another process does not let go of the clock"))
}

/// The mark as it stands, 0 if there is none yet.
async fn read_mark<F: FileSystem, E: Env>(shared: &Shared<F, E>, operation: Operation) -> Result<u64> {
    let path = shared.root.join("clock");
    let content = read_optional(shared, "clock")
        .await
        .map_err(|error| StoreError::io(operation, path.to_string_lossy(), error))?;
    let Some(content) = content else { return Ok(0) };
    match unseal_bytes(&content).and_then(|body| body.try_into().ok()) {
        Some(mark) => Ok(u64::from_le_bytes(mark)),
        None => Err(StoreError::new(ErrorKind::Corrupt, operation, path.to_string_lossy())
            .with_detail("the clock mark is damaged: readings could run backwards")),
    }
}

async fn read_optional<F: FileSystem, E: Env>(
    shared: &Shared<F, E>,
    name: &str,
) -> io::Result<Option<Vec<u8>>> {
    match retry!(shared.fs.open(&shared.root.join(name), OpenMode::Read)) {
        Ok(file) => read_whole(&file).await.map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
