//! The handle to an open single-file store.

use super::header::{Header, LOG_START};
use super::{RECORD_LEN_MAX, Steps, retry};
use crate::plain::files::failed;
use crate::plain::gate::Gate;
use asl_host::frame;
use asl_host::fs::{File, FileSystem, write_all_at};
use asl_host::{ErrorKind, LogSeq, Operation, Record, Result, Store, StoreError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// The file grows by so many bytes at least.
const GROWTH_LEN_MIN: u64 = 2048;

/// The records of a store, and where they end in its file.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) records: Vec<Arc<[u8]>>,
    pub(super) end: u64,
}

impl Default for Contents {
    fn default() -> Contents {
        Contents { records: Vec::new(), end: LOG_START }
    }
}

/// A handle to a store of a single-file host.
#[derive(Debug)]
pub(crate) struct SingleStore<F: FileSystem, S> {
    path: PathBuf,
    steps: S,
    gate: Gate,
    state: Mutex<State<F::File>>,
}

#[derive(Debug)]
struct State<F> {
    /// The locked file; gone once the handle is closed.
    file: Option<Arc<F>>,
    header: Header,
    contents: Contents,
    /// An operation is going on, or has failed or was dropped half-way: until it has succeeded nothing is sure.
    in_doubt: bool,
}

impl<F: FileSystem, S: Steps> SingleStore<F, S> {
    pub(super) fn new(path: &Path, steps: S, file: F::File, header: Header, contents: Contents) -> Self {
        let state = State { file: Some(Arc::new(file)), header, contents, in_doubt: false };
        SingleStore { path: path.to_owned(), steps, gate: Gate::default(), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State<F::File>> {
        self.state.lock().expect("nothing panics while holding the store's lock")
    }

    fn error(&self, kind: ErrorKind, operation: Operation) -> StoreError {
        StoreError::new(kind, operation, self.path.to_string_lossy())
    }

    /// The file, unless the handle refuses work. The caller has the gate, or writes nothing.
    fn file(&self, operation: Operation) -> Result<Arc<F::File>> {
        let state = self.state();
        match &state.file {
            Some(file) if !state.in_doubt => Ok(file.clone()),
            _ => Err(self.error(ErrorKind::Closed, operation)),
        }
    }

    async fn append_expecting(&self, expected: Option<LogSeq>, record: &[u8]) -> Result<LogSeq> {
        let operation = Operation::Append;
        if record.len() as u64 > u64::from(RECORD_LEN_MAX) {
            return Err(self.error(ErrorKind::TooLarge, operation));
        }
        let _pass = self.gate.enter().await;
        let file = self.file(operation)?;
        let (header, seq, start) = {
            let state = self.state();
            (state.header, state.contents.records.len() as u64 + 1, state.contents.end)
        };
        if expected.is_some_and(|expected| expected.0 != seq) {
            return Err(self.error(ErrorKind::ConcurrentModification, operation));
        }
        let mut bytes = Vec::new();
        frame::encode(&mut bytes, header.salt, seq, 0, record);
        let end = start + bytes.len() as u64;
        self.state().in_doubt = true;
        let written = async {
            if end > header.len {
                self.grow(&*file, end).await?;
            }
            write_all_at(&*file, &bytes, start).await?;
            retry!(file.sync_data())
        };
        written.await.map_err(failed(operation, &self.path))?;
        let mut state = self.state();
        state.contents.records.push(Arc::from(record));
        state.contents.end = end;
        state.in_doubt = false;
        Ok(LogSeq(seq))
    }

    /// Makes the file long enough for what ends there.
    async fn grow(&self, file: &F::File, end: u64) -> io::Result<()> {
        let old = self.state().header;
        let len = end.max(old.len + GROWTH_LEN_MIN).next_multiple_of(512);
        let header = Header { generation: old.generation + 1, len, ..old };
        self.steps.grow(file, header).await?;
        self.state().header = header;
        Ok(())
    }
}

impl<F: FileSystem, S: Steps> Store for SingleStore<F, S> {
    async fn append(&self, record: &[u8]) -> Result<LogSeq> {
        self.append_expecting(None, record).await
    }

    async fn append_if(&self, expected_next: LogSeq, record: &[u8]) -> Result<LogSeq> {
        self.append_expecting(Some(expected_next), record).await
    }

    async fn flush(&self) -> Result<LogSeq> {
        // With the gate: what is acknowledged is durable, and what is not is none of a flush's business.
        let _pass = self.gate.enter().await;
        self.file(Operation::Flush)?;
        Ok(LogSeq(self.state().contents.records.len() as u64))
    }

    async fn durable_upto(&self) -> Result<LogSeq> {
        let _pass = self.gate.enter().await;
        self.file(Operation::DurableUpto)?;
        Ok(LogSeq(self.state().contents.records.len() as u64))
    }

    async fn read(&self, from: LogSeq, limit: usize) -> Result<Vec<Record>> {
        let _pass = self.gate.enter().await;
        self.file(Operation::Read)?;
        let skip = usize::try_from(from.0.saturating_sub(1)).unwrap_or(usize::MAX);
        let state = self.state();
        let numbered = (1..).map(LogSeq).zip(&state.contents.records).skip(skip).take(limit);
        Ok(numbered.map(|(seq, data)| Record { seq, data: data.to_vec() }).collect())
    }

    async fn close(&self) -> Result<()> {
        let operation = Operation::Close;
        let _pass = self.gate.enter().await;
        let file = self.file(operation);
        let closed = match &file {
            Ok(file) => {
                let (header, count) = {
                    let state = self.state();
                    (state.header, state.contents.records.len() as u64)
                };
                let header = Header { generation: header.generation + 1, count, is_closed: true, ..header };
                // Half closed it takes no more records: the header may say already that there are none behind these.
                self.state().in_doubt = true;
                let written = async {
                    header.write(&**file).await?;
                    retry!(file.sync_data())
                };
                written.await.map_err(failed(operation, &self.path))
            }
            Err(_) => Err(self.error(ErrorKind::Closed, operation)),
        };
        drop(file);
        self.state().file = None;
        closed
    }

    fn append_unit(&self) -> u32 {
        1
    }
}
