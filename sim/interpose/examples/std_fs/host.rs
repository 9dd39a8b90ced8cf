//! A small host on plain `std::fs`: a log and nothing else, correct on every POSIX file system.
//!
//! ```text
//! ROOT/host/identity   ROOT/host/clock
//! LOCATION/lock        locked by the one writer
//! LOCATION/log         salt u64, then frames: length u32 | crc32c u32 of salt, number and bytes | bytes
//! ```
//!
//! An open writes what it finds into a new file with a new salt and renames that over the old one. So there is no torn tail to cut,
//! nothing in the page cache that a failed fsync has marked clean, and no frame of an earlier life behind the end. It costs a copy of
//! the log at each open. After a call that failed a handle refuses work.

use super::disk;
use asl_host::{
    Capabilities, Durability, ErrorKind, Exclusion, Host, HostIdentity, HostTime, LogSeq, Operation, Record,
    Result, Store, StoreError, StoreLocation,
};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind as Io, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

const RECORD_LEN_MAX: u32 = 1 << 20;
/// How far ahead readings of the clock are reserved.
const CLOCK_RESERVE_NS: u64 = 2_000_000;

/// The host.
#[derive(Debug)]
pub struct StdHost {
    dir: PathBuf,
    /// The last reading, and what is reserved; nothing at the start of a process.
    clock: Mutex<Option<(u64, u64)>>,
}

/// An open store.
#[derive(Debug)]
pub struct StdStore {
    location: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Gone once the handle is closed.
    lock: Option<File>,
    log: File,
    salt: u64,
    records: Vec<Vec<u8>>,
    end: u64,
    /// An append failed: nothing is sure.
    failed: bool,
}

impl StdHost {
    /// A host whose own files are below this directory, which exists.
    pub fn new(root: impl AsRef<Path>) -> StdHost {
        StdHost { dir: root.as_ref().join("host"), clock: Mutex::new(None) }
    }

    fn make_dir(&self) -> io::Result<()> {
        match fs::create_dir(&self.dir) {
            Err(error) if error.kind() != Io::AlreadyExists => return Err(error),
            _ => {}
        }
        disk::sync_dir(parent(&self.dir))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a host on std asks std; in a run it is told simulated time"
    )]
    fn read_clock(&self) -> io::Result<u64> {
        let mut clock = self.clock.lock().expect("nothing panics here");
        let path = self.dir.join("clock");
        let (last, mut reserved) = match *clock {
            Some(known) => known,
            None => match fs::read_to_string(&path) {
                Ok(text) => text.trim().parse().map(|mark| (mark, mark)).map_err(io::Error::other)?,
                Err(error) if error.kind() == Io::NotFound => (0, 0),
                Err(error) => return Err(error),
            },
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
        let reading = now.max(last + 1);
        if reading >= reserved {
            reserved = reading + CLOCK_RESERVE_NS;
            self.make_dir()?;
            replace(&path, format!("{reserved}\n").as_bytes())?;
        }
        *clock = Some((reading, reserved));
        Ok(reading)
    }

    fn read_identity(&self) -> io::Result<String> {
        self.make_dir()?;
        let path = self.dir.join("identity");
        loop {
            match fs::read_to_string(&path) {
                Ok(name) => {
                    disk::sync_dir(&self.dir)?;
                    return Ok(name);
                }
                Err(error) if error.kind() != Io::NotFound => return Err(error),
                Err(_) => {}
            }
            let temporary = self.dir.join(format!("{:016x}.tmp", random()));
            let file = disk::create(&temporary)?;
            disk::write(&file, format!("{:016x}{:016x}", random(), random()).as_bytes(), 0)?;
            disk::sync(&file)?;
            // Of several processes the first one wins.
            match fs::hard_link(&temporary, &path) {
                Err(error) if error.kind() != Io::AlreadyExists => return Err(error),
                _ => fs::remove_file(&temporary)?,
            }
        }
    }
}

impl Host for StdHost {
    type Store = StdStore;

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

    async fn create_store(&self, location: &StoreLocation) -> Result<StdStore> {
        let (dir, operation) = (Path::new(location.as_str()), Operation::CreateStore);
        let temporary = dir.with_extension(format!("{:016x}.tmp", random()));
        let made = || {
            if fs::exists(dir)? {
                return Err(io::Error::from(Io::AlreadyExists));
            }
            // All of it is durable before it has the name that makes it a store.
            fs::create_dir(&temporary)?;
            let lock = disk::create(&temporary.join("lock"))?;
            lock.try_lock().map_err(of_lock)?;
            let state = write_log(&temporary, lock, Vec::new())?;
            fs::rename(&temporary, dir)?;
            disk::sync_dir(parent(dir))?;
            Ok(state)
        };
        match made() {
            Ok(state) => Ok(StdStore::new(location, state)),
            Err(error) if matches!(error.kind(), Io::AlreadyExists | Io::DirectoryNotEmpty) => {
                // It is durable before we say so.
                disk::sync_dir(parent(dir)).map_err(failed(operation, location))?;
                Err(StoreError::new(ErrorKind::Exists, operation, location.as_str()))
            }
            Err(error) => Err(failed(operation, location)(error)),
        }
    }

    async fn open_store(&self, location: &StoreLocation) -> Result<StdStore> {
        let (dir, operation) = (Path::new(location.as_str()), Operation::OpenStore);
        let lock = lock(dir, operation, location)?;
        let opened = || {
            disk::sync_dir(parent(dir))?;
            let records = records(&fs::read(dir.join("log"))?)?;
            write_log(dir, lock, records)
        };
        Ok(StdStore::new(location, opened().map_err(failed(operation, location))?))
    }

    async fn destroy_store(&self, location: &StoreLocation) -> Result<()> {
        let (dir, operation) = (Path::new(location.as_str()), Operation::DestroyStore);
        let _lock = lock(dir, operation, location)?;
        let gone = dir.with_extension(format!("{:016x}.gone", random()));
        let renamed = fs::rename(dir, &gone).and_then(|()| disk::sync_dir(parent(dir)));
        renamed.map_err(failed(operation, location))?;
        // There is no store any more; what cannot be cleaned up is only in the way of space.
        let _ = fs::remove_dir_all(&gone);
        Ok(())
    }

    async fn now(&self) -> Result<HostTime> {
        let operation = Operation::Now;
        self.read_clock().map(HostTime).map_err(|error| StoreError::io(operation, "the clock", error))
    }

    async fn identity(&self) -> Result<HostIdentity> {
        let operation = Operation::Identity;
        let name = self.read_identity().map_err(|error| StoreError::io(operation, "the identity", error))?;
        Ok(HostIdentity::new(name))
    }
}

/// The lock of a store that exists.
fn lock(dir: &Path, operation: Operation, location: &StoreLocation) -> Result<File> {
    let path = dir.join("lock");
    let lock = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(lock) => lock,
        Err(error) if matches!(error.kind(), Io::NotFound | Io::NotADirectory) => {
            // Whoever removed it may have died before syncing: what we say now must stay true.
            disk::sync_dir(parent(dir)).map_err(failed(operation, location))?;
            return Err(StoreError::new(ErrorKind::NotFound, operation, location.as_str()));
        }
        Err(error) => return Err(failed(operation, location)(error)),
    };
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(StoreError::new(ErrorKind::ConcurrentModification, operation, location.as_str()))
        }
        Err(TryLockError::Error(error)) => Err(failed(operation, location)(error)),
    }
}

/// Writes a log with a new salt, in the place of the one that is there.
fn write_log(dir: &Path, lock: File, records: Vec<Vec<u8>>) -> io::Result<State> {
    let salt = random();
    let mut bytes = salt.to_le_bytes().to_vec();
    for (seq, record) in (1..).zip(&records) {
        bytes.extend_from_slice(&frame(salt, seq, record));
    }
    let log = replace(&dir.join("log"), &bytes)?;
    Ok(State { lock: Some(lock), log, salt, records, end: bytes.len() as u64, failed: false })
}

/// Gives a file a new content, all or nothing, and durably.
fn replace(path: &Path, content: &[u8]) -> io::Result<File> {
    let temporary = path.with_extension(format!("{:016x}.tmp", random()));
    let file = disk::create(&temporary)?;
    disk::write(&file, content, 0)?;
    disk::sync(&file)?;
    fs::rename(&temporary, path)?;
    disk::sync_dir(parent(path))?;
    Ok(file)
}

fn frame(salt: u64, seq: u64, record: &[u8]) -> Vec<u8> {
    let crc =
        crc32c::crc32c_append(crc32c::crc32c(&[salt.to_le_bytes(), seq.to_le_bytes()].concat()), record);
    [&(record.len() as u32).to_le_bytes()[..], &crc.to_le_bytes(), record].concat()
}

/// The records of a log, up to the first frame that is not whole.
fn records(bytes: &[u8]) -> io::Result<Vec<Vec<u8>>> {
    let too_short = || io::Error::other("the log has no salt");
    let (salt, mut rest) = bytes.split_first_chunk::<8>().ok_or_else(too_short)?;
    let salt = u64::from_le_bytes(*salt);
    let mut records = Vec::new();
    while let Some((len, behind)) = rest.split_first_chunk::<4>() {
        let len = u32::from_le_bytes(*len) as usize;
        let Some(record) = behind.get(4..).and_then(|behind| behind.get(..len)) else { break };
        let whole = frame(salt, records.len() as u64 + 1, record);
        if rest[..whole.len()] != whole {
            break;
        }
        records.push(record.to_vec());
        rest = &rest[whole.len()..];
    }
    Ok(records)
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// 64 bits that nobody else has.
fn random() -> u64 {
    let mut bytes = [0; 8];
    let filled = File::open("/dev/urandom").and_then(|mut entropy| entropy.read_exact(&mut bytes));
    filled.expect("there is entropy");
    u64::from_le_bytes(bytes)
}

fn of_lock(error: TryLockError) -> io::Error {
    match error {
        TryLockError::WouldBlock => Io::WouldBlock.into(),
        TryLockError::Error(error) => error,
    }
}

fn failed(operation: Operation, location: &StoreLocation) -> impl Fn(io::Error) -> StoreError + '_ {
    move |error| StoreError::io(operation, location.as_str(), error)
}

impl StdStore {
    fn new(location: &StoreLocation, state: State) -> StdStore {
        StdStore { location: location.as_str().to_owned(), state: Mutex::new(state) }
    }

    fn state(&self, operation: Operation) -> Result<MutexGuard<'_, State>> {
        let state = self.state.lock().expect("nothing panics while it is held");
        if state.failed || state.lock.is_none() {
            return Err(StoreError::new(ErrorKind::Closed, operation, &*self.location));
        }
        Ok(state)
    }

    fn append_expecting(&self, expected: Option<LogSeq>, record: &[u8]) -> Result<LogSeq> {
        let operation = Operation::Append;
        if record.len() > RECORD_LEN_MAX as usize {
            return Err(StoreError::new(ErrorKind::TooLarge, operation, &*self.location));
        }
        let mut state = self.state(operation)?;
        let seq = state.records.len() as u64 + 1;
        if expected.is_some_and(|expected| expected.0 != seq) {
            return Err(StoreError::new(ErrorKind::ConcurrentModification, operation, &*self.location));
        }
        let frame = frame(state.salt, seq, record);
        let written = disk::write(&state.log, &frame, state.end).and_then(|()| disk::sync(&state.log));
        if let Err(error) = written {
            state.failed = true;
            return Err(StoreError::io(operation, &*self.location, error));
        }
        state.end += frame.len() as u64;
        state.records.push(record.to_vec());
        Ok(LogSeq(seq))
    }
}

impl Store for StdStore {
    async fn append(&self, record: &[u8]) -> Result<LogSeq> {
        self.append_expecting(None, record)
    }

    async fn append_if(&self, expected_next: LogSeq, record: &[u8]) -> Result<LogSeq> {
        self.append_expecting(Some(expected_next), record)
    }

    async fn flush(&self) -> Result<LogSeq> {
        Ok(LogSeq(self.state(Operation::Flush)?.records.len() as u64))
    }

    async fn durable_upto(&self) -> Result<LogSeq> {
        Ok(LogSeq(self.state(Operation::DurableUpto)?.records.len() as u64))
    }

    async fn read(&self, from: LogSeq, limit: usize) -> Result<Vec<Record>> {
        let state = self.state(Operation::Read)?;
        let skip = usize::try_from(from.0.saturating_sub(1)).unwrap_or(usize::MAX);
        let numbered = (1..).map(LogSeq).zip(&state.records).skip(skip).take(limit);
        Ok(numbered.map(|(seq, data)| Record { seq, data: data.clone() }).collect())
    }

    async fn close(&self) -> Result<()> {
        let closed = self.state(Operation::Close).map(drop);
        // Whatever came of it, the handle does not have the store any more.
        self.state.lock().expect("nothing panics while it is held").lock = None;
        closed
    }

    fn append_unit(&self) -> u32 {
        1
    }
}
