//! The handle to an open store: a writer, or a view of a snapshot.

use super::files::{Paths, checksum, failed, failed_or_corrupt, random_name, retry, write_new};
use super::manifest;
use super::recover::Recovered;
use super::turn::{OpenBlock, Segment, State, Turn, Writer};
use super::{Place, RECORD_LEN_MAX, Shared, Steps};
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem, OpenMode, read_full_at, read_whole, write_all_at};
use asl_host::{
    BlockId, Durability, ErrorKind, LogSeq, Operation, Record, Result, SnapshotId, Store, StoreError,
};
use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};

/// A handle to a store of a plain host.
#[derive(Debug)]
pub(crate) struct PlainStore<F: FileSystem, E, S> {
    shared: Arc<Shared<F, E>>,
    paths: Paths,
    steps: S,
    role: Role<F::File>,
}

#[derive(Debug)]
enum Role<L> {
    Writer(Writer<L>),
    View { records: Vec<Option<Arc<[u8]>>>, blocks: BTreeSet<String>, closed: AtomicBool },
}

impl<F: FileSystem, E: Env, S: Steps> PlainStore<F, E, S> {
    pub(super) fn writer(
        shared: Arc<Shared<F, E>>,
        paths: Paths,
        steps: S,
        lock: F::File,
        recovered: Recovered,
    ) -> PlainStore<F, E, S> {
        PlainStore { shared, paths, steps, role: Role::Writer(Writer::new(lock, recovered)) }
    }

    fn error(&self, kind: ErrorKind, operation: Operation) -> StoreError {
        StoreError::new(kind, operation, self.paths.name())
    }

    /// The writer that this is, if it is one.
    fn as_writer(&self, operation: Operation) -> Result<&Writer<F::File>> {
        match &self.role {
            Role::Writer(writer) => Ok(writer),
            Role::View { .. } => Err(self.error(ErrorKind::ReadOnly, operation)),
        }
    }

    /// The writer's state, unless it refuses work.
    fn look<'a>(
        &self,
        writer: &'a Writer<F::File>,
        operation: Operation,
    ) -> Result<MutexGuard<'a, State<F::File>>> {
        let state = writer.state();
        if state.refuses { Err(self.error(ErrorKind::Closed, operation)) } else { Ok(state) }
    }

    /// A view that was closed refuses work.
    fn unless_closed(&self, closed: &AtomicBool, operation: Operation) -> Result<()> {
        if closed.load(Ordering::Relaxed) { Err(self.error(ErrorKind::Closed, operation)) } else { Ok(()) }
    }

    /// The writer, and the turn to write.
    async fn turn(&self, operation: Operation) -> Result<(&Writer<F::File>, Turn<'_, F::File>)> {
        let writer = self.as_writer(operation)?;
        let turn = writer.turn().await;
        drop(self.look(writer, operation)?);
        Ok((writer, turn))
    }

    fn offered(&self, offered: bool, operation: Operation) -> Result<()> {
        if offered { Ok(()) } else { Err(self.error(ErrorKind::Unsupported, operation)) }
    }

    async fn append_expecting(&self, expected: Option<LogSeq>, record: &[u8]) -> Result<LogSeq> {
        let operation = Operation::Append;
        drop(self.look(self.as_writer(operation)?, operation)?);
        if record.len() as u64 > u64::from(RECORD_LEN_MAX) {
            return Err(self.error(ErrorKind::TooLarge, operation));
        }
        let (writer, mut turn) = self.turn(operation).await?;
        let seq = writer.state().records.len() as u64 + 1;
        if expected.is_some_and(|expected| expected.0 != seq) {
            return Err(self.error(ErrorKind::ConcurrentModification, operation));
        }
        turn.begin();
        let segment = self.segment(writer, seq).await.map_err(failed(operation, &self.paths.dir))?;
        let place = Place { salt: segment.salt, seq, offset: segment.end };
        let put = self.steps.put_record(&*segment.file, &self.shared.env, place, record).await;
        let end = match &put {
            Ok(end) => Some(*end),
            Err(error) => self.steps.end_after_failure(&*segment.file, place, error).await,
        };
        // Without an end the turn ends in doubt.
        if let Some(end) = end {
            let mut state = writer.state();
            if put.is_ok() {
                state.records.push(Some(Arc::from(record)));
                if S::DURABILITY == Durability::OnAppend {
                    state.durable = seq;
                }
            }
            state.segment = Some(Segment { end, ..segment });
            turn.finish();
        }
        put.map(|_| LogSeq(seq)).map_err(failed(operation, &self.paths.dir))
    }

    /// The segment that a record of this number goes into, made if need be.
    async fn segment(&self, writer: &Writer<F::File>, seq: u64) -> io::Result<Segment<F::File>> {
        let current = writer.state().segment.clone();
        if let Some(segment) = current {
            if seq - segment.first < S::SEGMENT_RECORDS {
                return Ok(segment);
            }
            if S::SYNCS_EACH_SEGMENT {
                self.steps.sync_rest(&*segment.file).await?;
            } else {
                writer.state().behind.push(segment.file);
            }
        }
        let (fs, salt) = (&self.shared.fs, self.shared.env.random_u64());
        self.steps.settle(fs).await?;
        let file = retry!(fs.open(&self.paths.segment(seq, salt), OpenMode::CreateNew))?;
        self.steps.prepare_segment(&file).await?;
        self.steps.sync_segment_name(fs, &self.paths.dir).await?;
        Ok(Segment { file: Arc::new(file), first: seq, salt, end: 0 })
    }

    async fn sync_log(&self, writer: &Writer<F::File>, turn: &mut Turn<'_, F::File>) -> io::Result<()> {
        let (behind, segment) = {
            let state = writer.state();
            (state.behind.clone(), state.segment.clone())
        };
        turn.begin();
        self.steps.settle(&self.shared.fs).await?;
        for file in behind.into_iter().chain(segment.map(|segment| segment.file)) {
            self.steps.sync_rest(&*file).await?;
        }
        turn.finish();
        let mut state = writer.state();
        state.behind.clear();
        state.durable = state.records.len() as u64;
        Ok(())
    }

    /// A block that may be changed.
    fn open_block(
        &self,
        state: &State<F::File>,
        id: &str,
        operation: Operation,
    ) -> Result<OpenBlock<F::File>> {
        if state.sealed.contains(id) {
            return Err(self.error(ErrorKind::ReadOnly, operation));
        }
        state.open_blocks.get(id).cloned().ok_or_else(|| self.error(ErrorKind::NotFound, operation))
    }

    async fn read_sealed(&self, id: &str) -> Result<Vec<u8>> {
        let path = self.paths.sealed_block(id);
        let read = async {
            let file = match retry!(self.shared.fs.open(&path, OpenMode::Read)) {
                // Only a view that names an open block gets here.
                Err(error) if S::KEEPS_OPEN_BLOCKS && error.kind() == io::ErrorKind::NotFound => {
                    retry!(self.shared.fs.open(&self.paths.open_block(id), OpenMode::Read))?
                }
                opened => opened?,
            };
            let content = read_whole(&file).await?;
            if !S::DETECTS_DAMAGE {
                return Ok(content);
            }
            match content.split_last_chunk() {
                Some((content, sum)) if *sum == checksum(content) => Ok(content.to_vec()),
                _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the block's checksum does not fit")),
            }
        };
        read.await.map_err(failed_or_corrupt(Operation::ReadBlock, &path))
    }

    /// Publishes a manifest: written, synced, renamed, its directory synced.
    async fn publish(&self, id: &str, content: &[u8]) -> io::Result<()> {
        let (fs, dir) = (&self.shared.fs, &self.paths.snapshots);
        let temporary = dir.join(format!("{id}.tmp"));
        let file = write_new(fs, &temporary, content).await?;
        self.steps.sync_manifest(&file).await?;
        retry!(fs.rename(&temporary, &self.paths.manifest(id)))?;
        retry!(fs.sync_dir(dir))
    }
}

impl<F: FileSystem, E: Env, S: Steps> Store for PlainStore<F, E, S> {
    async fn append(&self, record: &[u8]) -> Result<LogSeq> {
        self.append_expecting(None, record).await
    }

    async fn append_if(&self, expected_next: LogSeq, record: &[u8]) -> Result<LogSeq> {
        self.append_expecting(Some(expected_next), record).await
    }

    async fn flush(&self) -> Result<LogSeq> {
        let operation = Operation::Flush;
        let (writer, mut turn) = self.turn(operation).await?;
        self.sync_log(writer, &mut turn).await.map_err(failed(operation, &self.paths.dir))?;
        Ok(LogSeq(writer.state().records.len() as u64))
    }

    async fn durable_upto(&self) -> Result<LogSeq> {
        Ok(LogSeq(match &self.role {
            Role::Writer(writer) => self.look(writer, Operation::DurableUpto)?.durable,
            Role::View { records, closed, .. } => {
                self.unless_closed(closed, Operation::DurableUpto)?;
                records.len() as u64
            }
        }))
    }

    async fn read(&self, from: LogSeq, limit: usize) -> Result<Vec<Record>> {
        Ok(match &self.role {
            Role::Writer(writer) => slice(&self.look(writer, Operation::Read)?.records, from, limit),
            Role::View { records, closed, .. } => {
                self.unless_closed(closed, Operation::Read)?;
                slice(records, from, limit)
            }
        })
    }

    async fn close(&self) -> Result<()> {
        let operation = Operation::Close;
        let writer = match &self.role {
            Role::Writer(writer) => writer,
            Role::View { closed, .. } => {
                let before = self.unless_closed(closed, operation);
                closed.store(true, Ordering::Relaxed);
                return before;
            }
        };
        let mut turn = writer.turn().await;
        let mut closed = self.look(writer, operation).map(drop);
        if closed.is_ok() {
            let finished = async {
                self.sync_log(writer, &mut turn).await?;
                self.steps.before_close(&self.shared.fs).await
            };
            closed = finished.await.map_err(failed(operation, &self.paths.dir));
        }
        let released = self.steps.release(&self.shared.fs, &self.paths.dir).await;
        let closed = closed.and(released.map_err(failed(operation, &self.paths.dir)));
        let mut state = writer.state();
        state.refuses = true;
        let lock = state.lock.take();
        drop(state);
        drop(lock);
        closed
    }

    async fn create_block(&self) -> Result<BlockId> {
        let operation = Operation::CreateBlock;
        self.offered(S::BLOCKS, operation)?;
        let (writer, mut turn) = self.turn(operation).await?;
        let id = random_name(&self.shared.env);
        let path = self.paths.open_block(&id);
        turn.begin();
        let file =
            retry!(self.shared.fs.open(&path, OpenMode::CreateNew)).map_err(failed(operation, &path))?;
        turn.finish();
        writer.state().open_blocks.insert(id.clone(), OpenBlock { file: Arc::new(file), len: 0 });
        Ok(BlockId::new(id))
    }

    async fn write_block(&self, block: &BlockId, data: &[u8]) -> Result<()> {
        let operation = Operation::WriteBlock;
        self.offered(S::BLOCKS, operation)?;
        let (writer, mut turn) = self.turn(operation).await?;
        let mut open = self.open_block(&writer.state(), block.as_str(), operation)?;
        turn.begin();
        let written = write_all_at(&*open.file, data, open.len).await;
        written.map_err(failed(operation, &self.paths.open_block(block.as_str())))?;
        turn.finish();
        open.len += data.len() as u64;
        writer.state().open_blocks.insert(block.as_str().to_owned(), open);
        Ok(())
    }

    async fn seal_block(&self, block: &BlockId) -> Result<()> {
        let operation = Operation::SealBlock;
        self.offered(S::BLOCKS, operation)?;
        let (writer, mut turn) = self.turn(operation).await?;
        let open = self.open_block(&writer.state(), block.as_str(), operation)?;
        let (from, to) = (self.paths.open_block(block.as_str()), self.paths.sealed_block(block.as_str()));
        turn.begin();
        let sealed = async {
            if S::DETECTS_DAMAGE {
                let mut content = vec![0; usize::try_from(open.len).expect("it was written from memory")];
                read_full_at(&*open.file, &mut content, 0).await?;
                write_all_at(&*open.file, &checksum(&content), open.len).await?;
            }
            retry!(open.file.sync_all())?;
            retry!(self.shared.fs.rename(&from, &to))?;
            self.steps.sync_sealed_name(&self.shared.fs, &self.paths.blocks).await
        };
        sealed.await.map_err(failed(operation, &from))?;
        turn.finish();
        let mut state = writer.state();
        state.open_blocks.remove(block.as_str());
        state.sealed.insert(block.as_str().to_owned());
        Ok(())
    }

    async fn read_block(&self, block: &BlockId) -> Result<Vec<u8>> {
        let operation = Operation::ReadBlock;
        self.offered(S::BLOCKS, operation)?;
        let id = block.as_str();
        let (sealed, open) = match &self.role {
            Role::View { blocks, closed, .. } => {
                self.unless_closed(closed, operation)?;
                (blocks.contains(id), None)
            }
            Role::Writer(writer) => {
                let state = self.look(writer, operation)?;
                (state.sealed.contains(id), state.open_blocks.get(id).cloned())
            }
        };
        if sealed {
            return self.read_sealed(id).await;
        }
        let open = open.ok_or_else(|| self.error(ErrorKind::NotFound, operation))?;
        let mut content = vec![0; usize::try_from(open.len).expect("it was written from memory")];
        let filled = read_full_at(&*open.file, &mut content, 0).await;
        content.truncate(filled.map_err(failed(operation, &self.paths.open_block(id)))?);
        Ok(content)
    }

    async fn list_blocks(&self) -> Result<Vec<BlockId>> {
        let operation = Operation::ListBlocks;
        self.offered(S::BLOCKS, operation)?;
        Ok(match &self.role {
            Role::View { blocks, closed, .. } => {
                self.unless_closed(closed, operation)?;
                blocks.iter().map(BlockId::new).collect()
            }
            Role::Writer(writer) => self.look(writer, operation)?.sealed.iter().map(BlockId::new).collect(),
        })
    }

    async fn create_snapshot(&self) -> Result<SnapshotId> {
        let operation = Operation::CreateSnapshot;
        self.offered(S::SNAPSHOTS, operation)?;
        let (writer, mut turn) = self.turn(operation).await?;
        self.sync_log(writer, &mut turn).await.map_err(failed(operation, &self.paths.dir))?;
        let id = random_name(&self.shared.env);
        let (last, sealed, open) = {
            let state = writer.state();
            let open = state.open_blocks.iter().map(|(id, block)| (id.clone(), block.file.clone()));
            (state.records.len(), state.sealed.clone(), open.collect())
        };
        turn.begin();
        let made = async {
            let (fs, dir) = (&self.shared.fs, &self.paths.blocks);
            let blocks = self.steps.blocks_for_snapshot(fs, dir, sealed, open).await?;
            self.publish(&id, &manifest::encode(&id, last, &blocks)).await
        };
        made.await.map_err(failed(operation, &self.paths.snapshots))?;
        turn.finish();
        writer.state().snapshots.insert(id.clone());
        Ok(SnapshotId::new(id))
    }

    async fn mount_snapshot(&self, snapshot: &SnapshotId) -> Result<PlainStore<F, E, S>> {
        let operation = Operation::MountSnapshot;
        self.offered(S::SNAPSHOTS, operation)?;
        // With the turn, so that the snapshot is not deleted meanwhile.
        let (writer, _turn) = self.turn(operation).await?;
        if !writer.state().snapshots.contains(snapshot.as_str()) {
            return Err(self.error(ErrorKind::NotFound, operation));
        }
        let path = self.paths.manifest(snapshot.as_str());
        let view = manifest::load(&self.shared.fs, &path, snapshot.as_str()).await;
        let (last, blocks) = view.map_err(failed(operation, &path))?;
        // Records are never taken back: what the manifest names is there.
        let records = writer.state().records.iter().take(last).cloned().collect();
        let role = Role::View { records, blocks, closed: AtomicBool::new(false) };
        Ok(PlainStore { shared: self.shared.clone(), paths: self.paths.clone(), steps: S::default(), role })
    }

    async fn list_snapshots(&self) -> Result<Vec<SnapshotId>> {
        let operation = Operation::ListSnapshots;
        self.offered(S::SNAPSHOTS, operation)?;
        let writer = self.as_writer(operation)?;
        Ok(self.look(writer, operation)?.snapshots.iter().map(SnapshotId::new).collect())
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Result<()> {
        let operation = Operation::DeleteSnapshot;
        self.offered(S::SNAPSHOTS, operation)?;
        let (writer, mut turn) = self.turn(operation).await?;
        if !writer.state().snapshots.contains(snapshot.as_str()) {
            return Err(self.error(ErrorKind::NotFound, operation));
        }
        let path = self.paths.manifest(snapshot.as_str());
        turn.begin();
        let deleted = self.steps.remove_manifest(&self.shared.fs, &self.paths.snapshots, &path).await;
        deleted.map_err(failed(operation, &path))?;
        turn.finish();
        writer.state().snapshots.remove(snapshot.as_str());
        Ok(())
    }

    fn append_unit(&self) -> u32 {
        1
    }
}

fn slice(records: &[Option<Arc<[u8]>>], from: LogSeq, limit: usize) -> Vec<Record> {
    let skip = usize::try_from(from.0.saturating_sub(1)).unwrap_or(usize::MAX);
    let numbered = (1..).map(LogSeq).zip(records).skip(skip);
    let there = numbered.filter_map(|(seq, data)| Some(Record { seq, data: data.as_ref()?.to_vec() }));
    there.take(limit).collect()
}
