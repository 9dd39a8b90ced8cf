//! The handle to an open store of the claiming host.

use super::log::Log;
use super::{RECORD_LEN_MAX, Steps};
use crate::plain::Shared;
use crate::plain::files::failed;
use crate::plain::gate::Gate;
use asl_host::env::Env;
use asl_host::fs::FileSystem;
use asl_host::{ErrorKind, LogSeq, Operation, Record, Result, Store, StoreError, StoreLocation};
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// A handle to a store of a claiming host.
#[derive(Debug)]
pub(crate) struct ClaimStore<F, E, S> {
    shared: Arc<Shared<F, E>>,
    dir: PathBuf,
    gate: Gate,
    state: Mutex<State>,
    is_open: Arc<AtomicBool>,
    steps: PhantomData<fn() -> S>,
}

#[derive(Debug)]
struct State {
    log: Log,
    /// An append is going on, or has failed or was dropped half-way: nothing is sure.
    in_doubt: bool,
    /// Somebody has opened the store since.
    is_fenced: bool,
}

impl<F: FileSystem, E: Env, S: Steps> ClaimStore<F, E, S> {
    pub(super) fn new(
        shared: Arc<Shared<F, E>>,
        location: &StoreLocation,
        log: Log,
        is_open: Arc<AtomicBool>,
    ) -> Self {
        let state = Mutex::new(State { log, in_doubt: false, is_fenced: false });
        let dir = PathBuf::from(location.as_str());
        ClaimStore { shared, dir, gate: Gate::default(), state, is_open, steps: PhantomData }
    }

    fn error(&self, kind: ErrorKind, operation: Operation) -> StoreError {
        StoreError::new(kind, operation, self.dir.to_string_lossy())
    }

    /// The state, unless the handle refuses work.
    fn state(&self, operation: Operation) -> Result<MutexGuard<'_, State>> {
        let state = self.state.lock().expect("nothing panics while holding the store's lock");
        if state.is_fenced && self.is_open.load(Ordering::Relaxed) {
            return Err(self.error(ErrorKind::ConcurrentModification, operation));
        }
        if state.in_doubt || !self.is_open.load(Ordering::Relaxed) {
            return Err(self.error(ErrorKind::Closed, operation));
        }
        Ok(state)
    }

    async fn append_expecting(&self, expected: Option<LogSeq>, record: &[u8]) -> Result<LogSeq> {
        let operation = Operation::Append;
        if record.len() as u64 > u64::from(RECORD_LEN_MAX) {
            return Err(self.error(ErrorKind::TooLarge, operation));
        }
        let _pass = self.gate.enter().await;
        let mut log = {
            let mut state = self.state(operation)?;
            let next = state.log.records.len() as u64 + 1;
            if expected.is_some_and(|expected| expected.0 != next) {
                return Err(self.error(ErrorKind::ConcurrentModification, operation));
            }
            state.in_doubt = true;
            std::mem::take(&mut state.log)
        };
        let claimed = async {
            loop {
                let is_ours = log.claim(&self.shared, &self.dir, Some(record)).await?;
                if is_ours || !S::TRIES_AGAIN {
                    return Ok(is_ours);
                }
                log.catch_up(&self.shared.fs, &self.dir).await?;
            }
        };
        let is_ours = claimed.await.map_err(failed(operation, &self.dir))?;
        let seq = log.records.len() as u64;
        {
            let mut state = self.state.lock().expect("nothing panics while holding the store's lock");
            (state.log, state.in_doubt, state.is_fenced) = (log, false, !is_ours);
        }
        if is_ours { Ok(LogSeq(seq)) } else { Err(self.error(ErrorKind::ConcurrentModification, operation)) }
    }

    /// The last number. Everything that was appended is durable.
    async fn last(&self, operation: Operation) -> Result<LogSeq> {
        let _pass = self.gate.enter().await;
        Ok(LogSeq(self.state(operation)?.log.records.len() as u64))
    }
}

impl<F: FileSystem, E: Env, S: Steps> Store for ClaimStore<F, E, S> {
    async fn append(&self, record: &[u8]) -> Result<LogSeq> {
        self.append_expecting(None, record).await
    }

    async fn append_if(&self, expected_next: LogSeq, record: &[u8]) -> Result<LogSeq> {
        self.append_expecting(Some(expected_next), record).await
    }

    async fn flush(&self) -> Result<LogSeq> {
        self.last(Operation::Flush).await
    }

    async fn durable_upto(&self) -> Result<LogSeq> {
        self.last(Operation::DurableUpto).await
    }

    async fn read(&self, from: LogSeq, limit: usize) -> Result<Vec<Record>> {
        let _pass = self.gate.enter().await;
        let state = self.state(Operation::Read)?;
        let skip = usize::try_from(from.0.saturating_sub(1)).unwrap_or(usize::MAX);
        let numbered = (1..).map(LogSeq).zip(&state.log.records).skip(skip).take(limit);
        Ok(numbered.map(|(seq, data)| Record { seq, data: data.to_vec() }).collect())
    }

    async fn close(&self) -> Result<()> {
        let _pass = self.gate.enter().await;
        let closed = self.state(Operation::Close).map(drop);
        // Whatever came of it, the handle does not have the store any more.
        self.is_open.store(false, Ordering::Relaxed);
        closed
    }

    fn append_unit(&self) -> u32 {
        1
    }
}
