//! Creating, opening and destroying a store. `STORE` is the commit point of all three.

use super::files::{Paths, exists, failed, failed_or_corrupt, list, parse_segment, retry};
use super::recover::{Recovered, recover};
use super::store::PlainStore;
use super::{Shared, Steps};
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem, OpenMode};
use asl_host::{ErrorKind, Operation, Result, StoreError};
use std::io;
use std::path::Path;
use std::sync::Arc;

pub(super) async fn create<F: FileSystem, E: Env, S: Steps>(
    shared: &Arc<Shared<F, E>>,
    paths: Paths,
) -> Result<PlainStore<F, E, S>> {
    let operation = Operation::CreateStore;
    let (fs, steps) = (&shared.fs, S::default());
    match retry!(fs.create_dir(&paths.dir)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            refuse_existing(fs, &steps, &paths).await?;
        }
        Err(error) => return Err(absent_or_failed(operation, &paths.parent, error)),
        Ok(()) => {}
    }
    let lock = retry!(fs.open(&paths.lock, OpenMode::Create)).map_err(failed(operation, &paths.lock))?;
    take_lock(fs, &paths, &lock, operation).await?;
    refuse_existing(fs, &steps, &paths).await?;
    let made = async {
        clear_remains(fs, &paths).await?;
        for dir in directories::<S>(&paths) {
            retry!(fs.create_dir(dir))?;
        }
        // What the store consists of, and that nothing else is there, is durable before the mark says that it is one.
        retry!(fs.sync_dir(&paths.dir))?;
        steps.make_mark(fs, &paths.mark).await?;
        steps.sync_mark_name(fs, (&paths.dir, &lock)).await?;
        steps.sync_parent(fs, &paths.parent).await
    };
    made.await.map_err(failed(operation, &paths.dir))?;
    claim(shared, &steps, &paths, operation).await?;
    Ok(PlainStore::writer(shared.clone(), paths.clone(), steps, lock, Recovered::default()))
}

pub(super) async fn open<F: FileSystem, E: Env, S: Steps>(
    shared: &Arc<Shared<F, E>>,
    paths: Paths,
) -> Result<PlainStore<F, E, S>> {
    let operation = Operation::OpenStore;
    let steps = S::default();
    steps.before_open(&shared.fs, &paths.dir).await.map_err(failed(operation, &paths.dir))?;
    let lock = lock_existing(&shared.fs, &paths, operation).await?;
    claim(shared, &steps, &paths, operation).await?;
    let checked = steps.check_mark(&shared.fs, &paths.mark).await;
    checked.map_err(failed(operation, &paths.mark))?;
    let recovered = recover(&shared.fs, &steps, &paths).await;
    let recovered = recovered.map_err(failed_or_corrupt(operation, &paths.dir))?;
    Ok(PlainStore::writer(shared.clone(), paths.clone(), steps, lock, recovered))
}

pub(super) async fn destroy<F: FileSystem, E: Env, S: Steps>(
    shared: &Shared<F, E>,
    paths: Paths,
) -> Result<()> {
    let operation = Operation::DestroyStore;
    let fs = &shared.fs;
    let (lock, steps) = (lock_existing(fs, &paths, operation).await?, S::default());
    claim(shared, &steps, &paths, operation).await?;
    let destroyed = async {
        retry!(fs.unlink(&paths.mark))?;
        retry!(fs.sync_dir(&paths.dir))?;
        steps.release(fs, &paths.dir).await
    };
    destroyed.await.map_err(failed(operation, &paths.dir))?;
    // There is no store any more. What cannot be cleaned up now, a creation cleans up.
    let cleaned = async {
        clear_remains(fs, &paths).await?;
        retry!(fs.unlink(&paths.lock))?;
        retry!(fs.remove_dir(&paths.dir))
    };
    let _ = cleaned.await;
    drop(lock);
    Ok(())
}

/// Refused if the store is not free.
async fn claim<F: FileSystem, E: Env, S: Steps>(
    shared: &Shared<F, E>,
    steps: &S,
    paths: &Paths,
    operation: Operation,
) -> Result<()> {
    match steps.claim(&shared.fs, &paths.dir, shared.process).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(StoreError::new(ErrorKind::ConcurrentModification, operation, paths.name())),
        Err(error) => Err(failed(operation, &paths.dir)(error)),
    }
}

/// The directories inside a store's, of those that this host needs.
pub(super) fn directories<S: Steps>(paths: &Paths) -> impl Iterator<Item = &Path> {
    [(S::BLOCKS, &paths.blocks), (S::SNAPSHOTS, &paths.snapshots)]
        .into_iter()
        .filter_map(|(needed, dir)| needed.then_some(&**dir))
}

/// The lock of a store that exists.
async fn lock_existing<F: FileSystem>(fs: &F, paths: &Paths, operation: Operation) -> Result<F::File> {
    let lock = match retry!(fs.open(&paths.lock, OpenMode::ReadWrite)) {
        Ok(lock) => lock,
        Err(error) => return Err(absent_or_failed(operation, &paths.dir, error)),
    };
    require_mark(fs, paths, operation).await?;
    take_lock(fs, paths, &lock, operation).await?;
    // It may have been destroyed before we had the lock.
    require_mark(fs, paths, operation).await?;
    Ok(lock)
}

async fn require_mark<F: FileSystem>(fs: &F, paths: &Paths, operation: Operation) -> Result<()> {
    if exists(fs, &paths.mark).await.map_err(failed(operation, &paths.mark))? {
        return Ok(());
    }
    // Whoever removed it may have died before syncing: what we say now must stay true.
    retry!(fs.sync_dir(&paths.dir)).map_err(failed(operation, &paths.dir))?;
    Err(StoreError::new(ErrorKind::NotFound, operation, paths.name()))
}

/// Takes the lock, and makes sure that the locked file still has its name.
async fn take_lock<F: FileSystem>(fs: &F, paths: &Paths, lock: &F::File, operation: Operation) -> Result<()> {
    let refused = || StoreError::new(ErrorKind::ConcurrentModification, operation, paths.name());
    if !retry!(lock.try_lock()).map_err(failed(operation, &paths.lock))? {
        return Err(refused());
    }
    let ours = retry!(lock.metadata()).map_err(failed(operation, &paths.lock))?;
    match retry!(fs.metadata(&paths.lock)) {
        Ok(current) if current.inode == ours.inode => Ok(()),
        Ok(_) => Err(refused()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(refused()),
        Err(error) => Err(failed(operation, &paths.lock)(error)),
    }
}

/// `STORE_EXISTS` if there is a store, open or not; it is durable before we say so.
async fn refuse_existing<F: FileSystem, S: Steps>(fs: &F, steps: &S, paths: &Paths) -> Result<()> {
    let operation = Operation::CreateStore;
    if !exists(fs, &paths.mark).await.map_err(failed(operation, &paths.mark))? {
        return Ok(());
    }
    retry!(fs.sync_dir(&paths.dir)).map_err(failed(operation, &paths.dir))?;
    steps.sync_parent(fs, &paths.parent).await.map_err(failed(operation, &paths.parent))?;
    Err(StoreError::new(ErrorKind::Exists, operation, paths.name()))
}

/// Removes what a creation or destruction that was cut short left behind. The caller syncs the directory.
async fn clear_remains<F: FileSystem>(fs: &F, paths: &Paths) -> io::Result<()> {
    for name in list(fs, &paths.dir).await? {
        let path = paths.dir.join(&name);
        if name == "blocks" || name == "snapshots" {
            for inner in list(fs, &path).await? {
                retry!(fs.unlink(&path.join(&inner)))?;
            }
            retry!(fs.remove_dir(&path))?;
        } else if parse_segment(&name).is_some() || name == "pid" {
            retry!(fs.unlink(&path))?;
        }
    }
    Ok(())
}

/// A missing file, or a path through something that is no directory, is absence; all else is a failure.
fn absent_or_failed(operation: Operation, path: &Path, error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            StoreError::new(ErrorKind::NotFound, operation, path.to_string_lossy())
        }
        _ => StoreError::io(operation, path.to_string_lossy(), error),
    }
}
