//! What can go wrong, told in the five codes of the specification (ASL-HOST v0.1, section 8).
//!
//! [`StoreError`] is opaque: it carries an [`ErrorKind`] that a caller can act on, the [`Operation`] that failed, the
//! location it failed at and the cause. The kinds are finer than the specification's codes, because "the medium failed",
//! "the bytes are damaged" and "there is no space" ask for different answers of a person; [`StoreError::code`] maps
//! every kind to a code, so that a store that knows only the specification can be deterministic.
//!
//! Rules that hosts keep: an I/O fault is never reported as corruption or as absence, nor the other way round, and the
//! same faults give the same error.

use std::error::Error as StdError;
use std::fmt;
use std::io;

/// The result of every operation of a host.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// The codes of ASL-HOST v0.1, section 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// `STORE_OK`: no error. No [`StoreError`] has this code.
    Ok,
    /// `STORE_EXISTS`: there is a store at the location already.
    Exists,
    /// `STORE_NOT_FOUND`: no such store, block or snapshot.
    NotFound,
    /// `STORE_IO_ERROR`: everything that no other code describes.
    IoError,
    /// `STORE_CONCURRENT_MODIFICATION`: somebody else writes to the store, or the next number was another.
    ConcurrentModification,
}

impl Code {
    /// The name that the specification gives the code.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Ok => "STORE_OK",
            Code::Exists => "STORE_EXISTS",
            Code::NotFound => "STORE_NOT_FOUND",
            Code::IoError => "STORE_IO_ERROR",
            Code::ConcurrentModification => "STORE_CONCURRENT_MODIFICATION",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What went wrong, finer than [`Code`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    /// There is a store at the location already.
    Exists,
    /// No such store, block or snapshot.
    NotFound,
    /// Another process has the store open for writing, or the next number was not the one expected.
    ConcurrentModification,
    /// The medium or the operating system refused. After one of these a handle may refuse all further work.
    Io,
    /// Bytes that durable evidence says were there are not, or are others.
    Corrupt,
    /// A write to a mounted snapshot, or to a sealed block.
    ReadOnly,
    /// The host does not offer the operation, or does not know the format version it found.
    Unsupported,
    /// No space left. Nothing acknowledged was lost; work goes on when there is space.
    NoSpace,
    /// The handle is closed, or refuses work since an earlier failure.
    Closed,
    /// The record is longer than the host's `max_record_len`.
    TooLarge,
}

impl ErrorKind {
    /// The code of the specification that this kind is reported as.
    pub fn code(self) -> Code {
        match self {
            ErrorKind::Exists => Code::Exists,
            ErrorKind::NotFound => Code::NotFound,
            ErrorKind::ConcurrentModification => Code::ConcurrentModification,
            ErrorKind::Io
            | ErrorKind::Corrupt
            | ErrorKind::ReadOnly
            | ErrorKind::Unsupported
            | ErrorKind::NoSpace
            | ErrorKind::Closed
            | ErrorKind::TooLarge => Code::IoError,
        }
    }

    /// A short lowercase phrase that fits "failed to append: ...".
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::Exists => "already exists",
            ErrorKind::NotFound => "not found",
            ErrorKind::ConcurrentModification => "modified by somebody else",
            ErrorKind::Io => "input/output error",
            ErrorKind::Corrupt => "damaged",
            ErrorKind::ReadOnly => "read-only",
            ErrorKind::Unsupported => "not supported",
            ErrorKind::NoSpace => "no space left",
            ErrorKind::Closed => "handle refuses work",
            ErrorKind::TooLarge => "record too large",
        }
    }

    /// The kind that an error of the operating system is: full file systems and quotas are told from failing media.
    pub fn of_io(error: &io::Error) -> ErrorKind {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::NoSpace,
            _ => ErrorKind::Io,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The operations of the contract, as errors and traces name them.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is the operation of the same name on Host or Store")]
pub enum Operation {
    CreateStore,
    OpenStore,
    DestroyStore,
    Close,
    Append,
    Flush,
    DurableUpto,
    Read,
    CreateBlock,
    WriteBlock,
    SealBlock,
    ReadBlock,
    ListBlocks,
    CreateSnapshot,
    MountSnapshot,
    ListSnapshots,
    DeleteSnapshot,
    Now,
    Identity,
}

impl Operation {
    /// The operation's name in the driver protocol and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::CreateStore => "create_store",
            Operation::OpenStore => "open_store",
            Operation::DestroyStore => "destroy_store",
            Operation::Close => "close",
            Operation::Append => "append",
            Operation::Flush => "flush",
            Operation::DurableUpto => "durable_upto",
            Operation::Read => "read",
            Operation::CreateBlock => "create_block",
            Operation::WriteBlock => "write_block",
            Operation::SealBlock => "seal_block",
            Operation::ReadBlock => "read_block",
            Operation::ListBlocks => "list_blocks",
            Operation::CreateSnapshot => "create_snapshot",
            Operation::MountSnapshot => "mount_snapshot",
            Operation::ListSnapshots => "list_snapshots",
            Operation::DeleteSnapshot => "delete_snapshot",
            Operation::Now => "now",
            Operation::Identity => "identity",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error of a host. See the module's documentation for what it promises.
#[derive(Debug)]
pub struct StoreError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    operation: Operation,
    location: String,
    detail: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl StoreError {
    /// An error of this kind in this operation, at a location (a store, or a file in it).
    pub fn new(kind: ErrorKind, operation: Operation, location: impl Into<String>) -> StoreError {
        let inner = Inner { kind, operation, location: location.into(), detail: String::new(), source: None };
        StoreError(Box::new(inner))
    }

    /// An error of the operating system, with its kind told from it (see [`ErrorKind::of_io`]).
    pub fn io(operation: Operation, location: impl Into<String>, source: io::Error) -> StoreError {
        StoreError::new(ErrorKind::of_io(&source), operation, location).with_source(source)
    }

    /// Adds what a person needs to know beyond the kind.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> StoreError {
        self.0.detail = detail.into();
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> StoreError {
        self.0.source = Some(source.into());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The specification's code for it; never [`Code::Ok`].
    pub fn code(&self) -> Code {
        self.0.kind.code()
    }

    /// The operation that failed.
    pub fn operation(&self) -> Operation {
        self.0.operation
    }

    /// Where it failed: a store's location, or a file in it.
    pub fn location(&self) -> &str {
        &self.0.location
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.0.operation, self.0.location, self.0.kind)?;
        if !self.0.detail.is_empty() {
            write!(f, ": {}", self.0.detail)?;
        }
        Ok(())
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_beyond_the_codes_is_an_io_error_to_the_specification() {
        for kind in [
            ErrorKind::Io,
            ErrorKind::Corrupt,
            ErrorKind::ReadOnly,
            ErrorKind::Unsupported,
            ErrorKind::NoSpace,
            ErrorKind::Closed,
            ErrorKind::TooLarge,
        ] {
            assert_eq!(kind.code(), Code::IoError, "{kind:?}");
        }
        assert_eq!(ErrorKind::Exists.code().as_str(), "STORE_EXISTS");
        assert_eq!(ErrorKind::NotFound.code().as_str(), "STORE_NOT_FOUND");
    }

    #[test]
    fn an_error_says_what_was_done_where_and_why() {
        let cause = io::Error::from(io::ErrorKind::StorageFull);
        let error = StoreError::io(Operation::Append, "/data/log", cause).with_detail("record 7");
        assert_eq!(error.to_string(), "append: /data/log: no space left: record 7");
        assert_eq!(error.kind(), ErrorKind::NoSpace);
        assert!(StdError::source(&error).is_some());
    }
}
