//! The contract: what a host promises to the store above it (ASL-HOST v0.1, sections 2 to 8).
//!
//! A [`Host`] makes, opens and destroys stores, tells the time and says who it is. A [`Store`] is a handle to one store:
//! an append-only log of opaque records, blocks that are invisible until sealed, and snapshots. The traits are async and
//! name no runtime. All methods take `&self`, so that several tasks can share one handle behind an `Arc`.
//!
//! Words used below. A record is *in doubt* when its append returned an error, was cancelled, or was in flight at a
//! crash: afterwards it is whole or absent, never partial, never twice, and the first open that completes or read that
//! returns settles which. A number is *exposed* once acknowledged by a host with [`Durability::OnAppend`], covered by a
//! flush, a close or a snapshot, or shown after an open; from then on it names the same bytes for ever.
//!
//! A future that is dropped before it is ready leaves its operation in doubt and the handle usable.

use crate::error::{ErrorKind, Operation, Result, StoreError};
use std::fmt;
use std::future::Future;

/// Where a store is: a path, a dataset or a bucket and prefix, in the words of the host that is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreLocation(String);

impl StoreLocation {
    /// A location from the host's own notation.
    pub fn new(location: impl Into<String>) -> StoreLocation {
        StoreLocation(location.into())
    }

    /// The notation it was made from.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A record's place in the log: dense, from 1. [`LogSeq::NONE`] (0) stands for "no record yet".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogSeq(pub u64);

impl LogSeq {
    /// Before the first record.
    pub const NONE: LogSeq = LogSeq(0);
    /// The first record's number.
    pub const FIRST: LogSeq = LogSeq(1);

    /// The number after this one.
    #[must_use]
    pub fn next(self) -> LogSeq {
        LogSeq(self.0 + 1)
    }
}

impl fmt::Display for LogSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// An identifier from the text that a host gave it.
            pub fn new(text: impl Into<String>) -> $name {
                $name(text.into())
            }

            /// The text that the host gave it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

opaque_id! {
    /// Names a block of one store; never used again, not even when the block was lost before it was sealed.
    BlockId
}
opaque_id! {
    /// Names a snapshot of one store.
    SnapshotId
}
opaque_id! {
    /// Says which machine or user this host is (`HostIdentity`); the same across restarts.
    HostIdentity
}

/// A reading of the host's clock (`HostClock`), in the host's own ticks; strictly increasing across restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostTime(pub u64);

/// One record of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number.
    pub seq: LogSeq,
    /// Its bytes, exactly as appended.
    pub data: Vec<u8>,
}

/// When an acknowledged append is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When it is acknowledged.
    OnAppend,
    /// When a later flush, close or snapshot returns. Until then a crash may lose it, with all that follow it.
    OnFlush,
}

/// What happens when a store that is open for writing is opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exclusion {
    /// The second open fails with `STORE_CONCURRENT_MODIFICATION` while the first process lives.
    Refuse,
    /// The newest open wins: writes through older handles fail with that code and change nothing.
    Fence,
}

/// What a host offers. A host that lacks something says so here, and what checks it is skipped by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// When an acknowledged append is durable.
    pub durability: Durability,
    /// How a second writer is kept out.
    pub exclusion: Exclusion,
    /// Whether the block operations work.
    pub blocks: bool,
    /// Whether the snapshot operations work.
    pub snapshots: bool,
    /// `AppendUnit`: the granularity in bytes at which the host writes. Records are atomic whatever it is.
    pub append_unit: u32,
    /// The longest record that `append` takes, in bytes.
    pub max_record_len: u32,
}

/// A host: makes and opens stores, and lends its clock and its name.
pub trait Host: Send + Sync + 'static {
    /// The handle to an open store.
    type Store: Store;

    /// What this host offers; constant.
    fn capabilities(&self) -> Capabilities;

    /// Makes an empty store and opens it for writing. A crash leaves either nothing (`open_store` says
    /// `STORE_NOT_FOUND` and creating again works) or a valid empty store. Once it returns, the store survives any crash.
    ///
    /// Errors: `STORE_EXISTS` leaves the store that is there untouched.
    fn create_store(&self, location: &StoreLocation) -> impl Future<Output = Result<Self::Store>> + Send;

    /// Opens a store for writing, after recovering it to its last durable state. What it shows is durable.
    ///
    /// Errors: `STORE_NOT_FOUND`, and nothing is left behind; `STORE_CONCURRENT_MODIFICATION` if the host excludes by
    /// [`Exclusion::Refuse`] and another handle is open.
    fn open_store(&self, location: &StoreLocation) -> impl Future<Output = Result<Self::Store>> + Send;

    /// Destroys a store that is not open. Once it returns the store does not come back; a crash before leaves all or nothing.
    ///
    /// Errors: `STORE_NOT_FOUND`; `STORE_CONCURRENT_MODIFICATION` if the store is open.
    fn destroy_store(&self, location: &StoreLocation) -> impl Future<Output = Result<()>> + Send;

    /// `HostClock`: greater than every earlier reading, across restarts and crashes too.
    fn now(&self) -> impl Future<Output = Result<HostTime>> + Send;

    /// `HostIdentity`: the same at every call, across restarts and crashes too.
    fn identity(&self) -> impl Future<Output = Result<HostIdentity>> + Send;
}

/// A handle to one store: open for writing, or a read-only view of a snapshot.
///
/// On a read-only view every operation that writes fails with [`ErrorKind::ReadOnly`] and changes nothing.
pub trait Store: Send + Sync + 'static {
    /// Appends a record atomically and returns its number. An error leaves the record in doubt, except
    /// [`ErrorKind::TooLarge`] and [`ErrorKind::ReadOnly`], which change nothing.
    fn append(&self, record: &[u8]) -> impl Future<Output = Result<LogSeq>> + Send;

    /// Appends only if the record gets this number; else `STORE_CONCURRENT_MODIFICATION`, and nothing changed.
    fn append_if(&self, expected_next: LogSeq, record: &[u8]) -> impl Future<Output = Result<LogSeq>> + Send;

    /// Makes everything acknowledged before the call durable, and returns the last durable number.
    fn flush(&self) -> impl Future<Output = Result<LogSeq>> + Send;

    /// The last number known durable; [`LogSeq::NONE`] if none is.
    fn durable_upto(&self) -> impl Future<Output = Result<LogSeq>> + Send;

    /// At most `limit` records in order, the first being `from` (which may lie behind the end: then none).
    fn read(&self, from: LogSeq, limit: usize) -> impl Future<Output = Result<Vec<Record>>> + Send;

    /// Makes everything acknowledged durable and releases the store. Later calls fail with [`ErrorKind::Closed`].
    fn close(&self) -> impl Future<Output = Result<()>> + Send;

    /// Opens a new block for writing. It is invisible, and lost in a crash, until sealed.
    fn create_block(&self) -> impl Future<Output = Result<BlockId>> + Send {
        async { Err(unsupported(Operation::CreateBlock)) }
    }

    /// Appends bytes to an open block of this handle. After an error the block's content is undefined: abandon it.
    fn write_block(&self, _block: &BlockId, _data: &[u8]) -> impl Future<Output = Result<()>> + Send {
        async { Err(unsupported(Operation::WriteBlock)) }
    }

    /// Seals a block: when it returns, the block is durable, visible and immutable.
    fn seal_block(&self, _block: &BlockId) -> impl Future<Output = Result<()>> + Send {
        async { Err(unsupported(Operation::SealBlock)) }
    }

    /// The bytes of a sealed block, or of an open block that this handle created.
    fn read_block(&self, _block: &BlockId) -> impl Future<Output = Result<Vec<u8>>> + Send {
        async { Err(unsupported(Operation::ReadBlock)) }
    }

    /// The sealed blocks, in the order of their identifiers.
    fn list_blocks(&self) -> impl Future<Output = Result<Vec<BlockId>>> + Send {
        async { Err(unsupported(Operation::ListBlocks)) }
    }

    /// Captures the log and the sealed blocks, durably. Holds at least what was acknowledged before the call and at
    /// most what was issued before its return; never an open block.
    fn create_snapshot(&self) -> impl Future<Output = Result<SnapshotId>> + Send {
        async { Err(unsupported(Operation::CreateSnapshot)) }
    }

    /// A read-only handle to a snapshot, equal for ever to the state at its creation.
    fn mount_snapshot(&self, _snapshot: &SnapshotId) -> impl Future<Output = Result<Self>> + Send
    where
        Self: Sized,
    {
        async { Err(unsupported(Operation::MountSnapshot)) }
    }

    /// The snapshots that exist, in the order of their identifiers.
    fn list_snapshots(&self) -> impl Future<Output = Result<Vec<SnapshotId>>> + Send {
        async { Err(unsupported(Operation::ListSnapshots)) }
    }

    /// Deletes a snapshot, durably, and nothing else.
    fn delete_snapshot(&self, _snapshot: &SnapshotId) -> impl Future<Output = Result<()>> + Send {
        async { Err(unsupported(Operation::DeleteSnapshot)) }
    }

    /// `AppendUnit`: the granularity in bytes at which this store writes.
    fn append_unit(&self) -> u32;
}

/// The error of an operation that a host does not offer.
fn unsupported(operation: Operation) -> StoreError {
    StoreError::new(ErrorKind::Unsupported, operation, "this host")
}
