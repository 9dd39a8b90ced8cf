//! Segments: groups of index entries, each sealed as a block of its own.
//!
//! An entry says where an artifact's bytes are: a list of extents, whose concatenation is the artifact. Entry: id (32 bytes), count
//! u32, and per extent the block's name (length u32, bytes), offset u64, length u64. Before the entries stands the segment's id, u64.

use super::log::Hash;
use asl_host::BlockId;

/// A piece of a sealed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) block: BlockId,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

/// Where an artifact's bytes are: never empty.
pub(crate) type Location = Vec<Extent>;

pub(crate) fn encode(segment: u64, entries: &[(Hash, Location)]) -> Vec<u8> {
    let mut bytes = segment.to_le_bytes().to_vec();
    for (id, location) in entries {
        bytes.extend(id);
        bytes.extend((location.len() as u32).to_le_bytes());
        for extent in location {
            let name = extent.block.as_str().as_bytes();
            bytes.extend((name.len() as u32).to_le_bytes());
            bytes.extend(name);
            bytes.extend(extent.offset.to_le_bytes());
            bytes.extend(extent.len.to_le_bytes());
        }
    }
    bytes
}

/// The segment's id and entries; `None` if these are not the bytes of a segment.
pub(crate) fn decode(bytes: &[u8]) -> Option<(u64, Vec<(Hash, Location)>)> {
    let mut rest = bytes;
    let segment = u64::from_le_bytes(take(&mut rest)?);
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let id: Hash = take(&mut rest)?;
        let count = u32::from_le_bytes(take(&mut rest)?);
        let location: Location = (0..count).map(|_| extent(&mut rest)).collect::<Option<_>>()?;
        if location.is_empty() {
            return None;
        }
        entries.push((id, location));
    }
    Some((segment, entries))
}

fn extent(rest: &mut &[u8]) -> Option<Extent> {
    let name_len = u32::from_le_bytes(take(rest)?) as usize;
    let (name, after) = rest.split_at_checked(name_len)?;
    *rest = after;
    let block = BlockId::new(std::str::from_utf8(name).ok()?);
    Some(Extent { block, offset: u64::from_le_bytes(take(rest)?), len: u64::from_le_bytes(take(rest)?) })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*taken)
}
