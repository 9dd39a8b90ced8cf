//! Recovery: what a crash left, made durable before anyone sees it.
//!
//! It creates no file and makes none longer, so it works on a full disk. Crashing anywhere in it and recovering again is
//! harmless: each step removes what no open has shown, or repeats bytes that are there.

use super::files::{Paths, list, parse_segment, retry};
use super::lifecycle::directories;
use super::manifest;
use super::{Missing, Steps};
use asl_host::fs::{File, FileSystem, OpenMode, read_whole, write_all_at};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an open shows.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    pub(super) records: Vec<Option<Arc<[u8]>>>,
    /// How many of them are known to be durable.
    pub(super) durable: u64,
    pub(super) sealed: BTreeSet<String>,
    pub(super) snapshots: BTreeSet<String>,
}

pub(super) async fn recover<F: FileSystem, S: Steps>(
    fs: &F,
    steps: &S,
    paths: &Paths,
) -> io::Result<Recovered> {
    let records = recover_log(fs, steps, paths).await?;
    let (mut sealed, mut snapshots) = (BTreeSet::new(), BTreeSet::new());
    if S::BLOCKS {
        sealed = finished(fs, &paths.blocks, ".sealed", S::KEEPS_OPEN_BLOCKS).await?;
    }
    if S::SNAPSHOTS {
        snapshots = finished(fs, &paths.snapshots, ".snap", false).await?;
    }
    if S::DETECTS_DAMAGE {
        for id in &snapshots {
            let (last, _) = manifest::load(fs, &paths.manifest(id), id).await?;
            if last > records.len() {
                S::records_missing(Missing::InSnapshot)?;
            }
        }
    }
    // A process that was killed may have left names that no sync has covered.
    for dir in directories::<S>(paths) {
        retry!(fs.sync_dir(dir))?;
    }
    retry!(fs.sync_dir(&paths.dir))?;
    steps.sync_parent(fs, &paths.parent).await?;
    let durable = if S::SYNCS_WHAT_IT_RECOVERS { records.len() as u64 } else { 0 };
    Ok(Recovered { records, durable, sealed, snapshots })
}

/// The records up to the first that is missing. A segment that does not continue them is removed, unless it shows that
/// durable ones are missing.
async fn recover_log<F: FileSystem, S: Steps>(
    fs: &F,
    steps: &S,
    paths: &Paths,
) -> io::Result<Vec<Option<Arc<[u8]>>>> {
    let mut records = Vec::new();
    let mut kept: Vec<(PathBuf, F::File, Vec<u8>)> = Vec::new();
    // Names sort by first number.
    for (first, salt) in list(fs, &paths.dir).await?.iter().filter_map(|name| parse_segment(name)) {
        let (path, next) = (paths.segment(first, salt), records.len() as u64 + 1);
        if S::DETECTS_DAMAGE && first > next {
            S::records_missing(Missing::BeforeSegment)?;
        }
        if S::continues(first, next) {
            let file = retry!(fs.open(&path, OpenMode::ReadWrite))?;
            let mut bytes = read_whole(&file).await?;
            let scan = S::scan(&bytes, salt, first);
            if S::DETECTS_DAMAGE && scan.witnessed >= first + scan.records.len() as u64 {
                S::records_missing(Missing::WithinSegment)?;
            }
            S::judge_rest(&bytes[scan.end..], salt)?;
            if !scan.records.is_empty() {
                records.resize(first as usize - 1, None);
                records.extend(scan.records.into_iter().map(|record| Some(Arc::from(record))));
                bytes.truncate(scan.end);
                kept.push((path, file, bytes));
                continue;
            }
        }
        retry!(fs.unlink(&path))?;
    }
    // A segment is begun when the one before it is durable, so that only the last one needs this.
    let durable = if S::SYNCS_EACH_SEGMENT { kept.len().saturating_sub(1) } else { 0 };
    for (path, file, bytes) in &kept[durable..] {
        retry!(file.set_len(bytes.len() as u64))?;
        write_all_at(file, bytes, 0).await?;
        steps.sync_recovered(file, path).await?;
    }
    Ok(records)
}

/// The finished files of a directory, without their ending. What was not finished is removed, unless it is to be kept.
async fn finished<F: FileSystem>(
    fs: &F,
    dir: &Path,
    ending: &str,
    keep: bool,
) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for name in list(fs, dir).await? {
        match name.strip_suffix(ending) {
            Some(id) => {
                found.insert(id.to_owned());
            }
            None if keep => {}
            None => retry!(fs.unlink(&dir.join(&name)))?,
        }
    }
    Ok(found)
}
