//! An open store: the log, as it stands in its file and in memory.

use crate::RECORD_LEN_MAX;
use crate::files::Files;
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem, write_all_at};
use asl_host::{ErrorKind, LogSeq, Operation, Record, Result, Store, StoreError, StoreLocation};
use std::io;
use std::path::Path;
use tokio::sync::{Mutex, MutexGuard};

/// The log of an open store.
pub(crate) struct Log<File> {
    /// Gone once the handle is closed.
    lock: Option<File>,
    file: File,
    salt: u64,
    records: Vec<Vec<u8>>,
    end: u64,
    /// An append has failed, or was given up: nobody knows what is on the medium.
    in_doubt: bool,
}

/// Writes a log with a new salt, in the place of the one that is there.
pub(crate) async fn write_log<F: FileSystem, E: Env>(
    files: &Files<F, E>,
    dir: &Path,
    lock: F::File,
    records: Vec<Vec<u8>>,
) -> io::Result<Log<F::File>> {
    let salt = files.env.random_u64();
    let mut bytes = salt.to_le_bytes().to_vec();
    for (seq, record) in (1..).zip(&records) {
        bytes.extend_from_slice(&frame(salt, seq, record));
    }
    let file = files.replace(&dir.join("log"), &bytes).await?;
    Ok(Log { lock: Some(lock), file, salt, records, end: bytes.len() as u64, in_doubt: false })
}

fn frame(salt: u64, seq: u64, record: &[u8]) -> Vec<u8> {
    let head = crc32c::crc32c(&[salt.to_le_bytes(), seq.to_le_bytes()].concat());
    let crc = crc32c::crc32c_append(head, record);
    [&(record.len() as u32).to_le_bytes()[..], &crc.to_le_bytes(), record].concat()
}

/// The records of a log, up to the first frame that is not whole.
pub(crate) fn records(bytes: &[u8]) -> io::Result<Vec<Vec<u8>>> {
    let (salt, mut rest) =
        bytes.split_first_chunk::<8>().ok_or_else(|| io::Error::other("the log has no salt"))?;
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

/// A handle to a store.
pub struct OwnStore<F: FileSystem> {
    location: String,
    log: Mutex<Log<F::File>>,
}

impl<F: FileSystem> OwnStore<F> {
    pub(crate) fn new(location: &StoreLocation, log: Log<F::File>) -> OwnStore<F> {
        OwnStore { location: location.as_str().to_owned(), log: Mutex::new(log) }
    }

    fn refused(&self, kind: ErrorKind, operation: Operation) -> StoreError {
        StoreError::new(kind, operation, &*self.location)
    }

    async fn log(&self, operation: Operation) -> Result<MutexGuard<'_, Log<F::File>>> {
        let log = self.log.lock().await;
        if log.in_doubt || log.lock.is_none() {
            Err(self.refused(ErrorKind::Closed, operation))
        } else {
            Ok(log)
        }
    }

    async fn append_expecting(&self, expected: Option<LogSeq>, record: &[u8]) -> Result<LogSeq> {
        let mut one = self.append_all(&[(expected, record.to_vec())]).await;
        one.pop().expect("one answer for each record")
    }

    /// Appends many records with one write and one sync, each if it gets the number that is expected of it. One answer for each.
    pub async fn append_all(&self, records: &[(Option<LogSeq>, Vec<u8>)]) -> Vec<Result<LogSeq>> {
        let refuse = |kind| records.iter().map(|_| Err(self.refused(kind, Operation::Append))).collect();
        let Ok(mut log) = self.log(Operation::Append).await else { return refuse(ErrorKind::Closed) };
        let first = log.records.len();
        let (mut bytes, mut appended) = (Vec::new(), Vec::new());
        let mut answers = Vec::new();
        for (expected, record) in records {
            let seq = (first + appended.len()) as u64 + 1;
            if record.len() > RECORD_LEN_MAX as usize {
                answers.push(Err(self.refused(ErrorKind::TooLarge, Operation::Append)));
            } else if expected.is_some_and(|expected| expected.0 != seq) {
                answers.push(Err(self.refused(ErrorKind::ConcurrentModification, Operation::Append)));
            } else {
                bytes.extend_from_slice(&frame(log.salt, seq, record));
                appended.push(record.clone());
                answers.push(Ok(LogSeq(seq)));
            }
        }
        if appended.is_empty() {
            return answers;
        }
        // Until all is durable; it stays so if the caller stops waiting.
        log.in_doubt = true;
        let written = async {
            write_all_at(&log.file, &bytes, log.end).await?;
            log.file.sync_data().await
        };
        if let Err(error) = written.await {
            for answer in answers.iter_mut().filter(|answer| answer.is_ok()) {
                let again =
                    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
                *answer = Err(StoreError::io(Operation::Append, &*self.location, again));
            }
            return answers;
        }
        log.in_doubt = false;
        log.end += bytes.len() as u64;
        log.records.extend(appended);
        answers
    }
}

impl<F: FileSystem> Store for OwnStore<F> {
    async fn append(&self, record: &[u8]) -> Result<LogSeq> {
        self.append_expecting(None, record).await
    }

    async fn append_if(&self, expected_next: LogSeq, record: &[u8]) -> Result<LogSeq> {
        self.append_expecting(Some(expected_next), record).await
    }

    async fn flush(&self) -> Result<LogSeq> {
        Ok(LogSeq(self.log(Operation::Flush).await?.records.len() as u64))
    }

    async fn durable_upto(&self) -> Result<LogSeq> {
        Ok(LogSeq(self.log(Operation::DurableUpto).await?.records.len() as u64))
    }

    async fn read(&self, from: LogSeq, limit: usize) -> Result<Vec<Record>> {
        let log = self.log(Operation::Read).await?;
        let skip = usize::try_from(from.0.saturating_sub(1)).unwrap_or(usize::MAX);
        let numbered = (1..).map(LogSeq).zip(&log.records).skip(skip).take(limit);
        Ok(numbered.map(|(seq, data)| Record { seq, data: data.clone() }).collect())
    }

    async fn close(&self) -> Result<()> {
        let closed = self.log(Operation::Close).await.map(drop);
        // Whatever came of it, the handle does not have the store any more.
        self.log.lock().await.lock = None;
        closed
    }

    fn append_unit(&self) -> u32 {
        1
    }
}
