//! The handle to an open store: the operations of the contract on top of log, blocks and manifests.
//!
//! A writer holds the store's lock until it is closed or dropped. A mounted snapshot shares the writer's files and sees
//! the log up to its manifest's last number; it needs no lock, because nothing that it sees ever changes.

use super::Shared;
use super::block::Blocks;
use super::layout::{self, Paths};
use super::log::{Log, Place, Seams};
use super::snapshot::Manifest;
use crate::env::Env;
use crate::error::{ErrorKind, Operation, Result, StoreError};
use crate::frame::{self, HEADER_LEN};
use crate::fs::{File, FileSystem, OpenMode, read_full_at, retry};
use crate::host::{BlockId, LogSeq, Record, SnapshotId, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// How much of a segment is read at once, in bytes.
const READ_CHUNK: usize = 256 << 10;

/// A handle to a store on a POSIX file system.
#[derive(Debug)]
pub struct PosixStore<F: FileSystem, E: Env> {
    inner: Arc<Inner<F, E>>,
    role: Role<F::File>,
}

#[derive(Debug)]
enum Role<L> {
    Writer { lock: Mutex<Option<L>> },
    View { manifest: Manifest, closed: AtomicBool },
}

#[derive(Debug)]
struct Inner<F: FileSystem, E: Env> {
    shared: Arc<Shared<F, E>>,
    paths: Paths,
    log: Log<F::File>,
    blocks: Blocks<F::File>,
    snapshots: Mutex<Snapshots>,
}

/// The snapshots that exist, and those of which it is not certain.
#[derive(Debug)]
struct Snapshots {
    listed: BTreeSet<String>,
    /// That goes on, or was dropped.
    in_doubt: BTreeMap<String, Doubt>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    Making,
    Deleting,
}

impl<F: FileSystem, E: Env> PosixStore<F, E> {
    pub(super) fn writer(
        shared: Arc<Shared<F, E>>,
        paths: Paths,
        lock: F::File,
        log: Log<F::File>,
        blocks: BTreeSet<String>,
        snapshots: BTreeSet<String>,
    ) -> PosixStore<F, E> {
        let inner = Inner {
            shared,
            paths,
            log,
            blocks: Blocks::new(blocks),
            snapshots: Mutex::new(Snapshots { listed: snapshots, in_doubt: BTreeMap::new() }),
        };
        PosixStore { inner: Arc::new(inner), role: Role::Writer { lock: Mutex::new(Some(lock)) } }
    }

    fn error(&self, kind: ErrorKind, operation: Operation) -> StoreError {
        StoreError::new(kind, operation, self.inner.paths.name())
    }

    /// The manifest of a view; of a writer none, after making sure that it still works.
    fn view(&self, operation: Operation) -> Result<Option<&Manifest>> {
        match &self.role {
            Role::View { closed, .. } if closed.load(Ordering::Relaxed) => {
                Err(self.error(ErrorKind::Closed, operation))
            }
            Role::View { manifest, .. } => Ok(Some(manifest)),
            Role::Writer { .. } => match self.inner.log.refusing() {
                Some(kind) => {
                    Err(self.error(kind, operation).with_detail("closed, or stopped by an earlier failure"))
                }
                None => Ok(None),
            },
        }
    }

    fn writable(&self, operation: Operation) -> Result<()> {
        match self.view(operation)? {
            Some(_) => {
                Err(self.error(ErrorKind::ReadOnly, operation).with_detail("this is a mounted snapshot"))
            }
            None => Ok(()),
        }
    }

    fn seams(&self) -> Seams<'_, F, E> {
        let shared = &*self.inner.shared;
        Seams {
            fs: &shared.fs,
            env: &shared.env,
            paths: &self.inner.paths,
            segment_len_max: shared.options.segment_len_max,
            durability: shared.options.durability,
        }
    }

    async fn append_expecting(&self, expected: Option<LogSeq>, record: &[u8]) -> Result<LogSeq> {
        let operation = Operation::Append;
        self.writable(operation)?;
        let max = self.inner.shared.options.record_len_max;
        if record.len() as u64 > u64::from(max) {
            let detail = format!("{} bytes, at most {max}", record.len());
            return Err(self.error(ErrorKind::TooLarge, operation).with_detail(detail));
        }
        match self.inner.log.append(&self.seams(), record, expected.map(|seq| seq.0)).await {
            Ok(Some(seq)) => Ok(LogSeq(seq)),
            Ok(None) => Err(self
                .error(ErrorKind::ConcurrentModification, operation)
                .with_detail("the next number is another")),
            Err(kind) => Err(self.error(kind, operation)),
        }
    }

    /// Makes everything durable that is in the log, and says how many records are durable.
    async fn flush_for(&self, operation: Operation) -> Result<u64> {
        self.writable(operation)?;
        self.inner.log.flush(&self.seams()).await.map_err(|kind| self.error(kind, operation))
    }

    fn snapshots(&self) -> std::sync::MutexGuard<'_, Snapshots> {
        self.inner.snapshots.lock().expect("nothing panics while holding the snapshots' lock")
    }

    /// See [`Blocks::settle`]; a snapshot's blocks are certain.
    async fn settle_blocks(&self, operation: Operation) -> Result<()> {
        match self.view(operation)? {
            Some(_) => Ok(()),
            None => self.inner.blocks.settle(&self.inner.shared.fs, &self.inner.paths, operation).await,
        }
    }

    fn snapshot_path(&self, id: &str) -> PathBuf {
        self.inner.paths.snapshots.join(format!("{id}{}", layout::SNAPSHOT))
    }

    /// Finds out what became of snapshots whose making or deletion was dropped, and makes that durable, before anything is
    /// said of them.
    async fn settle_snapshots(&self, operation: Operation) -> Result<()> {
        let in_doubt = self.snapshots().in_doubt.clone();
        for (id, doubt) in in_doubt {
            let path = self.snapshot_path(&id);
            let exists = match self.inner.shared.fs.metadata(&path).await {
                Ok(_) => true,
                Err(error) if error.kind() == io::ErrorKind::NotFound => false,
                Err(error) => return Err(StoreError::io(operation, path.to_string_lossy(), error)),
            };
            let dir = &self.inner.paths.snapshots;
            retry!(self.inner.shared.fs.sync_dir(dir))
                .map_err(|error| StoreError::io(operation, dir.to_string_lossy(), error))?;
            let mut snapshots = self.snapshots();
            // Whoever was at it may have come to an end meanwhile.
            if snapshots.in_doubt.get(&id) == Some(&doubt) {
                match doubt {
                    Doubt::Making if exists => snapshots.listed.insert(id),
                    Doubt::Deleting if !exists => snapshots.listed.remove(&id),
                    _ => false,
                };
            }
        }
        Ok(())
    }

    fn missing(&self, operation: Operation, snapshot: &SnapshotId) -> StoreError {
        self.error(ErrorKind::NotFound, operation).with_detail(format!("snapshot {snapshot}"))
    }

    /// The records from `place` on, up to `limit` or the end of its segment.
    async fn read_place(
        &self,
        place: Place<F::File>,
        from: u64,
        limit: usize,
        out: &mut Vec<Record>,
    ) -> Result<()> {
        let path = || self.inner.paths.segment(place.first, place.salt);
        let failed = |error: io::Error| StoreError::io(Operation::Read, path().to_string_lossy(), error);
        let (file, len) = match place.file {
            Some(file) => (file, place.len),
            None => {
                let file =
                    Arc::new(retry!(self.inner.shared.fs.open(&path(), OpenMode::Read)).map_err(failed)?);
                let len = file.metadata().await.map_err(failed)?.len;
                self.inner.log.opened(place.first, &file, len);
                (file, len)
            }
        };
        let (mut seq, mut offset) = (place.seq, place.offset);
        let mut wanted = READ_CHUNK;
        let mut chunk = Vec::new();
        while seq <= place.last && out.len() < limit {
            let remaining = usize::try_from(len.saturating_sub(offset)).unwrap_or(usize::MAX);
            chunk.resize(wanted.min(remaining), 0);
            let filled = read_full_at(&*file, &mut chunk, offset).await.map_err(failed)?;
            let mut at = 0;
            while seq <= place.last && out.len() < limit {
                let Some(frame) =
                    frame::decode(&chunk[at..filled], place.salt).filter(|frame| frame.seq == seq)
                else {
                    break;
                };
                if seq >= from {
                    let data = chunk[at + HEADER_LEN..at + frame.len()].to_vec();
                    out.push(Record { seq: LogSeq(seq), data });
                }
                at += frame.len();
                seq += 1;
            }
            if at == 0 {
                // Not even one frame: the chunk is too short for it, or it is bad.
                if wanted >= remaining {
                    let detail = format!("record {seq} is damaged or missing");
                    let error =
                        StoreError::new(ErrorKind::Corrupt, Operation::Read, path().to_string_lossy());
                    return Err(error.with_detail(detail));
                }
                wanted = wanted.saturating_mul(8);
            }
            offset += at as u64;
        }
        Ok(())
    }
}

impl<F: FileSystem, E: Env> Store for PosixStore<F, E> {
    async fn append(&self, record: &[u8]) -> Result<LogSeq> {
        self.append_expecting(None, record).await
    }

    async fn append_if(&self, expected_next: LogSeq, record: &[u8]) -> Result<LogSeq> {
        self.append_expecting(Some(expected_next), record).await
    }

    /// Of a host that is durable on append, it does nothing beyond checking that the handle works.
    async fn flush(&self) -> Result<LogSeq> {
        self.flush_for(Operation::Flush).await.map(LogSeq)
    }

    async fn durable_upto(&self) -> Result<LogSeq> {
        let view = self.view(Operation::DurableUpto)?;
        Ok(LogSeq(view.map_or_else(|| self.inner.log.durable(), |manifest| manifest.last)))
    }

    async fn read(&self, from: LogSeq, limit: usize) -> Result<Vec<Record>> {
        let upto = match self.view(Operation::Read)? {
            Some(manifest) => manifest.last,
            None => {
                self.inner.log.settle(&self.seams()).await;
                self.view(Operation::Read)?;
                self.inner.log.written()
            }
        };
        let mut from = from.0.max(1);
        let mut records = Vec::new();
        while from <= upto && records.len() < limit {
            let Some(mut place) = self.inner.log.locate(from) else {
                let error = self.error(ErrorKind::Corrupt, Operation::Read);
                return Err(error.with_detail(format!("record {from} is missing")));
            };
            place.last = place.last.min(upto);
            let next = place.last + 1;
            self.read_place(place, from, limit, &mut records).await?;
            from = next;
        }
        Ok(records)
    }

    async fn close(&self) -> Result<()> {
        let working = self.view(Operation::Close).map(|_| ());
        let lock = match &self.role {
            Role::View { closed, .. } => {
                closed.store(true, Ordering::Relaxed);
                return working;
            }
            Role::Writer { lock } => lock,
        };
        let flushed = self.inner.log.close(&self.seams()).await;
        drop(lock.lock().expect("nothing panics while holding the lock's slot").take());
        working.and(flushed.map_err(|kind| self.error(kind, Operation::Close)))
    }

    async fn create_block(&self) -> Result<BlockId> {
        self.writable(Operation::CreateBlock)?;
        self.inner.blocks.create(&self.inner.shared, &self.inner.paths).await.map(BlockId::new)
    }

    async fn write_block(&self, block: &BlockId, data: &[u8]) -> Result<()> {
        self.writable(Operation::WriteBlock)?;
        self.inner.blocks.write(&self.inner.paths, block.as_str(), data).await
    }

    async fn seal_block(&self, block: &BlockId) -> Result<()> {
        self.writable(Operation::SealBlock)?;
        let sealed = self.inner.blocks.seal(&self.inner.shared.fs, &self.inner.paths, block.as_str()).await;
        sealed.map_err(|(error, in_doubt)| {
            if in_doubt {
                self.inner.log.refuse();
            }
            error
        })
    }

    async fn read_block(&self, block: &BlockId) -> Result<Vec<u8>> {
        self.settle_blocks(Operation::ReadBlock).await?;
        if let Some(manifest) = self.view(Operation::ReadBlock)?
            && !manifest.blocks.contains(block.as_str())
        {
            let error = self.error(ErrorKind::NotFound, Operation::ReadBlock);
            return Err(error.with_detail(format!("block {block} is not in the snapshot")));
        }
        self.inner.blocks.read(&self.inner.shared.fs, &self.inner.paths, block.as_str()).await
    }

    async fn list_blocks(&self) -> Result<Vec<BlockId>> {
        self.settle_blocks(Operation::ListBlocks).await?;
        let ids = match self.view(Operation::ListBlocks)? {
            Some(manifest) => manifest.blocks.iter().cloned().collect(),
            None => self.inner.blocks.sealed(),
        };
        Ok(ids.into_iter().map(BlockId::new).collect())
    }

    async fn create_snapshot(&self) -> Result<SnapshotId> {
        let operation = Operation::CreateSnapshot;
        let manifest = Manifest {
            last: self.flush_for(operation).await?,
            blocks: self.inner.blocks.sealed().into_iter().collect(),
        };
        let (shared, dir) = (&self.inner.shared, &self.inner.paths.snapshots);
        let id = layout::random_name(&shared.env);
        self.snapshots().in_doubt.insert(id.clone(), Doubt::Making);
        let name = format!("{id}{}", layout::SNAPSHOT);
        let published = layout::publish(&shared.fs, &shared.env, dir, &name, &manifest.encode()).await;
        self.snapshots().in_doubt.remove(&id);
        published.map_err(|error| {
            if error.in_doubt {
                self.inner.log.refuse();
            }
            StoreError::io(operation, dir.to_string_lossy(), error.source)
        })?;
        self.snapshots().listed.insert(id.clone());
        Ok(SnapshotId::new(id))
    }

    async fn mount_snapshot(&self, snapshot: &SnapshotId) -> Result<PosixStore<F, E>> {
        let operation = Operation::MountSnapshot;
        self.writable(operation)?;
        self.settle_snapshots(operation).await?;
        if !self.snapshots().listed.contains(snapshot.as_str()) {
            return Err(self.missing(operation, snapshot));
        }
        let path = self.snapshot_path(snapshot.as_str());
        let loaded = Manifest::load(&self.inner.shared.fs, &path, operation).await;
        // A deletion may have come in between.
        let manifest = match loaded {
            Err(_) if !self.snapshots().listed.contains(snapshot.as_str()) => {
                return Err(self.missing(operation, snapshot));
            }
            loaded => loaded?,
        };
        let role = Role::View { manifest, closed: AtomicBool::new(false) };
        Ok(PosixStore { inner: self.inner.clone(), role })
    }

    async fn list_snapshots(&self) -> Result<Vec<SnapshotId>> {
        self.writable(Operation::ListSnapshots)?;
        self.settle_snapshots(Operation::ListSnapshots).await?;
        Ok(self.snapshots().listed.iter().map(SnapshotId::new).collect())
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Result<()> {
        let operation = Operation::DeleteSnapshot;
        self.writable(operation)?;
        self.settle_snapshots(operation).await?;
        if !self.snapshots().listed.contains(snapshot.as_str()) {
            return Err(self.missing(operation, snapshot));
        }
        let dir = &self.inner.paths.snapshots;
        let path = self.snapshot_path(snapshot.as_str());
        self.snapshots().in_doubt.insert(snapshot.as_str().to_owned(), Doubt::Deleting);
        let deleted = async {
            match retry!(self.inner.shared.fs.unlink(&path)) {
                // Somebody else is deleting it too.
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => retry!(self.inner.shared.fs.sync_dir(dir)),
            }
        };
        deleted.await.map_err(|error| {
            self.inner.log.refuse();
            StoreError::io(operation, path.to_string_lossy(), error)
        })?;
        let mut snapshots = self.snapshots();
        snapshots.in_doubt.remove(snapshot.as_str());
        snapshots.listed.remove(snapshot.as_str());
        Ok(())
    }

    fn append_unit(&self) -> u32 {
        1
    }
}
