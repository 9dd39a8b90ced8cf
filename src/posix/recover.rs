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
use crate::fs::{File, FileSystem, OpenMode, read_whole, retry, write_all_at};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
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
    // Everything is judged before anything is touched: damage that was reported is there to be looked at afterwards.
    let mut litter = Vec::new();
    let (mut segments, tail) = recovery.find_log(&mut litter).await?;
    let blocks = recovery.directory(&paths.blocks, layout::SEALED, &mut litter).await?;
    let snapshots = recovery.directory(&paths.snapshots, layout::SNAPSHOT, &mut litter).await?;
    let last = tail.as_ref().map_or(0, Tail::last);
    recovery.check_manifests(&snapshots, &blocks, last).await?;
    for path in &litter {
        retry!(fs.unlink(path)).map_err(recovery.failed(path))?;
    }
    if let (Some(tail), Some(segment)) = (tail, segments.last_mut()) {
        recovery.make_durable(&tail).await?;
        segment.adopt(tail);
    }
    // A process that was killed may have left names that no sync has covered yet: ours, and the store's in its parent.
    for dir in [&paths.blocks, &paths.snapshots, &paths.dir, &paths.parent] {
        retry!(fs.sync_dir(dir)).map_err(recovery.failed(dir))?;
    }
    tracing::debug!(location = %paths.dir.display(), last, blocks = blocks.len(), "store recovered");
    Ok(Recovered { segments, last, blocks, snapshots })
}

/// The last segment that holds a frame, as it was found.
struct Tail<F> {
    path: PathBuf,
    file: F,
    bytes: Vec<u8>,
    scan: Scan,
    first: u64,
}

impl<F> Tail<F> {
    /// The last record's number.
    fn last(&self) -> u64 {
        self.first + self.scan.offsets.len() as u64 - 1
    }
}

struct Recovery<'a, F> {
    fs: &'a F,
    paths: &'a Paths,
    operation: Operation,
}

impl<F: FileSystem> Recovery<'_, F> {
    fn failed<'p>(&self, path: &'p Path) -> impl FnOnce(io::Error) -> StoreError + use<'p, F> {
        let operation = self.operation;
        move |source| StoreError::io(operation, path.to_string_lossy(), source)
    }

    fn corrupt(&self, path: &Path, detail: String) -> StoreError {
        StoreError::new(ErrorKind::Corrupt, self.operation, path.to_string_lossy()).with_detail(detail)
    }

    /// The segments up to the last one that holds a frame. Those behind it, and unfinished files, are litter.
    async fn find_log(
        &self,
        litter: &mut Vec<PathBuf>,
    ) -> Result<(Vec<Segment<F::File>>, Option<Tail<F::File>>)> {
        let names = list(self.fs, &self.paths.dir, self.operation).await?;
        let unfinished = names.iter().filter(|name| layout::is_temporary(name));
        litter.extend(unfinished.map(|name| self.paths.dir.join(name)));
        // Names sort by first number.
        let found = names.iter().filter_map(|name| layout::parse_segment(name));
        let mut segments: Vec<Segment<F::File>> =
            found.map(|(first, salt)| Segment::new(first, salt)).collect();
        // What the segment behind was begun with: everything before it was durable when it was made.
        let mut follower = None;
        while let Some(segment) = segments.last() {
            let path = self.paths.segment(segment.first, segment.salt);
            let file = retry!(self.fs.open(&path, OpenMode::ReadWrite)).map_err(self.failed(&path))?;
            let bytes = read_whole(&file).await.map_err(self.failed(&path))?;
            let scan = frame::scan(&bytes, segment.salt, segment.first);
            let tail = Tail { path, file, bytes, scan, first: segment.first };
            self.check_tail(&tail, follower)?;
            if !tail.scan.offsets.is_empty() {
                check_chain(&segments).map_err(|detail| self.corrupt(&self.paths.dir, detail))?;
                return Ok((segments, Some(tail)));
            }
            litter.push(tail.path);
            follower = Some(segment.first);
            segments.pop();
        }
        match follower {
            Some(first) if first > 1 => {
                Err(self.corrupt(&self.paths.dir, format!("the records before {first} are missing")))
            }
            _ => Ok((segments, None)),
        }
    }

    /// A bad frame is corruption only if something durable says that there was a good one.
    fn check_tail(&self, tail: &Tail<F::File>, follower: Option<u64>) -> Result<()> {
        let last = tail.last();
        if tail.scan.watermark_behind > last {
            let detail = format!("record {} is damaged: a later record says that it was durable", last + 1);
            return Err(self.corrupt(&tail.path, detail));
        }
        match follower {
            Some(first) if first != last + 1 => {
                let detail =
                    format!("ends at record {last}, but the next segment was begun with record {first}");
                Err(self.corrupt(&tail.path, detail))
            }
            _ => Ok(()),
        }
    }

    /// Cuts the torn tail, and writes again what no watermark covers: those bytes may be in the page cache only, and
    /// marked clean by an fsync that failed for the process before us.
    async fn make_durable(&self, tail: &Tail<F::File>) -> Result<()> {
        let Tail { path, file, bytes, scan, first } = tail;
        if scan.end < bytes.len() as u64 {
            tracing::debug!(path = %path.display(), from = scan.end, to = bytes.len(), "torn tail cut");
            retry!(file.set_len(scan.end)).map_err(self.failed(path))?;
        }
        let covered = usize::try_from((scan.watermark + 1).saturating_sub(*first))
            .expect("less than the frames scanned");
        if let Some(&from) = scan.offsets.get(covered) {
            let (from, end) = (from as usize, scan.end as usize);
            write_all_at(file, &bytes[from..end], from as u64).await.map_err(self.failed(path))?;
        }
        retry!(file.sync_all()).map_err(self.failed(path))
    }

    /// The published files of a directory, by identifier; what of ours was not published is litter.
    async fn directory(
        &self,
        dir: &Path,
        ending: &str,
        litter: &mut Vec<PathBuf>,
    ) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        for name in list(self.fs, dir, self.operation).await? {
            if let Some(id) = layout::id_of(&name, ending) {
                found.insert(id.to_owned());
            } else if layout::is_own_inner_name(&name) {
                litter.push(dir.join(&name));
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

impl<F> Segment<F> {
    /// Keeps the file that recovery has read open.
    fn adopt(&mut self, tail: Tail<F>) {
        let numbered = tail.scan.offsets.iter().enumerate().step_by(INDEX_STRIDE as usize);
        self.len = tail.scan.end;
        self.index = numbered.map(|(index, &at)| (self.first + index as u64, at)).collect();
        self.file = Some(Arc::new(tail.file));
        self.name_durable = true;
    }
}
