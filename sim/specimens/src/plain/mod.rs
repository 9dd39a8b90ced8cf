//! The plain host: a simple, correct host that specimens are made from by changing one of its [`Steps`].
//!
//! ```text
//! ROOT/host/                  clock and identity
//! LOCATION/STORE              its being there says that there is a store; made last, removed first
//! LOCATION/lock               flock of the one writer
//! LOCATION/pid                of one specimen only
//! LOCATION/FIRST-SALT.log     a segment: a few frames, from number FIRST on, with SALT in each
//! LOCATION/blocks/            ID.open, ID.sealed
//! LOCATION/snapshots/         ID.snap: manifests, the last number and the sealed blocks
//! ```
//!
//! An open reads the whole log into memory, and reads are served from there. Operations that write take turns; one that
//! fails or is dropped half-way leaves a handle that refuses all further work, reads included, until the store is opened
//! again. A segment is written by one handle only, so that at an open only the last one can be torn: its whole frames are
//! written again in place (they may be in the page cache only, marked clean by a failed fsync), its rest is cut off.
//!
//! Correct in the fault classes `crash` and `error`. Damage by the medium is detected only by those that ask for it
//! (`DETECTS_DAMAGE`); for the others the log ends at the first bad frame, whatever lies behind it. That keeps a planted bug
//! from showing as an error of open, where what it breaks is that a record is gone.

pub(crate) mod files;
pub(crate) mod gate;
mod lifecycle;
mod manifest;
pub(crate) mod marks;
mod recover;
mod store;
mod turn;

use asl_host::env::Env;
use asl_host::frame::{self, HEADER_LEN};
use asl_host::fs::{File, FileSystem, OpenMode, write_all_at};
use asl_host::{Capabilities, Durability, Exclusion, Host, HostIdentity, HostTime, Result, StoreLocation};
use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use files::retry;
pub(crate) use store::PlainStore;

/// The longest record in bytes.
const RECORD_LEN_MAX: u32 = 1 << 20;

/// Where a record goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The segment's salt.
    pub(crate) salt: u64,
    /// The record's number.
    pub(crate) seq: u64,
    /// Where in the segment's file it begins.
    pub(crate) offset: u64,
}

/// What a segment was found to hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// The records of its valid beginning.
    pub(crate) records: Vec<Vec<u8>>,
    /// Where that ends.
    pub(crate) end: usize,
    /// The last number that a frame behind the end says was durable when it was written.
    pub(crate) witnessed: u64,
}

/// Where records are missing that had been durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// A later frame of the same segment says so.
    WithinSegment,
    /// A later segment does, by having been begun.
    BeforeSegment,
    /// A snapshot does.
    InSnapshot,
}

/// The steps that a bug can be planted in. As they stand here they are right. There is one of these for each open store.
pub(crate) trait Steps: Default + Send + Sync + 'static {
    /// When an acknowledged append is durable.
    const DURABILITY: Durability = Durability::OnAppend;
    /// Whether a segment is synced before the next one is begun. If not, a flush syncs all of them, oldest first.
    const SYNCS_EACH_SEGMENT: bool = true;
    /// Whether recovery makes durable what it shows. If not, `sync_recovered` keeps it in mind for `settle`.
    const SYNCS_WHAT_IT_RECOVERS: bool = true;
    /// Whether the files of blocks that were never sealed outlive the process.
    const KEEPS_OPEN_BLOCKS: bool = false;
    /// Whether the block operations work.
    const BLOCKS: bool = false;
    /// Whether the snapshot operations work.
    const SNAPSHOTS: bool = false;
    /// Whether records carry a watermark and blocks a checksum, so that damage can be told from what a crash leaves.
    const DETECTS_DAMAGE: bool = false;
    /// How many records a segment takes: few, so that a short run has several segments.
    const SEGMENT_RECORDS: u64 = 8;

    /// Makes the name of the store's directory durable, in a creation and at every open.
    fn sync_parent<F: FileSystem>(
        &self,
        fs: &F,
        parent: &Path,
    ) -> impl Future<Output = io::Result<()>> + Send {
        async move { retry!(fs.sync_dir(parent)) }
    }

    /// Makes the mark that says that there is a store. Its name is not durable yet.
    fn make_mark<F: FileSystem>(&self, fs: &F, mark: &Path) -> impl Future<Output = io::Result<()>> + Send {
        async move { retry!(fs.open(mark, OpenMode::CreateNew)).map(drop) }
    }

    /// Before an open looks whether there is a store.
    fn before_open<F: FileSystem>(
        &self,
        _fs: &F,
        _dir: &Path,
    ) -> impl Future<Output = io::Result<()>> + Send {
        async { Ok(()) }
    }

    /// Looks at the mark of a store that is opened.
    fn check_mark<F: FileSystem>(
        &self,
        _fs: &F,
        _mark: &Path,
    ) -> impl Future<Output = io::Result<()>> + Send {
        async { Ok(()) }
    }

    /// Whether the store is free, besides the lock that we have; if so, it is ours from now on. `process` is a number that
    /// this process drew when it started.
    fn claim<F: FileSystem>(
        &self,
        _fs: &F,
        _dir: &Path,
        _process: u64,
    ) -> impl Future<Output = io::Result<bool>> + Send {
        async { Ok(true) }
    }

    /// Gives the store free again.
    fn release<F: FileSystem>(&self, _fs: &F, _dir: &Path) -> impl Future<Output = io::Result<()>> + Send {
        async { Ok(()) }
    }

    /// Makes a new segment's file ready for records.
    fn prepare_segment<F: File>(&self, _file: &F) -> impl Future<Output = io::Result<()>> + Send {
        async { Ok(()) }
    }

    /// Makes the name of a segment durable that an append has just created.
    fn sync_segment_name<F: FileSystem>(
        &self,
        fs: &F,
        dir: &Path,
    ) -> impl Future<Output = io::Result<()>> + Send {
        async move { retry!(fs.sync_dir(dir)) }
    }

    /// Makes the name of the mark durable that a creation has just made.
    fn sync_mark_name<F: FileSystem>(
        &self,
        fs: &F,
        paths: (&Path, &F::File),
    ) -> impl Future<Output = io::Result<()>> + Send {
        let (dir, _lock) = paths;
        async move { retry!(fs.sync_dir(dir)) }
    }

    /// What recovery makes of the bytes behind a segment's last whole record, before it cuts them off.
    fn judge_rest(_rest: &[u8], _salt: u64) -> io::Result<()> {
        Ok(())
    }

    /// Whether a segment that begins with the number `first` belongs behind records of which the next would be `next`.
    fn continues(first: u64, next: u64) -> bool {
        first == next
    }

    /// Makes a segment durable that recovery has written again.
    fn sync_recovered<F: File>(&self, file: &F, _path: &Path) -> impl Future<Output = io::Result<()>> + Send {
        async move { retry!(file.sync_all()) }
    }

    /// Before anything is written or called durable: what recovery left to be done.
    fn settle<F: FileSystem>(&self, _fs: &F) -> impl Future<Output = io::Result<()>> + Send {
        async { Ok(()) }
    }

    /// What recovery does when it finds that durable records are missing.
    fn records_missing(_where: Missing) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::InvalidData, "records are missing that had been durable"))
    }

    /// Writes a record into a segment and makes it durable. Returns where it ends.
    fn put_record<F: File, E: Env>(
        &self,
        file: &F,
        env: &E,
        place: Place,
        record: &[u8],
    ) -> impl Future<Output = io::Result<u64>> + Send {
        async move {
            let bytes = Self::encode(place, record);
            write_all_at(file, &bytes, place.offset).await?;
            self.sync_record(file, env).await?;
            Ok(place.offset + bytes.len() as u64)
        }
    }

    /// Makes durable what was written last, before it is acknowledged.
    fn sync_record<F: File, E: Env>(
        &self,
        file: &F,
        _env: &E,
    ) -> impl Future<Output = io::Result<()>> + Send {
        async move { retry!(file.sync_data()) }
    }

    /// Makes durable what `sync_record` did not: at a flush, at a close, and before another segment is begun.
    fn sync_rest<F: File>(&self, _file: &F) -> impl Future<Output = io::Result<()>> + Send {
        async { Ok(()) }
    }

    /// After a write that failed: where the next record is to go, or `None` if the handle should refuse further work.
    fn end_after_failure<F: File>(
        &self,
        _file: &F,
        _place: Place,
        _error: &io::Error,
    ) -> impl Future<Output = Option<u64>> + Send {
        async { None }
    }

    /// A record as it stands in a segment.
    fn encode(place: Place, record: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN + record.len());
        // Records are written one at a time: all before this one are durable.
        let watermark = if Self::DETECTS_DAMAGE { place.seq - 1 } else { 0 };
        frame::encode(&mut bytes, place.salt, place.seq, watermark, record);
        bytes
    }

    /// Finds the records in a segment's bytes that `encode` put there.
    fn scan(bytes: &[u8], salt: u64, first: u64) -> Scan {
        let mut scan = Scan::default();
        while let Some(frame) = frame::decode(&bytes[scan.end..], salt)
            .filter(|frame| frame.seq == first + scan.records.len() as u64)
        {
            let end = scan.end + frame.len();
            scan.records.push(bytes[scan.end + HEADER_LEN..end].to_vec());
            scan.end = end;
        }
        if Self::DETECTS_DAMAGE {
            scan.witnessed = frame::scan(bytes, salt, first).watermark_behind;
        }
        scan
    }

    /// Makes a snapshot's manifest durable before it gets its name.
    fn sync_manifest<F: File>(&self, file: &F) -> impl Future<Output = io::Result<()>> + Send {
        async move { retry!(file.sync_data()) }
    }

    /// The blocks that a snapshot is to hold, of the sealed and the open ones.
    fn blocks_for_snapshot<F: FileSystem>(
        &self,
        _fs: &F,
        _dir: &Path,
        sealed: BTreeSet<String>,
        _open: Vec<(String, Arc<F::File>)>,
    ) -> impl Future<Output = io::Result<BTreeSet<String>>> + Send {
        async { Ok(sealed) }
    }

    /// Removes a snapshot's manifest, durably.
    fn remove_manifest<F: FileSystem>(
        &self,
        fs: &F,
        dir: &Path,
        manifest: &Path,
    ) -> impl Future<Output = io::Result<()>> + Send {
        async move {
            retry!(fs.unlink(manifest))?;
            retry!(fs.sync_dir(dir))
        }
    }

    /// What is left to be done in an orderly close.
    fn before_close<F: FileSystem>(&self, _fs: &F) -> impl Future<Output = io::Result<()>> + Send {
        async { Ok(()) }
    }

    /// Makes the name of a sealed block durable.
    fn sync_sealed_name<F: FileSystem>(
        &self,
        fs: &F,
        dir: &Path,
    ) -> impl Future<Output = io::Result<()>> + Send {
        async move { retry!(fs.sync_dir(dir)) }
    }
}

/// Takes back what a failed append wrote, as far as that can be done: whatever made the append fail may hit this too.
pub(crate) async fn take_back<F: File>(file: &F, place: Place) {
    for _ in 0..3 {
        if retry!(file.set_len(place.offset)).is_ok() {
            return;
        }
    }
}

/// The seams, the host's directory, and the process that it runs in.
#[derive(Debug)]
pub(crate) struct Shared<F, E> {
    pub(crate) fs: F,
    pub(crate) env: E,
    pub(crate) root: PathBuf,
    /// Tells this process from others, as a process's number would.
    pub(crate) process: u64,
}

impl<F, E: Env> Shared<F, E> {
    pub(crate) fn new(fs: F, env: E, root: &str) -> Arc<Shared<F, E>> {
        let process = env.random_u64();
        Arc::new(Shared { fs, env, root: PathBuf::from(root), process })
    }
}

/// The plain host with these steps.
#[derive(Debug)]
pub(crate) struct Plain<F, E, S> {
    shared: Arc<Shared<F, E>>,
    marks: marks::Marks,
    steps: PhantomData<fn() -> S>,
}

impl<F: FileSystem, E: Env, S: Steps> Plain<F, E, S> {
    pub(crate) fn new(fs: F, env: E, root: &str) -> Plain<F, E, S> {
        Plain { shared: Shared::new(fs, env, root), marks: marks::Marks::default(), steps: PhantomData }
    }
}

impl<F: FileSystem, E: Env, S: Steps> Host for Plain<F, E, S> {
    type Store = PlainStore<F, E, S>;

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            durability: S::DURABILITY,
            exclusion: Exclusion::Refuse,
            blocks: S::BLOCKS,
            snapshots: S::SNAPSHOTS,
            append_unit: 1,
            max_record_len: RECORD_LEN_MAX,
        }
    }

    async fn create_store(&self, location: &StoreLocation) -> Result<PlainStore<F, E, S>> {
        lifecycle::create(&self.shared, files::Paths::of(location)).await
    }

    async fn open_store(&self, location: &StoreLocation) -> Result<PlainStore<F, E, S>> {
        lifecycle::open(&self.shared, files::Paths::of(location)).await
    }

    async fn destroy_store(&self, location: &StoreLocation) -> Result<()> {
        lifecycle::destroy::<F, E, S>(&self.shared, files::Paths::of(location)).await
    }

    async fn now(&self) -> Result<HostTime> {
        self.marks.now(&self.shared).await
    }

    async fn identity(&self) -> Result<HostIdentity> {
        self.marks.identity(&self.shared).await
    }
}
