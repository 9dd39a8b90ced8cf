//! A database in a directory: making it all at once, opening it so that what it shows is durable, and removing it.
//!
//! ```text
//! LOCATION/lock          flock of the one writer
//! LOCATION/store.db      the database; with this name there is a store, without it there is none
//! LOCATION/store.db-wal  its write-ahead log, while it is open and after a crash
//! LOCATION/new.db*       a database that is being made; rubbish after a crash
//! ```
//!
//! What SQLite does and what is left to the host, by its documentation and the source of 3.54:
//!
//! - With `synchronous=FULL` in WAL mode a commit fsyncs the log. SQLite makes the log's *name* durable at its first fsync, but ignores
//!   it if that fails (`unixSync`); and nothing makes the name of the database durable. So the host syncs the directory itself, after
//!   SQLite has made its files and before it relies on them.
//! - Recovery shows what stands in the log, whether it was synced or not: a process may have been killed between its write and its
//!   fsync, or the fsync may have failed. So the host writes the log once more when it opens a store, syncs it, and has it checkpointed.
//! - `locking_mode=EXCLUSIVE` keeps the index of the log on the heap, not in a map that processes share. The lock of the host lets no
//!   second process come in any case.
//! - SQLite has no checksums of pages: what a medium damages in the database may be shown. They end with what a medium may lose.

use asl_host::{ErrorKind, Operation, Result, StoreError};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// When a commit is durable.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Synchronous {
    /// When it returns.
    Full,
    /// At the next checkpoint.
    Normal,
}

/// A record of the log has its number for key, so that the log cannot have two of a number. Sealed blocks and the log never change:
/// a snapshot is the last number and the names of the blocks.
const SCHEMA: &str = "
    CREATE TABLE log(seq INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE block(id TEXT PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE snapshot(id TEXT PRIMARY KEY, last INTEGER NOT NULL);
    CREATE TABLE snapshot_block(snapshot TEXT NOT NULL, block TEXT NOT NULL, PRIMARY KEY(snapshot, block));
";

/// An open database, and the lock that comes with it. The lock is dropped last.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) connection: Connection,
    _lock: File,
}

impl Database {
    /// Moves everything into the database itself, and lets go of it.
    pub(crate) fn close(self, place: &Place) -> Result<()> {
        checkpoint(&self.connection).map_err(|error| place.sql(&self.connection, error))?;
        self.connection.close().map_err(|(connection, error)| place.sql(&connection, error))
    }
}

/// Where things of a store are, and which operation is under way: what an error has to tell.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    dir: PathBuf,
    operation: Operation,
}

impl Place {
    pub(crate) fn new(location: &str, operation: Operation) -> Place {
        Place { dir: PathBuf::from(location), operation }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn parent(&self) -> &Path {
        self.dir.parent().unwrap_or(Path::new("/"))
    }

    pub(crate) fn refused(&self, kind: ErrorKind) -> StoreError {
        StoreError::new(kind, self.operation, self.dir.to_string_lossy())
    }

    fn io(&self, error: io::Error) -> StoreError {
        StoreError::io(self.operation, self.dir.to_string_lossy(), error)
    }

    fn cannot_open(&self, error: rusqlite::Error) -> StoreError {
        self.refused(ErrorKind::Io).with_source(error)
    }

    /// An error of SQLite's. It calls a read that fails with EIO corruption too (`SQLITE_IOERR_CORRUPTFS` in its source), so that
    /// the host has to find out which it was: what cannot be read, or is sound when it is read again, is not damaged.
    pub(crate) fn sql(&self, connection: &Connection, error: rusqlite::Error) -> StoreError {
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => ErrorKind::NoSpace,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) if self.is_damaged(connection) => {
                ErrorKind::Corrupt
            }
            Some(ErrorCode::TooBig) => ErrorKind::TooLarge,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ErrorKind::ConcurrentModification,
            _ => ErrorKind::Io,
        };
        self.refused(kind).with_source(error)
    }

    /// Whether all can be read, and is not sound.
    fn is_damaged(&self, connection: &Connection) -> bool {
        let readable = |name| match fs::read(self.file(name)) {
            Err(error) => error.kind() == io::ErrorKind::NotFound,
            Ok(_) => true,
        };
        let check = || connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        readable("store.db") && readable("store.db-wal") && !check().is_ok_and(|said| said == "ok")
    }

    /// Whether there is a store. Not `Path::exists`, which takes an error for absence.
    fn holds_a_store(&self) -> Result<bool> {
        self.file("store.db").try_exists().map_err(|error| self.io(error))
    }

    /// The lock, unless another handle has it.
    fn lock(&self) -> Result<File> {
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(self.file("lock"));
        let lock = opened.map_err(|error| self.io(error))?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(self.refused(ErrorKind::ConcurrentModification)),
            Err(TryLockError::Error(error)) => Err(self.io(error)),
        }
    }
}

/// Makes the names in a directory durable.
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Makes an empty store. There is one when the database has its name.
pub(crate) fn create(place: &Place, synchronous: Synchronous) -> Result<Database> {
    match fs::create_dir(&place.dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && place.dir.is_dir() => {}
        made => made.map_err(|error| place.io(error))?,
    }
    if place.holds_a_store()? {
        return Err(place.refused(ErrorKind::Exists));
    }
    let lock = place.lock()?;
    // While we waited for the lock somebody may have made it.
    if place.holds_a_store()? {
        return Err(place.refused(ErrorKind::Exists));
    }
    // A write-ahead log of a database that was destroyed would be taken for one of the new database.
    remove_rubbish(place).map_err(|error| place.io(error))?;
    sync_dir(place.parent()).map_err(|error| place.io(error))?;
    make_aside(place)?;
    fs::rename(place.file("new.db"), place.file("store.db")).map_err(|error| place.io(error))?;
    connect(place, lock, synchronous)
}

/// Makes the database under another name, durably. Closing it empties and removes its write-ahead log.
fn make_aside(place: &Place) -> Result<()> {
    let path = place.file("new.db");
    let new = Connection::open(&path).map_err(|error| place.cannot_open(error))?;
    new.execute_batch("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
        .and_then(|()| new.execute_batch(&format!("BEGIN; {SCHEMA} COMMIT;")))
        .and_then(|()| checkpoint(&new))
        .map_err(|error| place.sql(&new, error))?;
    new.close().map_err(|(new, error)| place.sql(&new, error))?;
    File::open(&path).and_then(|file| file.sync_all()).map_err(|error| place.io(error))
}

/// Opens a store, and makes what is in it durable.
pub(crate) fn open(place: &Place, synchronous: Synchronous) -> Result<Database> {
    if !place.holds_a_store()? {
        return Err(absent(place));
    }
    let lock = place.lock()?;
    // Before we had the lock somebody may have destroyed it.
    if !place.holds_a_store()? {
        return Err(absent(place));
    }
    connect(place, lock, synchronous)
}

/// There is no store, and it stays like that: a process that was killed may have removed the name without syncing.
fn absent(place: &Place) -> StoreError {
    match sync_dir(&place.dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => place.io(error),
        _ => place.refused(ErrorKind::NotFound),
    }
}

fn connect(place: &Place, lock: File, synchronous: Synchronous) -> Result<Database> {
    write_again(&place.file("store.db-wal")).map_err(|error| place.io(error))?;
    // SQLite itself makes none: an absent database is no empty one.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(place.file("store.db"), flags)
        .map_err(|error| place.cannot_open(error))?;
    connection
        .execute_batch("PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=FULL;")
        .and_then(|()| checkpoint(&connection))
        .map_err(|error| place.sql(&connection, error))?;
    // The names of the database, and of the write-ahead log, which is there since the checkpoint.
    sync_dir(&place.dir).and_then(|()| sync_dir(place.parent())).map_err(|error| place.io(error))?;
    if let Synchronous::Normal = synchronous {
        connection
            .execute_batch("PRAGMA synchronous=NORMAL;")
            .map_err(|error| place.sql(&connection, error))?;
    }
    Ok(Database { connection, _lock: lock })
}

/// Moves all that the write-ahead log has into the database, durably. The next commit writes it from its beginning, after it has
/// made another header durable, without which no old record counts.
///
/// Not `TRUNCATE`: that a log is truncated is not synced, and where a crash may leave a part of it (`posix` allows that), recovery
/// would take that part for the newest state there is.
fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| match row.get::<_, i64>(0)? {
        0 => Ok(()),
        // Something was in the way, which nothing can be.
        _ => Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None)),
    })
}

/// Writes what stands in the write-ahead log once more and syncs it. A process that failed to sync may have left pages that the
/// kernel takes for clean and that are not on the medium: written again they are dirty again, and the next sync means what it says.
/// SQLite only syncs.
fn write_again(path: &Path) -> io::Result<()> {
    let content = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        content => content?,
    };
    let file = OpenOptions::new().write(true).open(path)?;
    file.write_all_at(&content, 0)?;
    file.sync_all()
}

/// Destroys a store that nobody has open. Without the name of the database there is none, whatever else is there.
pub(crate) fn destroy(place: &Place) -> Result<()> {
    if !place.holds_a_store()? {
        return Err(absent(place));
    }
    let lock = place.lock()?;
    match fs::remove_file(place.file("store.db")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(absent(place)),
        removed => removed.and_then(|()| sync_dir(&place.dir)).map_err(|error| place.io(error))?,
    }
    // It is gone for good. If the rest stays behind, a creation removes it.
    let rest = || {
        remove_rubbish(place)?;
        fs::remove_file(place.file("lock"))?;
        fs::remove_dir(&place.dir)?;
        sync_dir(place.parent())
    };
    if let Err(error) = rest() {
        eprintln!(
            "sqlite-host: {} is destroyed, but not all of it was removed: {error}",
            place.dir.display()
        );
    }
    drop(lock);
    Ok(())
}

/// Removes what is no store, durably. The lock stays.
fn remove_rubbish(place: &Place) -> io::Result<()> {
    for name in [
        "store.db-wal",
        "store.db-shm",
        "store.db-journal",
        "new.db",
        "new.db-wal",
        "new.db-shm",
        "new.db-journal",
    ] {
        match fs::remove_file(place.file(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    sync_dir(&place.dir)
}
