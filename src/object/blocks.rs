//! Blocks that are open: their bytes go to the bucket in parts, objects of their own, and the last part with the seal.
//!
//! That a part is there makes nothing visible: a block is sealed when an entry of the sequence says so, with the number of its parts and
//! a checksum. Each part is put under a name of its own, with the same bytes each time. We use no multipart uploads: whose completion
//! lands late could not be told from one that was given up, and the trait of the crate does not say an upload's name.
//!
//! Left behind: parts of blocks that were never sealed, and of stores that were destroyed. They lie below `LOCATION/blocks`.

use super::entry::Block;
use super::requests::{Failure, Requests};
use super::sequence::Names;
use super::turn::Turns;
use crate::env::Env;
use crate::error::ErrorKind;
use object_store::ObjectStore;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The blocks of one handle that are not sealed.
#[derive(Debug, Default)]
pub(super) struct Blocks(Mutex<BTreeMap<String, Arc<Open>>>);

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
}

impl Open {
    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blocks {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Open>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
            requests.put(&names.part(name, parts), &written.rest).await?;
            parts += 1;
        }
        Ok(Block { name: name.to_owned(), parts, len: written.len, crc: written.crc })
    }

    /// The block is sealed, and no concern of ours any more.
    pub(super) fn forget(&self, name: &str) {
        self.all().remove(name);
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
        let bytes = parts(requests, names, &block.name, block.parts).await?;
        if bytes.len() as u64 == block.len && crc32c::crc32c(&bytes) == block.crc {
            Ok(bytes)
        } else {
            Err(Failure::new(ErrorKind::Corrupt, format!("block {} is damaged", block.name)))
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
