//! Recovery: from whatever a crash left to the last durable state, which is durable again before anyone sees it.
//!
//! Only the last segment that holds a frame can have a torn tail (see the invariants in the parent module). Recovery cuts
//! it, writes the last batch again and syncs; it creates no file and so works on a full disk. Crashing anywhere in it and
//! recovering again is harmless: every step either removes what no open has shown or repeats bytes that are there.
//!
//! Not detected here: damage inside earlier segments (a read finds it), and damage to the last synced batch, which looks
//! exactly like a torn tail.

use super::Shared;
use super::layout::{self, Paths};
use super::lifecycle::list;
use super::log::{INDEX_STRIDE, Segment};
use super::snapshot::Manifest;
use crate::env::Env;
use crate::error::{ErrorKind, Operation, Result, StoreError};
use crate::frame::{self, Scan};
use crate::fs::{File, FileSystem, OpenMode, read_whole, uninterrupted, write_all_at};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What recovery found.
pub(super) struct Recovered<F> {
    pub(super) segments: Vec<Segment<F>>,
    /// The last record's number, 0 if the log is empty.
    pub(super) last: u64,
    pub(super) blocks: BTreeSet<String>,
    pub(super) snapshots: BTreeSet<String>,
}

pub(super) async fn recover<F: FileSystem, E: Env>(
    shared: &Shared<F, E>,
    paths: &Paths,
    operation: Operation,
) -> Result<Recovered<F::File>> {
    let fs = &shared.fs;
    let recovery = Recovery { fs, paths, operation };
    let (segments, last) = recovery.log().await?;
    let blocks = recovery.directory(&paths.blocks, ".sealed").await?;
    let snapshots = recovery.directory(&paths.snapshots, ".snap").await?;
    recovery.check_manifests(&snapshots, &blocks, last).await?;
    // A process that was killed may have left names that no sync has covered yet: ours, and the store's in its parent.
    for dir in [&paths.blocks, &paths.snapshots, &paths.dir, &paths.parent] {
        uninterrupted!(fs.sync_dir(dir)).map_err(recovery.failed(dir))?;
    }
    tracing::debug!(location = %paths.dir.display(), last, blocks = blocks.len(), "store recovered");
    Ok(Recovered { segments, last, blocks, snapshots })
}

struct Recovery<'a, F> {
    fs: &'a F,
    paths: &'a Paths,
    operation: Operation,
}

impl<F: FileSystem> Recovery<'_, F> {
    fn failed(&self, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
        let (operation, path) = (self.operation, path.to_string_lossy().into_owned());
        move |source| StoreError::io(operation, path, source)
    }

    fn corrupt(&self, path: &Path, detail: String) -> StoreError {
        StoreError::new(ErrorKind::Corrupt, self.operation, path.to_string_lossy()).with_detail(detail)
    }

    /// Recovers the log from its last segment back to the first one that holds a frame.
    async fn log(&self) -> Result<(Vec<Segment<F::File>>, u64)> {
        let names = list(self.fs, &self.paths.dir, self.operation).await?;
        for name in names.iter().filter(|name| layout::is_temporary(name)) {
            let path = self.paths.dir.join(name);
            uninterrupted!(self.fs.unlink(&path)).map_err(self.failed(&path))?;
        }
        // Names sort by first number.
        let mut segments: Vec<Segment<F::File>> = names
            .iter()
            .filter_map(|name| layout::parse_segment(name))
            .map(|(first, salt)| Segment::new(first, salt))
            .collect();
        // The first number that the segment removed last would have held: everything before it was durable when it was made.
        let mut follower = None;
        while let Some(mut segment) = segments.pop() {
            let path = self.paths.segment(segment.first, segment.salt);
            let file =
                uninterrupted!(self.fs.open(&path, OpenMode::ReadWrite)).map_err(self.failed(&path))?;
            let bytes = read_whole(&file).await.map_err(self.failed(&path))?;
            let scan = frame::scan(&bytes, segment.salt, segment.first);
            let last = segment.first + scan.offsets.len() as u64 - 1;
            self.check_tail(&path, &scan, last, follower)?;
            if scan.offsets.is_empty() {
                uninterrupted!(self.fs.unlink(&path)).map_err(self.failed(&path))?;
                follower = Some(segment.first);
                continue;
            }
            self.make_durable(&path, &file, &bytes, &scan, segment.first).await?;
            segment.adopt(file, &scan, INDEX_STRIDE);
            segments.push(segment);
            check_chain(&segments).map_err(|detail| self.corrupt(&self.paths.dir, detail))?;
            return Ok((segments, last));
        }
        match follower {
            Some(first) if first > 1 => {
                Err(self.corrupt(&self.paths.dir, format!("the records before {first} are missing")))
            }
            _ => Ok((segments, 0)),
        }
    }

    /// A bad frame is corruption only if something durable says that there was a good one.
    fn check_tail(&self, path: &Path, scan: &Scan, last: u64, follower: Option<u64>) -> Result<()> {
        if scan.watermark_behind > last {
            let detail = format!("record {} is damaged: a later record says that it was durable", last + 1);
            return Err(self.corrupt(path, detail));
        }
        match follower {
            Some(first) if first != last + 1 => {
                let detail =
                    format!("ends at record {last}, but the next segment was begun with record {first}");
                Err(self.corrupt(path, detail))
            }
            _ => Ok(()),
        }
    }

    /// Cuts the torn tail, and writes again what no watermark covers: those bytes may be in the page cache only, and
    /// marked clean by an fsync that failed for the process before us.
    async fn make_durable(
        &self,
        path: &Path,
        file: &F::File,
        bytes: &[u8],
        scan: &Scan,
        first: u64,
    ) -> Result<()> {
        if scan.end < bytes.len() as u64 {
            tracing::debug!(path = %path.display(), from = scan.end, to = bytes.len(), "torn tail cut");
            uninterrupted!(file.set_len(scan.end)).map_err(self.failed(path))?;
        }
        let covered = usize::try_from((scan.watermark + 1).saturating_sub(first))
            .expect("less than the frames scanned");
        if let Some(&from) = scan.offsets.get(covered) {
            let (from, end) = (from as usize, scan.end as usize);
            write_all_at(file, &bytes[from..end], from as u64).await.map_err(self.failed(path))?;
        }
        uninterrupted!(file.sync_all()).map_err(self.failed(path))
    }

    /// The published files of a directory, without their ending; what was not published is removed.
    async fn directory(&self, dir: &Path, ending: &str) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        for name in list(self.fs, dir, self.operation).await? {
            if let Some(id) = name.strip_suffix(ending) {
                found.insert(id.to_owned());
            } else {
                let path = dir.join(&name);
                uninterrupted!(self.fs.unlink(&path)).map_err(self.failed(&path))?;
            }
        }
        Ok(found)
    }

    /// A manifest is durable evidence of the records and blocks that it names.
    async fn check_manifests(
        &self,
        snapshots: &BTreeSet<String>,
        blocks: &BTreeSet<String>,
        last: u64,
    ) -> Result<()> {
        for id in snapshots {
            let path = self.paths.snapshots.join(format!("{id}.snap"));
            let manifest = Manifest::load(self.fs, &path, self.operation).await?;
            if manifest.last > last {
                let detail =
                    format!("snapshot {id} holds {} records, but the log ends at {last}", manifest.last);
                return Err(self.corrupt(&self.paths.dir, detail));
            }
            if let Some(missing) = manifest.blocks.iter().find(|block| !blocks.contains(*block)) {
                return Err(
                    self.corrupt(&self.paths.blocks, format!("block {missing} of snapshot {id} is missing"))
                );
            }
        }
        Ok(())
    }
}

/// Segments begin at record 1 and have distinct first numbers; whether each reaches the next, a read finds.
fn check_chain<F>(segments: &[Segment<F>]) -> std::result::Result<(), String> {
    if segments[0].first != 1 {
        return Err(format!("the records before {} are missing", segments[0].first));
    }
    match segments.windows(2).find(|pair| pair[0].first == pair[1].first) {
        Some(pair) => Err(format!("two segments begin with record {}", pair[0].first)),
        None => Ok(()),
    }
}

/// Keeps a file open behind the handle that shares it.
impl<F> Segment<F> {
    fn adopt(&mut self, file: F, scan: &Scan, stride: u64) {
        self.len = scan.end;
        self.index = scan
            .offsets
            .iter()
            .enumerate()
            .step_by(stride as usize)
            .map(|(i, &at)| (self.first + i as u64, at))
            .collect();
        self.file = Some(Arc::new(file));
        self.name_durable = true;
    }
}
