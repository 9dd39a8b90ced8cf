//! Blocks that are open: their bytes go to the bucket in parts, objects of their own, and the last part with the seal.
//!
//! That a part is there makes nothing visible: a block is sealed when an entry of the sequence says so, with the number of its parts and
//! a checksum. Each part is put under a name of its own, with the same bytes each time. We use no multipart uploads: whose completion
//! lands late could not be told from one that was given up, and the trait of the crate does not say an upload's name.
//!
//! Before its first part is put, a block is marked as open (`LOCATION/unsealed/ID`, which holds the number of its writer's open). Whoever
//! opens the store later has fenced that writer off, and removes the parts of marked blocks that were not sealed. So no list of all
//! parts is needed to find them.
//!
//! Left behind: a part that lands after that, and the blocks of stores that were destroyed. They lie below `LOCATION/blocks`.

use super::entry::Block;
use super::requests::{Attempts, Failure, Requests};
use super::sequence::{Names, State};
use super::turn::Turns;
use crate::env::Env;
use crate::error::ErrorKind;
use object_store::ObjectStore;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An open removes what at most so many blocks left behind; the next ones go on.
const SWEPT_MAX: usize = 16;

/// The blocks of one handle that are not sealed.
#[derive(Debug)]
pub(super) struct Blocks {
    open: Mutex<BTreeMap<String, Arc<Open>>>,
    /// The number of the entry that opened the store for this handle.
    epoch: u64,
}

/// A block that is not sealed.
#[derive(Debug, Default)]
struct Open {
    turns: Turns,
    written: Mutex<Written>,
}

#[derive(Clone, Debug, Default)]
struct Written {
    /// How many parts are in the bucket.
    parts: u32,
    len: u64,
    crc: u32,
    /// Bytes that are in no part yet.
    rest: Vec<u8>,
    /// The last part was begun: nothing more is written.
    finished: bool,
    /// The bucket knows that the block is open.
    marked: bool,
}

impl Open {
    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blocks {
    pub(super) fn new(epoch: u64) -> Blocks {
        Blocks { open: Mutex::default(), epoch }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Open>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks a block as open, before its first part is put.
    async fn mark<S: ObjectStore, E: Env>(
        &self,
        requests: &Requests<S, E>,
        names: &Names,
        name: &str,
        open: &Open,
    ) -> Result<(), Failure> {
        if !open.written().marked {
            requests.put(&names.mark(name), &self.epoch.to_le_bytes()).await?;
            open.written().marked = true;
        }
        Ok(())
    }

    fn open(&self, name: &str) -> Result<Arc<Open>, Failure> {
        let missing = || Failure::new(ErrorKind::NotFound, format!("block {name}"));
        self.all().get(name).cloned().ok_or_else(missing)
    }

    /// A new block; gives its name.
    pub(super) fn create<S: ObjectStore, E: Env>(&self, requests: &Requests<S, E>) -> String {
        let name = format!("{:032x}", requests.nonce());
        self.all().insert(name.clone(), Arc::default());
        name
    }

    /// Adds bytes to an open block.
    pub(super) async fn write<S: ObjectStore, E: Env>(
        &self,
        requests: &Requests<S, E>,
        names: &Names,
        name: &str,
        data: &[u8],
    ) -> Result<(), Failure> {
        let open = self.open(name)?;
        let _turn = open.turns.enter().await;
        {
            let mut written = open.written();
            if written.finished {
                return Err(Failure::new(ErrorKind::ReadOnly, "the block is being sealed"));
            }
            written.len += data.len() as u64;
            written.crc = crc32c::crc32c_append(written.crc, data);
            written.rest.extend_from_slice(data);
        }
        let part_len = requests.options.part_len.max(1);
        loop {
            let (part, bytes) = {
                let written = open.written();
                let Some(bytes) = written.rest.get(..part_len) else { return Ok(()) };
                (written.parts, bytes.to_vec())
            };
            self.mark(requests, names, name, &open).await?;
            requests.put(&names.part(name, part), &bytes).await?;
            let mut written = open.written();
            written.rest.drain(..part_len);
            written.parts += 1;
        }
    }

    /// Puts what is left of an open block, to which nothing can be added from now on.
    pub(super) async fn finish<S: ObjectStore, E: Env>(
        &self,
        requests: &Requests<S, E>,
        names: &Names,
        name: &str,
    ) -> Result<Block, Failure> {
        let open = self.open(name)?;
        let _turn = open.turns.enter().await;
        let written = {
            let mut written = open.written();
            written.finished = true;
            written.clone()
        };
        let mut parts = written.parts;
        if !written.rest.is_empty() {
            self.mark(requests, names, name, &open).await?;
            requests.put(&names.part(name, parts), &written.rest).await?;
            parts += 1;
        }
        Ok(Block { name: name.to_owned(), parts, len: written.len, crc: written.crc })
    }

    /// The block is sealed, and no concern of ours any more.
    pub(super) async fn forget<S: ObjectStore, E: Env>(
        &self,
        requests: &Requests<S, E>,
        names: &Names,
        name: &str,
    ) {
        let open = self.all().remove(name);
        if open.is_some_and(|open| open.written().marked) {
            requests.remove(&names.mark(name)).await;
        }
    }

    /// The bytes of an open block.
    pub(super) async fn read_open<S: ObjectStore, E: Env>(
        &self,
        requests: &Requests<S, E>,
        names: &Names,
        name: &str,
    ) -> Result<Vec<u8>, Failure> {
        let open = self.open(name)?;
        let _turn = open.turns.enter().await;
        let written = open.written().clone();
        let mut bytes = parts(requests, names, name, written.parts).await?;
        bytes.extend_from_slice(&written.rest);
        Ok(bytes)
    }

    /// The bytes of a sealed block.
    pub(super) async fn read<S: ObjectStore, E: Env>(
        &self,
        requests: &Requests<S, E>,
        names: &Names,
        block: &Block,
    ) -> Result<Vec<u8>, Failure> {
        let mut attempts = Attempts::new(requests);
        loop {
            let bytes = parts(requests, names, &block.name, block.parts).await?;
            if bytes.len() as u64 == block.len && crc32c::crc32c(&bytes) == block.crc {
                return Ok(bytes);
            }
            // What is wrong may be the way, and not what stands there.
            if attempts.again("damaged").await.is_err() {
                return Err(Failure::new(ErrorKind::Corrupt, format!("block {} is damaged", block.name)));
            }
        }
    }
}

async fn parts<S: ObjectStore, E: Env>(
    requests: &Requests<S, E>,
    names: &Names,
    name: &str,
    count: u32,
) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    for part in 0..count {
        let missing = || Failure::new(ErrorKind::Corrupt, format!("part {part} of block {name} is missing"));
        bytes.extend(requests.get(&names.part(name, part)).await?.ok_or_else(missing)?);
    }
    Ok(bytes)
}

/// Removes what is left of blocks whose writers this open, the entry `state.last`, has fenced off before they sealed them. What
/// fails is left to the next open.
pub(super) async fn sweep<S: ObjectStore, E: Env>(requests: &Requests<S, E>, names: &Names, state: &State) {
    for mark in requests.list_once(&names.marks()).await.into_iter().take(SWEPT_MAX) {
        let (Some(name), Ok(Some(epoch))) = (mark.filename(), requests.get(&mark).await) else { continue };
        // Somebody who has opened the store since may be writing it.
        if epoch.first_chunk().is_none_or(|epoch| u64::from_le_bytes(*epoch) >= state.last) {
            continue;
        }
        if !state.blocks.contains_key(name) {
            for part in requests.list_once(&names.parts(name)).await {
                requests.remove(&part).await;
            }
        }
        requests.remove(&mark).await;
    }
}
