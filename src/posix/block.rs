//! Blocks: written under `ID.open`, and on sealing given a footer, synced, renamed to `ID.sealed`, their directory synced.
//!
//! The footer (length u64, CRC32C u32, magic u32, little-endian) lets a read tell damage from content. Identifiers are 128
//! random bits, so that they are not reused even when an open block is lost. An operation takes its block out of the
//! table while it runs: a second one at the same time gets `STORE_CONCURRENT_MODIFICATION`, and one that fails or is
//! dropped leaves the block abandoned.

use super::Shared;
use super::layout::{self, Paths};
use crate::env::Env;
use crate::error::{ErrorKind, Operation, Result, StoreError};
use crate::fs::{File, FileSystem, OpenMode, read_full_at, read_whole, retry, write_all_at};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;

const FOOTER_LEN: usize = 16;
const FOOTER_MAGIC: u32 = 0x4b4c_4241;

/// The blocks of one open store.
#[derive(Debug)]
pub(super) struct Blocks<F>(Mutex<State<F>>);

#[derive(Debug)]
struct State<F> {
    sealed: BTreeSet<String>,
    /// `None` while an operation works on the block.
    open: BTreeMap<String, Option<OpenBlock<F>>>,
    /// Blocks whose seal was begun and has not come to an end: it goes on, or was dropped.
    sealing: BTreeSet<String>,
}

#[derive(Debug)]
struct OpenBlock<F> {
    file: F,
    len: u64,
    crc: u32,
}

impl<F: File> Blocks<F> {
    pub(super) fn new(sealed: BTreeSet<String>) -> Blocks<F> {
        Blocks(Mutex::new(State { sealed, open: BTreeMap::new(), sealing: BTreeSet::new() }))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State<F>> {
        self.0.lock().expect("nothing panics while holding the blocks' lock")
    }

    /// The sealed blocks, sorted.
    pub(super) fn sealed(&self) -> Vec<String> {
        self.state().sealed.iter().cloned().collect()
    }

    pub(super) fn is_sealed(&self, id: &str) -> bool {
        self.state().sealed.contains(id)
    }

    pub(super) async fn create<S, E>(&self, shared: &Shared<S, E>, paths: &Paths) -> Result<String>
    where
        S: FileSystem<File = F>,
        E: Env,
    {
        let id = layout::random_name(&shared.env);
        let path = open_path(paths, &id);
        let file = retry!(shared.fs.open(&path, OpenMode::CreateNew))
            .map_err(|error| StoreError::io(Operation::CreateBlock, path.to_string_lossy(), error))?;
        self.state().open.insert(id.clone(), Some(OpenBlock { file, len: 0, crc: 0 }));
        Ok(id)
    }

    pub(super) async fn write(&self, paths: &Paths, id: &str, data: &[u8]) -> Result<()> {
        let mut block = self.take(paths, id, Operation::WriteBlock)?;
        write_all_at(&block.file, data, block.len).await.map_err(|error| {
            StoreError::io(Operation::WriteBlock, open_path(paths, id).to_string_lossy(), error)
        })?;
        block.len += data.len() as u64;
        block.crc = crc32c::crc32c_append(block.crc, data);
        self.state().open.insert(id.to_owned(), Some(block));
        Ok(())
    }

    /// Fails with `in_doubt` true if the block may turn out to be sealed all the same.
    pub(super) async fn seal<S: FileSystem<File = F>>(
        &self,
        fs: &S,
        paths: &Paths,
        id: &str,
    ) -> Result<(), (StoreError, bool)> {
        let block = self.take(paths, id, Operation::SealBlock).map_err(|error| (error, false))?;
        let mut footer = Vec::with_capacity(FOOTER_LEN);
        footer.extend_from_slice(&block.len.to_le_bytes());
        footer.extend_from_slice(&block.crc.to_le_bytes());
        footer.extend_from_slice(&FOOTER_MAGIC.to_le_bytes());
        let (from, to) = (open_path(paths, id), sealed_path(paths, id));
        let failed = |error: io::Error| StoreError::io(Operation::SealBlock, from.to_string_lossy(), error);
        write_all_at(&block.file, &footer, block.len).await.map_err(|error| (failed(error), false))?;
        let publish = async {
            retry!(block.file.sync_all())?;
            self.state().sealing.insert(id.to_owned());
            retry!(fs.rename(&from, &to))?;
            retry!(fs.sync_dir(&paths.blocks))
        };
        publish.await.map_err(|error| (failed(error), true))?;
        self.state().seal(id);
        Ok(())
    }

    /// Finds out how seals ended that were dropped: a block that has its sealed name is made durably so.
    pub(super) async fn settle<S: FileSystem<File = F>>(
        &self,
        fs: &S,
        paths: &Paths,
        operation: Operation,
    ) -> Result<()> {
        let sealing: Vec<String> = self.state().sealing.iter().cloned().collect();
        for id in sealing {
            let path = sealed_path(paths, &id);
            match fs.metadata(&path).await {
                Ok(_) => {
                    let synced = retry!(fs.sync_dir(&paths.blocks));
                    synced
                        .map_err(|error| StoreError::io(operation, paths.blocks.to_string_lossy(), error))?;
                    let mut state = self.state();
                    if state.sealing.contains(&id) {
                        state.seal(&id);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io(operation, path.to_string_lossy(), error)),
            }
        }
        Ok(())
    }

    pub(super) async fn read<S: FileSystem<File = F>>(
        &self,
        fs: &S,
        paths: &Paths,
        id: &str,
    ) -> Result<Vec<u8>> {
        if self.is_sealed(id) {
            return read_sealed(fs, paths, id).await;
        }
        let block = self.take(paths, id, Operation::ReadBlock)?;
        let lent = Lent { blocks: self, id, block: Some(block) };
        let block = lent.block.as_ref().expect("it was just put there");
        let mut content = vec![0; usize::try_from(block.len).expect("a block being written fits in memory")];
        match read_full_at(&block.file, &mut content, 0).await {
            Ok(count) if count == content.len() => Ok(content),
            Ok(_) => Err(StoreError::io(Operation::ReadBlock, id, io::ErrorKind::UnexpectedEof.into())),
            Err(error) => {
                Err(StoreError::io(Operation::ReadBlock, open_path(paths, id).to_string_lossy(), error))
            }
        }
    }

    fn take(&self, paths: &Paths, id: &str, operation: Operation) -> Result<OpenBlock<F>> {
        let mut state = self.state();
        let kind = if state.sealed.contains(id) {
            ErrorKind::ReadOnly
        } else {
            match state.open.get_mut(id) {
                Some(slot) => match slot.take() {
                    Some(block) => return Ok(block),
                    None => ErrorKind::ConcurrentModification,
                },
                None => ErrorKind::NotFound,
            }
        };
        Err(StoreError::new(kind, operation, paths.name()).with_detail(format!("block {id}")))
    }
}

impl<F> State<F> {
    fn seal(&mut self, id: &str) {
        self.open.remove(id);
        self.sealing.remove(id);
        self.sealed.insert(id.to_owned());
    }
}

/// A block that is read: it goes back into the table however that ends.
struct Lent<'a, F: File> {
    blocks: &'a Blocks<F>,
    id: &'a str,
    block: Option<OpenBlock<F>>,
}

impl<F: File> Drop for Lent<'_, F> {
    fn drop(&mut self) {
        self.blocks.state().open.insert(self.id.to_owned(), self.block.take());
    }
}

fn open_path(paths: &Paths, id: &str) -> PathBuf {
    paths.blocks.join(format!("{id}{}", layout::OPEN))
}

fn sealed_path(paths: &Paths, id: &str) -> PathBuf {
    paths.blocks.join(format!("{id}{}", layout::SEALED))
}

/// The content of a sealed block, checked against its footer.
async fn read_sealed<S: FileSystem>(fs: &S, paths: &Paths, id: &str) -> Result<Vec<u8>> {
    let path = sealed_path(paths, id);
    let failed = |error: io::Error| match error.kind() {
        // It was sealed, so it was there.
        io::ErrorKind::NotFound => {
            StoreError::new(ErrorKind::Corrupt, Operation::ReadBlock, path.to_string_lossy())
                .with_source(error)
        }
        _ => StoreError::io(Operation::ReadBlock, path.to_string_lossy(), error),
    };
    let file = retry!(fs.open(&path, OpenMode::Read)).map_err(&failed)?;
    let mut bytes = read_whole(&file).await.map_err(&failed)?;
    match content_len(&bytes) {
        Some(len) => {
            bytes.truncate(len);
            Ok(bytes)
        }
        None => Err(StoreError::new(ErrorKind::Corrupt, Operation::ReadBlock, path.to_string_lossy())
            .with_detail("its bytes do not fit its footer")),
    }
}

/// Length of a sealed block's content, if its footer fits.
fn content_len(bytes: &[u8]) -> Option<usize> {
    let (content, footer) = bytes.split_last_chunk::<FOOTER_LEN>()?;
    let mut expected = Vec::with_capacity(FOOTER_LEN);
    expected.extend_from_slice(&(content.len() as u64).to_le_bytes());
    expected.extend_from_slice(&crc32c::crc32c(content).to_le_bytes());
    expected.extend_from_slice(&FOOTER_MAGIC.to_le_bytes());
    (expected == footer).then_some(content.len())
}
