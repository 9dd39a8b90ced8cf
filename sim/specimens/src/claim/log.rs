//! The entries of a log: reading those that are there, and claiming the next.

use crate::plain::files::{failed, list, random_name, write_new};
use crate::plain::{Shared, retry};
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem, OpenMode, read_whole};
use asl_host::{ErrorKind, Operation, StoreError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const RECORD: u8 = b'R';
const FENCE: u8 = b'F';

/// What a handle knows of a log.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) records: Vec<Arc<[u8]>>,
    /// How many entries there are, fences among them.
    entries: u64,
}

impl Log {
    /// Reads the entries that were written since, after making sure that they stay.
    pub(super) async fn catch_up<F: FileSystem>(&mut self, fs: &F, dir: &Path) -> io::Result<()> {
        let names = list(fs, dir).await?;
        retry!(fs.sync_dir(dir))?;
        retry!(fs.sync_dir(parent(dir)))?;
        while names.binary_search(&name(self.entries + 1)).is_ok() {
            let file = retry!(fs.open(&path(dir, self.entries + 1), OpenMode::Read))?;
            let content = read_whole(&file).await?;
            match content.split_first() {
                Some((&RECORD, record)) => self.records.push(Arc::from(record)),
                Some((&FENCE, [])) => {}
                _ => return Err(io::Error::other("an entry is neither a record nor a fence")),
            }
            self.entries += 1;
        }
        Ok(())
    }

    /// Makes the next entry a record, or a fence if none is given, durably. False if another has claimed it.
    pub(super) async fn claim<F: FileSystem, E: Env>(
        &mut self,
        shared: &Shared<F, E>,
        dir: &Path,
        record: Option<&[u8]>,
    ) -> io::Result<bool> {
        let fs = &shared.fs;
        let temporary = dir.join(format!("{}.tmp", random_name(&shared.env)));
        let mut content = vec![if record.is_some() { RECORD } else { FENCE }];
        content.extend_from_slice(record.unwrap_or_default());
        let file = write_new(fs, &temporary, &content).await?;
        // Durable before it has a number: others may build on it as soon as they see it.
        retry!(file.sync_all())?;
        let linked = retry!(fs.link(&temporary, &path(dir, self.entries + 1)));
        retry!(fs.unlink(&temporary))?;
        match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            linked => linked?,
        }
        retry!(fs.sync_dir(dir))?;
        self.entries += 1;
        self.records.extend(record.map(Arc::from));
        Ok(true)
    }
}

fn name(entry: u64) -> String {
    format!("{entry:016}")
}

fn path(dir: &Path, entry: u64) -> PathBuf {
    dir.join(name(entry))
}

pub(super) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// Removes a directory that is no store any more.
pub(super) async fn remove<F: FileSystem>(fs: &F, dir: &Path) -> io::Result<()> {
    for name in list(fs, dir).await? {
        retry!(fs.unlink(&dir.join(&name)))?;
    }
    retry!(fs.remove_dir(dir))
}

/// A missing directory, or a path through something that is none, is absence; all else is a failure.
pub(super) fn absent_or_failed(operation: Operation, dir: &Path, error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            StoreError::new(ErrorKind::NotFound, operation, dir.to_string_lossy())
        }
        _ => failed(operation, dir)(error),
    }
}
