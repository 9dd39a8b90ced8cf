//! The records of the store's log: their form, and the chain of hashes that holds them together.
//!
//! A record is logseq u64, type u32, payload length u32, payload, SHA-256; little-endian and packed. The hash is of the previous
//! record's hash (32 zero bytes before the first) and of all that stands before it in the record. A reader skips types that it
//! does not know, and they still feed the chain. Each record is one record of the host, which has its own framing; the file
//! header of the format is the host's business and is not written.

use sha2::{Digest, Sha256};

/// A SHA-256.
pub(crate) type Hash = [u8; 32];

/// What stands before the first record.
pub(crate) const CHAIN_START: Hash = [0; 32];

const SEGMENT_SEAL: u32 = 0x01;
const TOMBSTONE: u32 = 0x10;
const TOMBSTONE_LIFT: u32 = 0x11;
/// Bytes before the payload.
const HEAD_LEN: usize = 16;

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A segment is visible from here on; the SHA-256 of its exact bytes.
    SegmentSeal { segment: u64, hash: Hash },
    /// An artifact is hidden from here on,
    Tombstone(Hash),
    /// or visible again.
    Lift(Hash),
    /// Of a type that this reader does not know.
    Unknown(u32),
}

pub(crate) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// A record's bytes and its hash, which the next record needs.
pub(crate) fn encode(previous: &Hash, seq: u64, kind: u32, payload: &[u8]) -> (Vec<u8>, Hash) {
    let len = u32::try_from(payload.len()).expect("payloads are short");
    let mut bytes = Vec::with_capacity(HEAD_LEN + payload.len() + 32);
    bytes.extend(seq.to_le_bytes());
    bytes.extend(kind.to_le_bytes());
    bytes.extend(len.to_le_bytes());
    bytes.extend(payload);
    let hash = sha256(&[previous, &bytes]);
    bytes.extend(hash);
    (bytes, hash)
}

impl Entry {
    /// The record's type and payload.
    pub(crate) fn parts(&self) -> (u32, Vec<u8>) {
        match self {
            Entry::SegmentSeal { segment, hash } => {
                (SEGMENT_SEAL, [&segment.to_le_bytes()[..], hash].concat())
            }
            Entry::Tombstone(id) => (TOMBSTONE, id.to_vec()),
            Entry::Lift(id) => (TOMBSTONE_LIFT, id.to_vec()),
            Entry::Unknown(kind) => (*kind, Vec::new()),
        }
    }
}

/// What the record of this number says, and its hash, or what is wrong with it.
pub(crate) fn decode(previous: &Hash, seq: u64, bytes: &[u8]) -> Result<(Entry, Hash), String> {
    let wrong = |what: &str| format!("record {seq}: {what}");
    let payload_len = bytes.len().checked_sub(HEAD_LEN + 32).ok_or_else(|| wrong("too short"))?;
    let (signed, hash) = bytes.split_at(HEAD_LEN + payload_len);
    let hash = Hash::try_from(hash).expect("32 bytes are left");
    if sha256(&[previous, signed]) != hash {
        return Err(wrong("the chain of hashes is broken"));
    }
    let (head, payload) = signed.split_at(HEAD_LEN);
    let number = u64::from_le_bytes(head[..8].try_into().expect("8 bytes"));
    let kind = u32::from_le_bytes(head[8..12].try_into().expect("4 bytes"));
    let len = u32::from_le_bytes(head[12..].try_into().expect("4 bytes"));
    if number != seq || len as usize != payload_len {
        return Err(wrong("its number or length is another's"));
    }
    let id = || Hash::try_from(payload).map_err(|_| wrong("a payload of the wrong length"));
    let entry = match kind {
        SEGMENT_SEAL if payload_len == 40 => Entry::SegmentSeal {
            segment: u64::from_le_bytes(payload[..8].try_into().expect("8 bytes")),
            hash: payload[8..].try_into().expect("32 bytes"),
        },
        SEGMENT_SEAL => return Err(wrong("a payload of the wrong length")),
        TOMBSTONE => Entry::Tombstone(id()?),
        TOMBSTONE_LIFT => Entry::Lift(id()?),
        _ => Entry::Unknown(kind),
    };
    Ok((entry, hash))
}
