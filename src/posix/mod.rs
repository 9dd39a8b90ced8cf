//! A host on a POSIX file system: what it promises, on the weakest file system that POSIX allows.
//!
//! # Files
//!
//! ```text
//! ROOT/identity  ROOT/clock  ROOT/clock.lock        the host's name and its reserved clock mark
//! LOCATION/STORE                                    format version; a location without it holds no store
//! LOCATION/lock                                     exclusive flock of the one writer; dies with its process
//! LOCATION/SEQ-SALT.log                             a segment of the log; SEQ: its first number; SALT: in every frame
//! LOCATION/blocks/ID.open  ID.sealed                blocks: bytes, and once sealed a footer with length and checksum
//! LOCATION/snapshots/ID.snap                        manifests: last number and block ids
//! ```
//!
//! # Invariants
//!
//! - A record is acknowledged after its frame is fdatasynced and its segment's name is durable. Appenders that arrive
//!   while a batch is being synced form the next one, which one of them leads (group commit).
//! - With [`Durability::OnFlush`] it is acknowledged when it is written, and synced by the next flush, snapshot or close,
//!   or by the append that begins another segment. A crash may lose what was not synced, as a suffix: a frame behind a
//!   bad one is not taken, whether its own bytes came through or not.
//! - Only what was not synced can be torn, and that is at the end of the last segment: the last batch, or with
//!   `OnFlush` all since the last sync. A segment is begun after the one before it is complete and durable. Anything
//!   else that is bad is corruption.
//! - A segment is written by one incarnation and never after a cut; the next append starts another, with another salt.
//! - What an open shows it made durable first, by *writing* the last batch again: after a failed fsync the kernel's pages
//!   may be clean and newer than the disk, and a sync alone would say yes to that.
//! - Names are made durable before anything relies on them: see each `sync_dir`.
//! - Any failure other than "no space" in writing new bytes makes the handle refuse all further work, reads included,
//!   since a later open may settle the doubt the other way. Opening again recovers.
//!
//! # Assumptions about the medium
//!
//! A sync that returns success has made durable what was written before; a rename replaces its target atomically; flock
//! excludes. Damage by the medium is detected where a watermark, a manifest or a block's footer covers it, not repaired.

mod block;
mod layout;
mod lifecycle;
mod log;
mod marks;
mod recover;
mod snapshot;
mod store;

use crate::env::{Env, OsEnv};
use crate::error::{Operation, Result};
use crate::fs::{FileSystem, OsFileSystem};
use crate::host::{Capabilities, Durability, Exclusion, Host, HostIdentity, HostTime, StoreLocation};
use std::path::PathBuf;
use std::sync::Arc;

pub use store::PosixStore;

/// Limits of a [`PosixHost`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PosixOptions {
    /// A segment that has reached this length in bytes is followed by another. It bounds what an open reads. Default 64 MiB.
    pub segment_len_max: u64,
    /// The longest record in bytes. Default 8 MiB.
    pub record_len_max: u32,
    /// How far ahead, in nanoseconds, the clock's durable mark is moved: one durable write buys readings for this long,
    /// and a restart may jump ahead by as much. Default 10 s.
    pub clock_reserve_ns: u64,
    /// When an acknowledged append is durable. [`Durability::OnFlush`] saves the sync of each batch, and a crash may lose
    /// what was acknowledged since the last flush. A store may be opened with either. Default [`Durability::OnAppend`].
    pub durability: Durability,
}

impl Default for PosixOptions {
    fn default() -> PosixOptions {
        PosixOptions {
            segment_len_max: 64 << 20,
            record_len_max: 8 << 20,
            clock_reserve_ns: 10_000_000_000,
            durability: Durability::OnAppend,
        }
    }
}

/// A host on a POSIX file system, generic over the two seams; by default over the operating system's.
#[derive(Debug)]
pub struct PosixHost<F: FileSystem = OsFileSystem, E: Env = OsEnv> {
    shared: Arc<Shared<F, E>>,
    marks: marks::Marks,
}

/// What a host and its handles share.
#[derive(Debug)]
struct Shared<F, E> {
    fs: F,
    env: E,
    root: PathBuf,
    options: PosixOptions,
}

impl PosixHost {
    /// A host on the operating system's file system, with its clock mark and identity in the directory `root`, which
    /// must exist. Nothing is read or written before the first operation.
    pub fn new(root: impl Into<PathBuf>) -> PosixHost {
        PosixHost::with_seams(OsFileSystem, OsEnv, root, PosixOptions::default())
    }
}

impl<F: FileSystem, E: Env> PosixHost<F, E> {
    /// A host on other seams, or with other limits.
    pub fn with_seams(fs: F, env: E, root: impl Into<PathBuf>, options: PosixOptions) -> PosixHost<F, E> {
        let shared = Arc::new(Shared { fs, env, root: root.into(), options });
        PosixHost { shared, marks: marks::Marks::default() }
    }
}

impl<F: FileSystem, E: Env> Host for PosixHost<F, E> {
    type Store = PosixStore<F, E>;

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            durability: self.shared.options.durability,
            exclusion: Exclusion::Refuse,
            blocks: true,
            snapshots: true,
            append_unit: 1,
            max_record_len: self.shared.options.record_len_max,
        }
    }

    /// `location` is a path whose parent directory exists. A directory that is there already is taken over only if it
    /// holds nothing but the remains of a creation or destruction that a crash cut short.
    async fn create_store(&self, location: &StoreLocation) -> Result<PosixStore<F, E>> {
        let paths = layout::Paths::of(location);
        lifecycle::create(&self.shared, paths, Operation::CreateStore).await
    }

    async fn open_store(&self, location: &StoreLocation) -> Result<PosixStore<F, E>> {
        let paths = layout::Paths::of(location);
        lifecycle::open(&self.shared, paths, Operation::OpenStore).await
    }

    async fn destroy_store(&self, location: &StoreLocation) -> Result<()> {
        let paths = layout::Paths::of(location);
        lifecycle::destroy(&self.shared, paths, Operation::DestroyStore).await
    }

    async fn now(&self) -> Result<HostTime> {
        self.marks.now(&self.shared, Operation::Now).await
    }

    async fn identity(&self) -> Result<HostIdentity> {
        self.marks.identity(&self.shared, Operation::Identity).await
    }
}
