//! The handle to an open store, or to one of its snapshots.

use super::contents::{Blocks, StoreContents};
use super::frame::Entry;
use super::shared::{Handle, Shared, Turn};
use asl_host::env::Env;
use asl_host::{
    BlockId, Durability, ErrorKind, LogSeq, Operation, Record, Result, SnapshotId, Store, StoreError,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// A handle to a store of a [`SimHost`](super::SimHost).
#[derive(Debug)]
pub struct SimStore {
    shared: Arc<Shared>,
    location: String,
    closed: AtomicBool,
    role: Role,
}

#[derive(Debug)]
enum Role {
    /// Open for writing, with blocks that are not sealed.
    Writer { handle: Handle, open_blocks: Mutex<BTreeMap<u128, Vec<u8>>> },
    /// A snapshot.
    View { records: Vec<Arc<[u8]>>, blocks: Arc<Blocks> },
}

impl SimStore {
    pub(super) fn new(shared: Arc<Shared>, handle: Handle, location: &str) -> SimStore {
        let role = Role::Writer { handle, open_blocks: Mutex::default() };
        SimStore { shared, location: location.to_owned(), closed: AtomicBool::new(false), role }
    }

    fn error(&self, kind: ErrorKind, operation: Operation) -> StoreError {
        StoreError::new(kind, operation, self.location.clone())
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// The turn, for an operation that only a writing handle has.
    async fn turn(&self, operation: Operation) -> Result<Turn<'_>> {
        if self.is_closed() {
            return Err(self.error(ErrorKind::Closed, operation));
        }
        let Role::Writer { handle, .. } = self.role else {
            return Err(self.error(ErrorKind::ReadOnly, operation));
        };
        let turn = self.shared.turn_of(handle, operation, &self.location).await;
        // Another task may have closed it, and opened the store again, in the meantime.
        if self.is_closed() { Err(self.error(ErrorKind::Closed, operation)) } else { turn }
    }

    fn store<T>(&self, turn: &Turn<'_>, work: impl FnOnce(&StoreContents) -> T) -> T {
        turn.with(|up| work(up.contents.stores.get(&self.location).expect("an open store is not destroyed")))
    }

    async fn commit(&self, turn: &Turn<'_>, entries: Vec<Entry>, operation: Operation) -> Result<()> {
        turn.commit_witnessed(entries, operation, &self.location).await
    }

    async fn append_expecting(&self, expected: Option<LogSeq>, record: &[u8]) -> Result<LogSeq> {
        let operation = Operation::Append;
        let turn = self.turn(operation).await?;
        if record.len() > self.shared.options.record_len_max as usize {
            return Err(self.error(ErrorKind::TooLarge, operation));
        }
        let (store, seq) = self.store(&turn, |store| (store.number, store.records.len() as u64 + 1));
        if expected.is_some_and(|expected| expected.0 != seq) {
            return Err(self.error(ErrorKind::ConcurrentModification, operation));
        }
        let entry = Entry::Record { store, data: Arc::from(record) };
        let is_flush = self.shared.options.durability == Durability::OnAppend;
        turn.commit(vec![entry], is_flush, operation, &self.location).await?;
        Ok(LogSeq(seq))
    }

    async fn flush_in(&self, turn: &Turn<'_>, operation: Operation) -> Result<LogSeq> {
        turn.flush(operation, &self.location).await?;
        Ok(LogSeq(self.store(turn, |store| store.durable as u64)))
    }

    fn open_blocks(&self) -> MutexGuard<'_, BTreeMap<u128, Vec<u8>>> {
        match &self.role {
            Role::Writer { open_blocks, .. } => {
                open_blocks.lock().expect("nothing panics while holding the blocks' lock")
            }
            Role::View { .. } => unreachable!("only a writing handle gets a turn"),
        }
    }

    /// Refuses what a closed view is asked.
    fn check_view(&self, operation: Operation) -> Result<()> {
        if self.is_closed() { Err(self.error(ErrorKind::Closed, operation)) } else { Ok(()) }
    }

    /// A block that the handle has not open: sealed, or not there.
    fn not_open(&self, turn: &Turn<'_>, id: Option<u128>, operation: Operation) -> StoreError {
        let is_sealed = id.is_some_and(|id| self.store(turn, |store| store.blocks.contains_key(&id)));
        self.error(if is_sealed { ErrorKind::ReadOnly } else { ErrorKind::NotFound }, operation)
    }

    fn random_id(&self) -> u128 {
        u128::from(self.shared.env.random_u64()) << 64 | u128::from(self.shared.env.random_u64())
    }
}

fn text(id: u128) -> String {
    format!("{id:032x}")
}

/// The number of an identifier, if it is one that this host gives.
fn number(id: &str) -> Option<u128> {
    u128::from_str_radix(id, 16).ok().filter(|number| text(*number) == id)
}

fn numbered(records: &[Arc<[u8]>], from: LogSeq, limit: usize) -> Vec<Record> {
    let skip = usize::try_from(from.0.saturating_sub(1)).unwrap_or(usize::MAX);
    let numbered = (1..).map(LogSeq).zip(records).skip(skip).take(limit);
    numbered.map(|(seq, data)| Record { seq, data: data.to_vec() }).collect()
}

impl Store for SimStore {
    async fn append(&self, record: &[u8]) -> Result<LogSeq> {
        self.append_expecting(None, record).await
    }

    async fn append_if(&self, expected_next: LogSeq, record: &[u8]) -> Result<LogSeq> {
        self.append_expecting(Some(expected_next), record).await
    }

    async fn flush(&self) -> Result<LogSeq> {
        let turn = self.turn(Operation::Flush).await?;
        self.flush_in(&turn, Operation::Flush).await
    }

    async fn durable_upto(&self) -> Result<LogSeq> {
        let operation = Operation::DurableUpto;
        if let Role::View { records, .. } = &self.role {
            self.check_view(operation)?;
            return Ok(LogSeq(records.len() as u64));
        }
        let turn = self.turn(operation).await?;
        Ok(LogSeq(self.store(&turn, |store| store.durable as u64)))
    }

    async fn read(&self, from: LogSeq, limit: usize) -> Result<Vec<Record>> {
        if let Role::View { records, .. } = &self.role {
            self.check_view(Operation::Read)?;
            return Ok(numbered(records, from, limit));
        }
        let turn = self.turn(Operation::Read).await?;
        Ok(self.store(&turn, |store| numbered(&store.records, from, limit)))
    }

    async fn close(&self) -> Result<()> {
        let operation = Operation::Close;
        let Role::Writer { handle, .. } = self.role else {
            self.check_view(operation)?;
            self.closed.store(true, Ordering::Relaxed);
            return Ok(());
        };
        if self.is_closed() {
            return Err(self.error(ErrorKind::Closed, operation));
        }
        let flushed = match self.turn(operation).await {
            Ok(turn) => self.flush_in(&turn, operation).await,
            Err(error) => Err(error),
        };
        // Whatever came of it, the handle does not have the store any more.
        let turn = self.shared.bare_turn().await;
        if !self.closed.swap(true, Ordering::Relaxed) {
            turn.closes(&self.location, handle);
        }
        flushed.map(|_| ())
    }

    async fn create_block(&self) -> Result<BlockId> {
        let _turn = self.turn(Operation::CreateBlock).await?;
        let id = self.random_id();
        self.open_blocks().insert(id, Vec::new());
        Ok(BlockId::new(text(id)))
    }

    async fn write_block(&self, block: &BlockId, data: &[u8]) -> Result<()> {
        let turn = self.turn(Operation::WriteBlock).await?;
        let id = number(block.as_str());
        if let Some(bytes) =
            id.and_then(|id| self.open_blocks().get_mut(&id).map(|bytes| bytes.extend_from_slice(data)))
        {
            return Ok(bytes);
        }
        Err(self.not_open(&turn, id, Operation::WriteBlock))
    }

    async fn seal_block(&self, block: &BlockId) -> Result<()> {
        let operation = Operation::SealBlock;
        let turn = self.turn(operation).await?;
        let number = number(block.as_str());
        let Some(id) = number.filter(|id| self.open_blocks().contains_key(id)) else {
            return Err(self.not_open(&turn, number, operation));
        };
        let store = self.store(&turn, |store| store.number);
        let part_len = self.shared.options.record_len_max.max(1) as usize;
        let mut entries: Vec<Entry> = self.open_blocks()[&id]
            .chunks(part_len)
            .map(|data| Entry::Part { store, block: id, data: Arc::from(data) })
            .collect();
        entries.push(Entry::Seal { store, block: id });
        // From here on it is sealed, or in doubt: it can be neither written nor sealed again.
        self.open_blocks().remove(&id);
        self.commit(&turn, entries, operation).await
    }

    async fn read_block(&self, block: &BlockId) -> Result<Vec<u8>> {
        let operation = Operation::ReadBlock;
        let id = number(block.as_str());
        if let Role::View { blocks, .. } = &self.role {
            self.check_view(operation)?;
            let bytes = id.and_then(|id| blocks.get(&id));
            return bytes
                .map(|bytes| bytes.to_vec())
                .ok_or_else(|| self.error(ErrorKind::NotFound, operation));
        }
        let turn = self.turn(operation).await?;
        let sealed =
            id.and_then(|id| self.store(&turn, |store| store.blocks.get(&id).map(|bytes| bytes.to_vec())));
        let found = sealed.or_else(|| id.and_then(|id| self.open_blocks().get(&id).cloned()));
        found.ok_or_else(|| self.error(ErrorKind::NotFound, operation))
    }

    async fn list_blocks(&self) -> Result<Vec<BlockId>> {
        let operation = Operation::ListBlocks;
        let list = |blocks: &Blocks| blocks.keys().map(|id| BlockId::new(text(*id))).collect();
        if let Role::View { blocks, .. } = &self.role {
            self.check_view(operation)?;
            return Ok(list(blocks));
        }
        let turn = self.turn(operation).await?;
        Ok(self.store(&turn, |store| list(&store.blocks)))
    }

    async fn create_snapshot(&self) -> Result<SnapshotId> {
        let operation = Operation::CreateSnapshot;
        let turn = self.turn(operation).await?;
        let (store, snapshot) = (self.store(&turn, |store| store.number), self.random_id());
        self.commit(&turn, vec![Entry::Snapshot { store, snapshot }], operation).await?;
        Ok(SnapshotId::new(text(snapshot)))
    }

    async fn mount_snapshot(&self, snapshot: &SnapshotId) -> Result<SimStore> {
        let operation = Operation::MountSnapshot;
        let turn = self.turn(operation).await?;
        let role = number(snapshot.as_str()).and_then(|id| {
            self.store(&turn, |store| {
                let snapshot = store.snapshots.get(&id)?;
                let records = store.records[..snapshot.count].to_vec();
                Some(Role::View { records, blocks: snapshot.blocks.clone() })
            })
        });
        let role = role.ok_or_else(|| self.error(ErrorKind::NotFound, operation))?;
        let (shared, location) = (self.shared.clone(), self.location.clone());
        Ok(SimStore { shared, location, closed: AtomicBool::new(false), role })
    }

    async fn list_snapshots(&self) -> Result<Vec<SnapshotId>> {
        let turn = self.turn(Operation::ListSnapshots).await?;
        Ok(self.store(&turn, |store| store.snapshots.keys().map(|id| SnapshotId::new(text(*id))).collect()))
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Result<()> {
        let operation = Operation::DeleteSnapshot;
        let turn = self.turn(operation).await?;
        let id = number(snapshot.as_str());
        let found = id.filter(|id| self.store(&turn, |store| store.snapshots.contains_key(id)));
        let snapshot = found.ok_or_else(|| self.error(ErrorKind::NotFound, operation))?;
        let store = self.store(&turn, |store| store.number);
        self.commit(&turn, vec![Entry::DeleteSnapshot { store, snapshot }], operation).await
    }

    fn append_unit(&self) -> u32 {
        self.shared.options.append_unit.max(1)
    }
}

impl Drop for SimStore {
    fn drop(&mut self) {
        if let Role::Writer { handle, .. } = self.role
            && !self.is_closed()
        {
            self.shared.abandon(&self.location, handle);
        }
    }
}
