//! An open store: each operation that changes something is one transaction.
//!
//! After a call that failed nobody knows what is on the medium, and the handle refuses further work; opening the store again
//! settles it. Blocks are kept in memory until they are sealed. The view of a snapshot has its own copy of what it shows, since the
//! database may be open only once: that is for stores that fit into memory.

use crate::database::{Database, Place};
use crate::host::RECORD_LEN_MAX;
use asl_host::env::{Env, OsEnv};
use asl_host::{
    BlockId, ErrorKind, LogSeq, Operation, Record, Result, SnapshotId, Store, StoreError, StoreLocation,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A handle to a store.
#[derive(Debug)]
pub(crate) struct SqliteStore {
    location: StoreLocation,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Writer(Writer),
    View(View),
    Closed,
}

#[derive(Debug)]
struct Writer {
    database: Database,
    last: u64,
    open_blocks: BTreeMap<String, Vec<u8>>,
    /// A change failed: nothing is sure.
    failed: bool,
}

#[derive(Debug)]
struct View {
    records: Vec<Record>,
    blocks: BTreeMap<BlockId, Vec<u8>>,
}

fn new_id() -> String {
    let mut bits = [0; 16];
    OsEnv.fill_random(&mut bits);
    format!("{:032x}", u128::from_le_bytes(bits))
}

impl SqliteStore {
    pub(crate) fn writer(location: &StoreLocation, database: Database) -> Result<SqliteStore> {
        let last =
            database.connection.query_row("SELECT coalesce(max(seq), 0) FROM log", [], |row| row.get(0));
        let last = last.map_err(|error| {
            Place::new(location.as_str(), Operation::OpenStore).sql(&database.connection, error)
        })?;
        let writer = Writer { database, last, open_blocks: BTreeMap::new(), failed: false };
        Ok(SqliteStore { location: location.clone(), state: Mutex::new(State::Writer(writer)) })
    }

    fn place(&self, operation: Operation) -> Place {
        Place::new(self.location.as_str(), operation)
    }

    fn refused(&self, operation: Operation, kind: ErrorKind) -> StoreError {
        self.place(operation).refused(kind)
    }

    /// Does something with what the handle stands for, if it still stands for anything.
    fn with<T>(&self, operation: Operation, work: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::Closed | State::Writer(Writer { failed: true, .. }) => {
                Err(self.refused(operation, ErrorKind::Closed))
            }
            _ => work(&mut state),
        }
    }

    fn with_writer<T>(&self, operation: Operation, work: impl FnOnce(&mut Writer) -> Result<T>) -> Result<T> {
        self.with(operation, |state| match state {
            State::Writer(writer) => work(writer),
            _ => Err(self.refused(operation, ErrorKind::ReadOnly)),
        })
    }

    /// One transaction. If it fails, the handle is of no use any more: a commit whose sync failed may be there or not.
    fn change(
        &self,
        operation: Operation,
        writer: &mut Writer,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<()> {
        let changed = writer.database.connection.transaction().and_then(|transaction| {
            work(&transaction)?;
            transaction.commit()
        });
        writer.failed = changed.is_err();
        changed.map_err(|error| self.place(operation).sql(&writer.database.connection, error))
    }

    fn add(&self, expected: Option<LogSeq>, record: &[u8]) -> Result<LogSeq> {
        let operation = Operation::Append;
        self.with_writer(operation, |writer| {
            let seq = writer.last + 1;
            if expected.is_some_and(|expected| expected.0 != seq) {
                let detail = format!("the next number is {seq}");
                return Err(self.refused(operation, ErrorKind::ConcurrentModification).with_detail(detail));
            }
            if record.len() > RECORD_LEN_MAX as usize {
                return Err(self.refused(operation, ErrorKind::TooLarge));
            }
            self.change(operation, writer, |transaction| {
                transaction.execute("INSERT INTO log VALUES(?, ?)", params![seq, record]).map(drop)
            })?;
            writer.last = seq;
            Ok(LogSeq(seq))
        })
    }

    /// The last number there is, which is a durable one.
    fn last(&self, operation: Operation) -> Result<LogSeq> {
        self.with(operation, |state| {
            Ok(LogSeq(match state {
                State::Writer(writer) => writer.last,
                State::View(view) => view.records.len() as u64,
                State::Closed => unreachable!("refused before"),
            }))
        })
    }

    /// Why a block is not open for writing.
    fn not_open(&self, operation: Operation, writer: &Writer, block: &BlockId) -> StoreError {
        match sealed_block(&writer.database.connection, block) {
            Ok(Some(_)) => self.refused(operation, ErrorKind::ReadOnly),
            Ok(None) => self.refused(operation, ErrorKind::NotFound),
            Err(error) => self.place(operation).sql(&writer.database.connection, error),
        }
    }
}

fn records(connection: &Connection, from: u64, upto: u64, limit: usize) -> rusqlite::Result<Vec<Record>> {
    let bound = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut query =
        connection.prepare("SELECT seq, data FROM log WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?")?;
    let found = query.query_map(params![bound(from), bound(upto), bound(limit as u64)], |row| {
        Ok(Record { seq: LogSeq(row.get(0)?), data: row.get(1)? })
    })?;
    found.collect()
}

fn sealed_block(connection: &Connection, block: &BlockId) -> rusqlite::Result<Option<Vec<u8>>> {
    connection.query_row("SELECT data FROM block WHERE id = ?", [block.as_str()], |row| row.get(0)).optional()
}

fn names(connection: &Connection, query: &str) -> rusqlite::Result<Vec<String>> {
    connection.prepare(query)?.query_map([], |row| row.get(0))?.collect()
}

fn load_view(connection: &Connection, snapshot: &SnapshotId) -> rusqlite::Result<Option<View>> {
    let id = snapshot.as_str();
    let last = connection.query_row("SELECT last FROM snapshot WHERE id = ?", [id], |row| row.get(0));
    let Some(last) = last.optional()? else { return Ok(None) };
    let mut query = connection.prepare(
        "SELECT id, data FROM block JOIN snapshot_block ON block.id = snapshot_block.block WHERE snapshot = ?",
    )?;
    let blocks = query.query_map([id], |row| Ok((BlockId::new(row.get::<_, String>(0)?), row.get(1)?)))?;
    Ok(Some(View {
        records: records(connection, 1, last, usize::MAX)?,
        blocks: blocks.collect::<rusqlite::Result<_>>()?,
    }))
}

impl Store for SqliteStore {
    async fn append(&self, record: &[u8]) -> Result<LogSeq> {
        self.add(None, record)
    }

    async fn append_if(&self, expected_next: LogSeq, record: &[u8]) -> Result<LogSeq> {
        self.add(Some(expected_next), record)
    }

    /// Every commit is durable when it returns.
    async fn flush(&self) -> Result<LogSeq> {
        self.last(Operation::Flush)
    }

    async fn durable_upto(&self) -> Result<LogSeq> {
        self.last(Operation::DurableUpto)
    }

    async fn read(&self, from: LogSeq, limit: usize) -> Result<Vec<Record>> {
        self.with(Operation::Read, |state| match state {
            State::Writer(writer) => records(&writer.database.connection, from.0, u64::MAX, limit)
                .map_err(|error| self.place(Operation::Read).sql(&writer.database.connection, error)),
            State::View(view) => {
                Ok(view.records.iter().filter(|record| record.seq >= from).take(limit).cloned().collect())
            }
            State::Closed => unreachable!("refused before"),
        })
    }

    /// Closing the database moves its write-ahead log into it. The lock goes with it.
    async fn close(&self) -> Result<()> {
        let state =
            std::mem::replace(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner), State::Closed);
        match state {
            State::Closed => Err(self.refused(Operation::Close, ErrorKind::Closed)),
            State::Writer(Writer { failed: true, .. }) => {
                Err(self.refused(Operation::Close, ErrorKind::Io).with_detail("an earlier change failed"))
            }
            State::Writer(Writer { database, .. }) => database.close(&self.place(Operation::Close)),
            State::View(_) => Ok(()),
        }
    }

    async fn create_block(&self) -> Result<BlockId> {
        self.with_writer(Operation::CreateBlock, |writer| {
            let id = new_id();
            writer.open_blocks.insert(id.clone(), Vec::new());
            Ok(BlockId::new(id))
        })
    }

    async fn write_block(&self, block: &BlockId, data: &[u8]) -> Result<()> {
        self.with_writer(Operation::WriteBlock, |writer| match writer.open_blocks.get_mut(block.as_str()) {
            Some(content) => {
                content.extend_from_slice(data);
                Ok(())
            }
            None => Err(self.not_open(Operation::WriteBlock, writer, block)),
        })
    }

    async fn seal_block(&self, block: &BlockId) -> Result<()> {
        let operation = Operation::SealBlock;
        self.with_writer(operation, |writer| {
            let Some(content) = writer.open_blocks.remove(block.as_str()) else {
                return Err(self.not_open(operation, writer, block));
            };
            self.change(operation, writer, |transaction| {
                transaction
                    .execute("INSERT INTO block VALUES(?, ?)", params![block.as_str(), content])
                    .map(drop)
            })
        })
    }

    async fn read_block(&self, block: &BlockId) -> Result<Vec<u8>> {
        let operation = Operation::ReadBlock;
        let content = self.with(operation, |state| match state {
            State::Writer(writer) => match writer.open_blocks.get(block.as_str()) {
                Some(content) => Ok(Some(content.clone())),
                None => sealed_block(&writer.database.connection, block)
                    .map_err(|error| self.place(operation).sql(&writer.database.connection, error)),
            },
            State::View(view) => Ok(view.blocks.get(block).cloned()),
            State::Closed => unreachable!("refused before"),
        })?;
        content.ok_or_else(|| self.refused(operation, ErrorKind::NotFound))
    }

    async fn list_blocks(&self) -> Result<Vec<BlockId>> {
        let operation = Operation::ListBlocks;
        self.with(operation, |state| match state {
            State::Writer(writer) => names(&writer.database.connection, "SELECT id FROM block ORDER BY id")
                .map(|ids| ids.into_iter().map(BlockId::new).collect())
                .map_err(|error| self.place(operation).sql(&writer.database.connection, error)),
            State::View(view) => Ok(view.blocks.keys().cloned().collect()),
            State::Closed => unreachable!("refused before"),
        })
    }

    async fn create_snapshot(&self) -> Result<SnapshotId> {
        let operation = Operation::CreateSnapshot;
        self.with_writer(operation, |writer| {
            let (id, last) = (new_id(), writer.last);
            self.change(operation, writer, |transaction| {
                transaction.execute("INSERT INTO snapshot VALUES(?, ?)", params![id, last])?;
                transaction.execute("INSERT INTO snapshot_block SELECT ?, id FROM block", [&id]).map(drop)
            })?;
            Ok(SnapshotId::new(id))
        })
    }

    async fn mount_snapshot(&self, snapshot: &SnapshotId) -> Result<SqliteStore> {
        let operation = Operation::MountSnapshot;
        let view = self.with_writer(operation, |writer| {
            load_view(&writer.database.connection, snapshot)
                .map_err(|error| self.place(operation).sql(&writer.database.connection, error))
        })?;
        let view = view.ok_or_else(|| self.refused(operation, ErrorKind::NotFound))?;
        Ok(SqliteStore { location: self.location.clone(), state: Mutex::new(State::View(view)) })
    }

    async fn list_snapshots(&self) -> Result<Vec<SnapshotId>> {
        let operation = Operation::ListSnapshots;
        self.with_writer(operation, |writer| {
            let ids = names(&writer.database.connection, "SELECT id FROM snapshot ORDER BY id");
            ids.map(|ids| ids.into_iter().map(SnapshotId::new).collect())
                .map_err(|error| self.place(operation).sql(&writer.database.connection, error))
        })
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Result<()> {
        let operation = Operation::DeleteSnapshot;
        self.with_writer(operation, |writer| {
            let mut deleted = 0;
            self.change(operation, writer, |transaction| {
                transaction.execute("DELETE FROM snapshot_block WHERE snapshot = ?", [snapshot.as_str()])?;
                deleted = transaction.execute("DELETE FROM snapshot WHERE id = ?", [snapshot.as_str()])?;
                Ok(())
            })?;
            if deleted == 0 { Err(self.refused(operation, ErrorKind::NotFound)) } else { Ok(()) }
        })
    }

    fn append_unit(&self) -> u32 {
        1
    }
}
