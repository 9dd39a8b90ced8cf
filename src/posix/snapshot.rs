//! Snapshots: durable manifests. The log and the sealed blocks are immutable, so naming them captures them.
//!
//! A manifest is `ASLSNAP1`, last number u64, count of blocks u32, the blocks' identifiers (length u16, text), CRC32C of
//! all that; little-endian. It is published whole or not at all.

use super::layout::{seal_bytes, unseal_bytes};
use crate::error::{ErrorKind, Operation, Result, StoreError};
use crate::fs::{FileSystem, OpenMode, read_whole, retry};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

const MAGIC: &[u8; 8] = b"ASLSNAP1";

/// What a snapshot holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    /// The last record's number, 0 if none.
    pub(super) last: u64,
    pub(super) blocks: BTreeSet<String>,
}

impl Manifest {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&self.last.to_le_bytes());
        bytes.extend_from_slice(&(self.blocks.len() as u32).to_le_bytes());
        for block in &self.blocks {
            bytes.extend_from_slice(&(block.len() as u16).to_le_bytes());
            bytes.extend_from_slice(block.as_bytes());
        }
        seal_bytes(bytes)
    }

    fn decode(bytes: &[u8]) -> Option<Manifest> {
        let body = unseal_bytes(bytes)?.strip_prefix(MAGIC)?;
        let (last, body) = body.split_first_chunk::<8>()?;
        let (count, mut body) = body.split_first_chunk::<4>()?;
        let mut blocks = BTreeSet::new();
        for _ in 0..u32::from_le_bytes(*count) {
            let (len, rest) = body.split_first_chunk::<2>()?;
            let (name, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
            blocks.insert(std::str::from_utf8(name).ok()?.to_owned());
            body = rest;
        }
        body.is_empty().then_some(Manifest { last: u64::from_le_bytes(*last), blocks })
    }

    /// Reads a published manifest. One that is not whole is corruption, since it was durable before it had its name.
    pub(super) async fn load<S: FileSystem>(fs: &S, path: &Path, operation: Operation) -> Result<Manifest> {
        let failed = |error: io::Error| StoreError::io(operation, path.to_string_lossy(), error);
        let file = retry!(fs.open(path, OpenMode::Read)).map_err(failed)?;
        let bytes = read_whole(&file).await.map_err(failed)?;
        Manifest::decode(&bytes).ok_or_else(|| {
            StoreError::new(ErrorKind::Corrupt, operation, path.to_string_lossy())
                .with_detail("the manifest is damaged")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_as_written_and_not_at_all_when_damaged() {
        let manifest = Manifest { last: 41, blocks: ["a".to_owned(), "bb".to_owned()].into() };
        let bytes = manifest.encode();
        assert_eq!(Manifest::decode(&bytes), Some(manifest));
        for len in 0..bytes.len() {
            assert_eq!(Manifest::decode(&bytes[..len]), None, "cut at {len}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Manifest::decode(&damaged), None, "bit {bit}");
        }
    }
}
