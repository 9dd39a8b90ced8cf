//! Creating, opening and destroying a single-file store. Its name is the commit point of all three.

use super::header::{Header, LOG_START};
use super::store::{Contents, SingleStore};
use super::{Shared, Steps, retry};
use crate::plain::files::{exists, failed, failed_or_corrupt, random_name, write_new};
use asl_host::env::Env;
use asl_host::frame::{self, HEADER_LEN};
use asl_host::fs::{File, FileSystem, OpenMode, read_whole, write_all_at};
use asl_host::{ErrorKind, Operation, Result, StoreError};
use std::io;
use std::path::Path;
use std::sync::Arc;

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn error(kind: ErrorKind, operation: Operation, path: &Path) -> StoreError {
    StoreError::new(kind, operation, path.to_string_lossy())
}

/// The file is whole and locked before it gets the name that makes it a store.
pub(super) async fn create<F: FileSystem, E: Env, S: Steps>(
    shared: &Shared<F, E>,
    path: &Path,
) -> Result<SingleStore<F, S>> {
    let (fs, operation) = (&shared.fs, Operation::CreateStore);
    if exists(fs, path).await.map_err(failed(operation, path))? {
        return refuse_existing(fs, path).await;
    }
    let temporary = parent(path).join(format!("{}.tmp", random_name(&shared.env)));
    let salt = shared.env.random_u64();
    let header = Header { generation: 0, salt, len: LOG_START, count: 0, is_closed: false };
    let mut content = header.encode();
    content.resize(LOG_START as usize, 0);
    let made = async {
        let file = write_new(fs, &temporary, &content).await?;
        retry!(file.sync_all())?;
        let locked = retry!(file.try_lock())?;
        debug_assert!(locked, "nobody else knows of the file");
        match retry!(fs.link(&temporary, path)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            linked => linked?,
        }
        retry!(fs.unlink(&temporary))?;
        retry!(fs.sync_dir(parent(path)))?;
        Ok(Some(file))
    };
    match made.await.map_err(|error| absent_or_failed(operation, path, error))? {
        Some(file) => Ok(SingleStore::new(path, S::default(), file, header, Contents::default())),
        None => refuse_existing(fs, path).await,
    }
}

/// `STORE_EXISTS`; it is durable before we say so.
async fn refuse_existing<F: FileSystem, T>(fs: &F, path: &Path) -> Result<T> {
    let operation = Operation::CreateStore;
    retry!(fs.sync_dir(parent(path))).map_err(failed(operation, path))?;
    Err(error(ErrorKind::Exists, operation, path))
}

pub(super) async fn open<F: FileSystem, S: Steps>(fs: &F, path: &Path) -> Result<SingleStore<F, S>> {
    let operation = Operation::OpenStore;
    let file = lock_existing(fs, path, operation).await?;
    let steps = S::default();
    let recovered = recover(&file, &steps).await.map_err(failed_or_corrupt(operation, path));
    let (header, contents) = recovered?;
    // A process that was killed may have left a name that no sync has covered.
    retry!(fs.sync_dir(parent(path))).map_err(failed(operation, path))?;
    Ok(SingleStore::new(path, steps, file, header, contents))
}

pub(super) async fn destroy<F: FileSystem>(fs: &F, path: &Path) -> Result<()> {
    let operation = Operation::DestroyStore;
    let _lock = lock_existing(fs, path, operation).await?;
    let destroyed = async {
        retry!(fs.unlink(path))?;
        retry!(fs.sync_dir(parent(path)))
    };
    destroyed.await.map_err(failed(operation, path))
}

/// The store's file, locked, and still under its name.
async fn lock_existing<F: FileSystem>(fs: &F, path: &Path, operation: Operation) -> Result<F::File> {
    let file = match retry!(fs.open(path, OpenMode::ReadWrite)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Whoever removed it may have died before syncing: what we say now must stay true.
            let synced = retry!(fs.sync_dir(parent(path)));
            return Err(match synced {
                Err(error) => absent_or_failed(operation, path, error),
                Ok(()) => absent_or_failed(operation, path, error),
            });
        }
        Err(error) => return Err(absent_or_failed(operation, path, error)),
    };
    if !retry!(file.try_lock()).map_err(failed(operation, path))? {
        return Err(error(ErrorKind::ConcurrentModification, operation, path));
    }
    let ours = retry!(file.metadata()).map_err(failed(operation, path))?;
    match retry!(fs.metadata(path)) {
        Ok(current) if current.inode == ours.inode => Ok(file),
        Ok(_) => Err(error(ErrorKind::ConcurrentModification, operation, path)),
        Err(error) => Err(absent_or_failed(operation, path, error)),
    }
}

/// A missing file, or a path through something that is no directory, is absence; all else is a failure.
fn absent_or_failed(operation: Operation, path: &Path, cause: io::Error) -> StoreError {
    match cause.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => error(ErrorKind::NotFound, operation, path),
        _ => failed(operation, path)(cause),
    }
}

/// What the file holds, made durable before anyone sees it, and its header, which says from now on that it is in use.
async fn recover<F: File>(file: &F, steps: &impl Steps) -> io::Result<(Header, Contents)> {
    let mut bytes = read_whole(file).await?;
    let invalid = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut header = Header::newest(&bytes).ok_or_else(|| invalid("neither header is valid"))?;
    if (bytes.len() as u64) < header.len {
        return Err(io::Error::other("the file is shorter than its header says"));
    }
    bytes.truncate(header.len as usize);
    let contents = frames(&bytes, header);
    if header.is_closed && contents.records.len() as u64 != header.count {
        return Err(invalid("records are missing"));
    }
    let is_repair = !header.is_closed;
    let repaired = async {
        if is_repair {
            steps.begin_repair(file, &mut header).await?;
        }
        put_in_order(file, &mut bytes, &mut header, &contents).await
    };
    let repaired = repaired.await;
    if repaired.is_err() && is_repair {
        steps.give_up_repair(file, &mut header).await;
    }
    repaired.map(|()| (header, contents))
}

/// The frames of a file: as many as there were when it was closed in good order, else all that there are.
fn frames(bytes: &[u8], header: Header) -> Contents {
    let mut contents = Contents::default();
    let most = if header.is_closed { header.count } else { u64::MAX };
    while let Some(frame) = frame::decode(&bytes[contents.end as usize..], header.salt)
        .filter(|frame| frame.seq <= most && frame.seq == contents.records.len() as u64 + 1)
    {
        let start = contents.end as usize;
        let end = start + frame.len();
        contents.records.push(Arc::from(&bytes[start + HEADER_LEN..end]));
        contents.end = end as u64;
    }
    contents
}

/// Writes the frames again, and zeros behind them; then the header that says that the file is in use.
async fn put_in_order<F: File>(
    file: &F,
    bytes: &mut [u8],
    header: &mut Header,
    contents: &Contents,
) -> io::Result<()> {
    bytes[contents.end as usize..].fill(0);
    write_all_at(file, &bytes[LOG_START as usize..], LOG_START).await?;
    // The newest header may be in the page cache only, since a close that failed; the next one goes over the one before it.
    header.write(file).await?;
    retry!(file.set_len(header.len))?;
    retry!(file.sync_all())?;
    let count = contents.records.len() as u64;
    *header = Header { generation: header.generation + 1, count, is_closed: false, ..*header };
    header.write(file).await?;
    retry!(file.sync_data())
}
