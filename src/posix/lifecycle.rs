//! Creating, opening and destroying a store.
//!
//! The file `STORE` is the commit point of all three: with it there is a store, without it there is none, whatever else
//! lies in the directory. It is published last in a creation and removed first, durably, in a destruction.

use super::Shared;
use super::layout::{self, Mark, Paths};
use super::log::Log;
use super::recover;
use super::store::PosixStore;
use crate::env::Env;
use crate::error::{ErrorKind, Operation, Result, StoreError};
use crate::fs::{File, FileSystem, OpenMode, read_whole, retry};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What fails when a file of the store cannot be worked with.
fn failed(operation: Operation, path: &Path) -> impl FnOnce(io::Error) -> StoreError + '_ {
    move |source| StoreError::io(operation, path.to_string_lossy(), source)
}

pub(super) async fn create<F: FileSystem, E: Env>(
    shared: &Arc<Shared<F, E>>,
    paths: Paths,
    operation: Operation,
) -> Result<PosixStore<F, E>> {
    let fs = &shared.fs;
    match retry!(fs.create_dir(&paths.dir)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            refuse_existing(fs, &paths, operation).await?;
        }
        Err(error) => return Err(absent_or_failed(operation, &paths.parent, error)),
        Ok(()) => {}
    }
    remains(fs, &paths, operation).await?;
    let lock = retry!(fs.open(&paths.lock, OpenMode::Create)).map_err(failed(operation, &paths.lock))?;
    take_lock(fs, &paths, &lock, operation).await?;
    refuse_existing(fs, &paths, operation).await?;
    clear_remains(fs, &paths, operation).await?;
    for dir in [&paths.blocks, &paths.snapshots] {
        retry!(fs.create_dir(dir)).map_err(failed(operation, dir))?;
    }
    // Everything that the store consists of is durable before the mark says that there is one.
    retry!(fs.sync_dir(&paths.dir)).map_err(failed(operation, &paths.dir))?;
    layout::publish(fs, &shared.env, &paths.dir, "STORE", &layout::encode_mark())
        .await
        .map_err(|error| StoreError::io(operation, paths.mark.to_string_lossy(), error.source))?;
    retry!(fs.sync_dir(&paths.parent)).map_err(failed(operation, &paths.parent))?;
    tracing::debug!(location = %paths.dir.display(), "store created");
    Ok(PosixStore::writer(shared.clone(), paths, lock, Log::empty(), BTreeSet::new(), BTreeSet::new()))
}

pub(super) async fn open<F: FileSystem, E: Env>(
    shared: &Arc<Shared<F, E>>,
    paths: Paths,
    operation: Operation,
) -> Result<PosixStore<F, E>> {
    let lock = lock_existing(&shared.fs, &paths, operation).await?;
    let recovered = recover::recover(shared, &paths, operation).await?;
    let log = Log::recovered(recovered.segments, recovered.last);
    Ok(PosixStore::writer(shared.clone(), paths, lock, log, recovered.blocks, recovered.snapshots))
}

pub(super) async fn destroy<F: FileSystem, E: Env>(
    shared: &Arc<Shared<F, E>>,
    paths: Paths,
    operation: Operation,
) -> Result<()> {
    let fs = &shared.fs;
    let lock = lock_existing(fs, &paths, operation).await?;
    retry!(fs.unlink(&paths.mark)).map_err(failed(operation, &paths.mark))?;
    // From here on there is no store. What follows is cleaning up, and a creation would do it just as well.
    retry!(fs.sync_dir(&paths.dir)).map_err(failed(operation, &paths.dir))?;
    let cleaned = async {
        clear_remains(fs, &paths, operation).await?;
        retry!(fs.unlink(&paths.lock)).map_err(failed(operation, &paths.lock))?;
        retry!(fs.remove_dir(&paths.dir)).map_err(failed(operation, &paths.dir))?;
        retry!(fs.sync_dir(&paths.parent)).map_err(failed(operation, &paths.parent))
    };
    if let Err(error) = cleaned.await {
        tracing::warn!(%error, "the store is destroyed, but not all its files could be removed");
    }
    drop(lock);
    Ok(())
}

/// The lock of a store that exists.
async fn lock_existing<F: FileSystem>(fs: &F, paths: &Paths, operation: Operation) -> Result<F::File> {
    let opened = retry!(fs.open(&paths.lock, OpenMode::ReadWrite));
    // Without its mark it is no store, whoever may be at work on it.
    if !has_mark(fs, paths, operation).await? {
        if opened.is_ok() {
            // A process that was killed may have removed it without syncing: what we say now must stay true.
            retry!(fs.sync_dir(&paths.dir)).map_err(failed(operation, &paths.dir))?;
        }
        return Err(StoreError::new(ErrorKind::NotFound, operation, paths.name()));
    }
    let opened = match opened {
        // A store that was restored without its lock file is a store all the same.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            retry!(fs.open(&paths.lock, OpenMode::Create))
        }
        opened => opened,
    };
    let lock = opened.map_err(failed(operation, &paths.lock))?;
    lock_and_check(fs, paths, lock, operation).await
}

/// Takes the lock, and makes sure that this program can read the store.
async fn lock_and_check<F: FileSystem>(
    fs: &F,
    paths: &Paths,
    lock: F::File,
    operation: Operation,
) -> Result<F::File> {
    take_lock(fs, paths, &lock, operation).await?;
    let mark = read_mark(fs, paths, operation).await?;
    match mark {
        Some(Mark::Known) => Ok(lock),
        Some(Mark::Future(version)) => Err(StoreError::new(ErrorKind::Unsupported, operation, paths.name())
            .with_detail(format!(
                "the store has format version {version}, this program reads {}: open it with a newer version",
                layout::FORMAT_VERSION
            ))),
        Some(Mark::Damaged) => {
            Err(StoreError::new(ErrorKind::Corrupt, operation, paths.mark.to_string_lossy())
                .with_detail("the store's format mark is damaged"))
        }
        None => Err(StoreError::new(ErrorKind::NotFound, operation, paths.name())),
    }
}

/// Takes the exclusive lock, and makes sure that it is the lock of the directory as it is now: a destruction may have
/// removed the file, and a creation made another, between our opening it and locking it.
async fn take_lock<F: FileSystem>(fs: &F, paths: &Paths, lock: &F::File, operation: Operation) -> Result<()> {
    let refused = || StoreError::new(ErrorKind::ConcurrentModification, operation, paths.name());
    if !retry!(lock.try_lock()).map_err(failed(operation, &paths.lock))? {
        return Err(refused().with_detail("another process or handle has the store open"));
    }
    let ours = lock.metadata().await.map_err(failed(operation, &paths.lock))?;
    match fs.metadata(&paths.lock).await {
        Ok(current) if current.inode == ours.inode => Ok(()),
        Ok(_) => Err(refused().with_detail("the store was created anew meanwhile")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(refused().with_detail("the store was destroyed meanwhile"))
        }
        Err(error) => Err(failed(operation, &paths.lock)(error)),
    }
}

/// `STORE_EXISTS` if there is a store, open or not; what we say of it is durable first.
async fn refuse_existing<F: FileSystem>(fs: &F, paths: &Paths, operation: Operation) -> Result<()> {
    if !has_mark(fs, paths, operation).await? {
        return Ok(());
    }
    for dir in [&paths.dir, &paths.parent] {
        retry!(fs.sync_dir(dir)).map_err(failed(operation, dir))?;
    }
    Err(StoreError::new(ErrorKind::Exists, operation, paths.name()))
}

async fn has_mark<F: FileSystem>(fs: &F, paths: &Paths, operation: Operation) -> Result<bool> {
    match fs.metadata(&paths.mark).await {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(failed(operation, &paths.mark)(error)),
    }
}

async fn read_mark<F: FileSystem>(fs: &F, paths: &Paths, operation: Operation) -> Result<Option<Mark>> {
    match retry!(fs.open(&paths.mark, OpenMode::Read)) {
        Ok(file) => {
            let bytes = read_whole(&file).await.map_err(failed(operation, &paths.mark))?;
            Ok(Some(layout::decode_mark(&bytes)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(operation, &paths.mark)(error)),
    }
}

/// What a creation or destruction that was cut short left behind: files first, the directories that held them last.
/// Names that are not ours are somebody's data, and refused.
async fn remains<F: FileSystem>(fs: &F, paths: &Paths, operation: Operation) -> Result<Vec<(PathBuf, bool)>> {
    let foreign = |dir: &Path, name: &str| {
        let error = StoreError::new(ErrorKind::Io, operation, dir.to_string_lossy());
        error.with_detail(format!("the directory holds {name:?}, which is not of a store"))
    };
    let mut found = Vec::new();
    for name in list(fs, &paths.dir, operation).await? {
        let path = paths.dir.join(&name);
        let is_dir = name == "blocks" || name == "snapshots";
        if !layout::is_own_name(&name) || is_dir != is_directory(fs, &path, operation).await? {
            return Err(foreign(&paths.dir, &name));
        }
        if is_dir {
            for inner in list(fs, &path, operation).await? {
                if !layout::is_own_inner_name(&inner) {
                    return Err(foreign(&path, &inner));
                }
                found.push((path.join(inner), false));
            }
        }
        if name != "lock" {
            found.push((path, is_dir));
        }
    }
    Ok(found)
}

async fn is_directory<F: FileSystem>(fs: &F, path: &Path, operation: Operation) -> Result<bool> {
    fs.metadata(path).await.map(|metadata| metadata.is_dir).map_err(failed(operation, path))
}

/// Removes the remains, durably, so that none of them can come back as part of the store to be made.
async fn clear_remains<F: FileSystem>(fs: &F, paths: &Paths, operation: Operation) -> Result<()> {
    let found = remains(fs, paths, operation).await?;
    for (path, is_dir) in &found {
        let removed = if *is_dir { retry!(fs.remove_dir(path)) } else { retry!(fs.unlink(path)) };
        removed.map_err(failed(operation, path))?;
    }
    if !found.is_empty() {
        retry!(fs.sync_dir(&paths.dir)).map_err(failed(operation, &paths.dir))?;
    }
    Ok(())
}

/// The names in a directory, sorted.
pub(super) async fn list<F: FileSystem>(fs: &F, dir: &Path, operation: Operation) -> Result<Vec<String>> {
    let names = retry!(fs.read_dir(dir)).map_err(failed(operation, dir))?;
    let mut names: Vec<String> = names.into_iter().map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    Ok(names)
}

/// A missing file, or a path through something that is no directory, is absence; all else is a failure.
fn absent_or_failed(operation: Operation, path: &Path, error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            StoreError::new(ErrorKind::NotFound, operation, path.to_string_lossy()).with_source(error)
        }
        _ => StoreError::io(operation, path.to_string_lossy(), error),
    }
}
