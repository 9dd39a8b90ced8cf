//! The handle to an open log on a bucket. One operation at a time.

use super::RECORD_LEN_MAX;
use super::bug::Bug;
use super::entry::{self, Contents, Kind, Row};
use super::log::{Put, Seams, name};
use crate::plain::gate::Gate;
use asl_host::env::Env;
use asl_host::{BlockId, ErrorKind, LogSeq, Operation, Record, Result, Store, StoreError};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// A handle to a log on a bucket.
#[derive(Debug)]
pub(super) struct BucketStore {
    seams: Seams,
    location: String,
    gate: Gate,
    state: Mutex<State>,
    closed: Arc<AtomicBool>,
}

#[derive(Debug)]
struct State {
    next: u64,
    next_elsewhere: u64,
    contents: Contents,
    open_blocks: BTreeMap<String, Vec<u8>>,
    /// An entry is being put, or that has failed or was dropped half-way: nothing is sure.
    in_doubt: bool,
    /// Somebody has opened the store since.
    is_fenced: bool,
}

impl BucketStore {
    pub(super) fn new(seams: Seams, location: &str, row: Row, closed: Arc<AtomicBool>) -> BucketStore {
        let state = State {
            next: row.next,
            next_elsewhere: row.next_elsewhere,
            contents: row.store.unwrap_or_default(),
            open_blocks: BTreeMap::new(),
            in_doubt: false,
            is_fenced: false,
        };
        let location = location.to_owned();
        BucketStore { seams, location, gate: Gate::default(), state: Mutex::new(state), closed }
    }

    fn error(&self, kind: ErrorKind, operation: Operation) -> StoreError {
        StoreError::new(kind, operation, self.location.as_str())
    }

    /// The state, unless the handle refuses work.
    fn state(&self, operation: Operation) -> Result<MutexGuard<'_, State>> {
        let state = self.state.lock().expect("nothing panics while holding the store's lock");
        let is_closed = self.closed.load(Ordering::Relaxed);
        if state.is_fenced && !is_closed {
            return Err(self.error(ErrorKind::ConcurrentModification, operation));
        }
        if state.in_doubt || is_closed {
            return Err(self.error(ErrorKind::Closed, operation));
        }
        Ok(state)
    }

    /// Puts an entry under the next number, and then changes what the handle knows.
    async fn put(
        &self,
        operation: Operation,
        entry: Vec<u8>,
        then: impl FnOnce(&mut Contents) + Send,
    ) -> Result<()> {
        let failed = |kind| self.error(kind, operation);
        let mut next = {
            let mut state = self.state(operation)?;
            state.in_doubt = true;
            state.next
        };
        let put = self.seams.add(&self.location, &mut next, &entry).await.map_err(failed)?;
        let is_fenced = put == Put::Taken && !self.looks_again(next).await.map_err(failed)?;
        let mut state = self.state.lock().expect("nothing panics while holding the store's lock");
        (state.in_doubt, state.is_fenced, state.next) = (false, is_fenced, next + 1);
        match put {
            Put::Done => then(&mut state.contents),
            Put::Taken => return Err(failed(ErrorKind::ConcurrentModification)),
            Put::Lost => return Err(failed(ErrorKind::Io)),
        }
        Ok(())
    }

    /// Whether what is found under the next number is taken as it is, and the one behind it tried.
    async fn looks_again(&self, number: u64) -> std::result::Result<bool, ErrorKind> {
        match self.seams.planted.0 {
            Some(Bug::LooksForTheEnd) => Ok(true),
            Some(Bug::PutsPlainly) => self.seams.is_record(&self.location, number).await,
            _ => Ok(false),
        }
    }

    /// The same, with an entry that is made anew from what the handle knows each time that it has looked.
    async fn put_made(
        &self,
        operation: Operation,
        make: impl Fn(&Contents) -> Result<Vec<u8>> + Send,
        then: impl Fn(&mut Contents) + Send + Sync,
    ) -> Result<()> {
        if self.seams.planted.is(Bug::LooksForTheEnd) {
            self.look(operation).await?;
        }
        loop {
            let entry = make(&self.state(operation)?.contents)?;
            match self.put(operation, entry, &then).await {
                Err(error) if error.kind() == ErrorKind::ConcurrentModification => {
                    // Unless it has been fenced off.
                    drop(self.state(operation)?);
                    self.look(operation).await?;
                }
                put => return put,
            }
        }
    }

    /// Takes what stands in the log for what the store holds.
    async fn look(&self, operation: Operation) -> Result<()> {
        drop(self.state(operation)?);
        let row = self.seams.row(&self.location).await.map_err(|kind| self.error(kind, operation))?;
        let mut state = self.state(operation)?;
        (state.next, state.contents) = (row.next, row.store.unwrap_or_default());
        Ok(())
    }

    async fn append_expecting(&self, expected: Option<LogSeq>, record: &[u8]) -> Result<LogSeq> {
        let operation = Operation::Append;
        if record.len() as u64 > u64::from(RECORD_LEN_MAX) {
            return Err(self.error(ErrorKind::TooLarge, operation));
        }
        if self.seams.planted.is(Bug::TakesNoTurns) {
            return self.append_in_a_race(expected, record).await;
        }
        let _pass = self.gate.enter().await;
        let make = |contents: &Contents| {
            let seq = contents.records.len() as u64 + 1;
            if expected.is_some_and(|expected| expected.0 != seq) {
                return Err(self.error(ErrorKind::ConcurrentModification, operation));
            }
            Ok(self.seams.entry(Kind::Record, seq, record))
        };
        self.put_made(operation, make, |contents| contents.records.push(record.to_vec())).await?;
        Ok(LogSeq(self.state(operation)?.contents.records.len() as u64))
    }

    /// Appends under the first number that is free, together with others that do: the bucket says who has it.
    async fn append_in_a_race(&self, expected: Option<LogSeq>, record: &[u8]) -> Result<LogSeq> {
        let operation = Operation::Append;
        let failed = |kind| self.error(kind, operation);
        loop {
            let next_elsewhere = self.state(operation)?.next_elsewhere;
            if self.seams.is_opened_since(&self.location, next_elsewhere).await.map_err(failed)? {
                self.state(operation)?.is_fenced = true;
                return Err(failed(ErrorKind::ConcurrentModification));
            }
            let (next, seq) = {
                let state = self.state(operation)?;
                (state.next, state.contents.records.len() as u64 + 1)
            };
            if expected.is_some_and(|expected| expected.0 != seq) {
                return Err(failed(ErrorKind::ConcurrentModification));
            }
            let entry = self.seams.entry(Kind::Record, seq, record);
            let put = self.seams.create(&self.location, next, &entry).await;
            let there = match put {
                Ok(Put::Done) => Ok(Some(entry)),
                Ok(_) => self.seams.get(&name(&self.location, next)).await,
                Err(kind) => Err(kind),
            };
            let mut state = self.state(operation)?;
            let there = there.ok().flatten();
            state.in_doubt |= there.is_none();
            let there = there.ok_or_else(|| failed(ErrorKind::Io))?;
            let Some(bytes) = entry::record(&there) else {
                state.is_fenced = true;
                return Err(failed(ErrorKind::ConcurrentModification));
            };
            if state.next == next {
                state.next += 1;
                state.contents.records.push(bytes.to_vec());
            }
            if put == Ok(Put::Done) {
                return Ok(LogSeq(seq));
            }
        }
    }

    /// Says in the log that there is a block.
    async fn show(&self, operation: Operation, block: &str) -> Result<()> {
        let make = |_: &Contents| Ok(self.seams.entry(Kind::Block, 0, block.as_bytes()));
        self.put_made(operation, make, |contents| contents.blocks.push(block.to_owned())).await
    }

    /// Puts a block's bytes where they belong, and shows it if that was not done.
    async fn upload_and_show(&self, operation: Operation, block: &BlockId, bytes: &[u8]) -> Result<()> {
        let uploaded = self.seams.upload(&self.location, block.as_str(), bytes).await;
        uploaded.map_err(|kind| self.error(kind, operation))?;
        if self.state(operation)?.contents.blocks.iter().any(|shown| shown == block.as_str()) {
            return Ok(());
        }
        self.show(operation, block.as_str()).await
    }

    /// The bytes of an open block.
    fn open_block(&self, block: &BlockId, operation: Operation) -> Result<Vec<u8>> {
        let state = self.state(operation)?;
        if let Some(bytes) = state.open_blocks.get(block.as_str()) {
            return Ok(bytes.clone());
        }
        let is_sealed = state.contents.blocks.iter().any(|name| name == block.as_str());
        Err(self.error(if is_sealed { ErrorKind::ReadOnly } else { ErrorKind::NotFound }, operation))
    }

    /// The last number. Everything that was appended is durable.
    async fn last(&self, operation: Operation) -> Result<LogSeq> {
        let _pass = self.gate.enter().await;
        Ok(LogSeq(self.state(operation)?.contents.records.len() as u64))
    }
}

impl Store for BucketStore {
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
        let numbered = (1..).map(LogSeq).zip(&state.contents.records).skip(skip).take(limit);
        Ok(numbered.map(|(seq, data)| Record { seq, data: data.clone() }).collect())
    }

    async fn close(&self) -> Result<()> {
        let _pass = self.gate.enter().await;
        let next = self.state(Operation::Close).map(|state| state.next);
        // Whatever comes of it, the handle does not have the store any more.
        self.closed.store(true, Ordering::Relaxed);
        self.seams.end(&self.location, next?).await;
        Ok(())
    }

    async fn create_block(&self) -> Result<BlockId> {
        let _pass = self.gate.enter().await;
        let block = format!("{:016x}", self.seams.env.random_u64());
        self.state(Operation::CreateBlock)?.open_blocks.insert(block.clone(), Vec::new());
        Ok(BlockId::new(block))
    }

    async fn write_block(&self, block: &BlockId, data: &[u8]) -> Result<()> {
        let _pass = self.gate.enter().await;
        let operation = Operation::WriteBlock;
        let mut bytes = self.open_block(block, operation)?;
        bytes.extend_from_slice(data);
        self.state(operation)?.open_blocks.insert(block.as_str().to_owned(), bytes.clone());
        if self.seams.planted.is(Bug::ShowsOpenBlocks) {
            self.upload_and_show(operation, block, &bytes).await?;
        }
        Ok(())
    }

    async fn seal_block(&self, block: &BlockId) -> Result<()> {
        let _pass = self.gate.enter().await;
        let operation = Operation::SealBlock;
        let bytes = self.open_block(block, operation)?;
        self.upload_and_show(operation, block, &bytes).await?;
        self.state(operation)?.open_blocks.remove(block.as_str());
        Ok(())
    }

    async fn read_block(&self, block: &BlockId) -> Result<Vec<u8>> {
        let _pass = self.gate.enter().await;
        let operation = Operation::ReadBlock;
        match self.open_block(block, operation) {
            Err(error) if error.kind() == ErrorKind::ReadOnly => {
                let read = self.seams.block(&self.location, block.as_str()).await;
                read.map_err(|kind| self.error(kind, operation))
            }
            of_open => of_open,
        }
    }

    async fn list_blocks(&self) -> Result<Vec<BlockId>> {
        let _pass = self.gate.enter().await;
        let mut blocks: Vec<_> =
            self.state(Operation::ListBlocks)?.contents.blocks.iter().map(BlockId::new).collect();
        blocks.sort_unstable();
        Ok(blocks)
    }

    fn append_unit(&self) -> u32 {
        1
    }
}
