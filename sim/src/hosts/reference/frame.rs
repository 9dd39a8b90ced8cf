//! The frames of the journal, and what they say.
//!
//! A frame is, little-endian and packed:
//!
//! ```text
//! crc u32 | length u32 | position u64 | salt u64 | watermark u64 | store u64 | previous crc u32 | kind u32 | body
//! ```
//!
//! `crc` is the CRC32C of everything after it. `position` is where on the device the frame stands, so that a sector that went
//! astray is not taken for one of its place. `salt` is drawn anew at each start, and `previous crc` chains each frame to the
//! one before, so that a frame of an earlier life is not taken for one of this. Below `watermark` everything was durable when
//! the frame was written: that is what tells a torn tail from damage.
//!
//! A frame is small enough in front of its body that both begin in the reach of the same sector.

use std::sync::Arc;

/// Bytes of a frame before its body.
pub(super) const HEADER_LEN: usize = 48;
/// No record is longer, in bytes, and no name or part of a block. A length from the device is not believed beyond it.
pub(super) const RECORD_LEN_MAX: u32 = 1 << 20;
/// A body has a record, or an identity and a part of a block.
const BODY_LEN_MAX: u32 = RECORD_LEN_MAX + 16;
/// Frames begin at multiples of this, whatever the append unit.
pub(super) const ALIGNMENT: u64 = 8;

/// What a frame says. Stores are named by the position of the frame that made them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// The journal begins, with the host's identity and the first salt.
    Format { version: u32, unit: u32, identity: u128, salt: u64 },
    /// A process started: frames from here on have another salt, and are padded to this unit.
    Start { salt: u64, unit: u32 },
    /// No reading of the clock has reached this yet.
    Clock { reserved: u64 },
    /// Nothing but a watermark: a witness of what stands before it.
    Mark,
    /// There is a store at this location.
    Create { location: String },
    /// There is none any more.
    Destroy { store: u64 },
    /// The next record of a store.
    Record { store: u64, data: Arc<[u8]> },
    /// The next bytes of a block that is to be sealed.
    Part { store: u64, block: u128, data: Arc<[u8]> },
    /// The block is sealed.
    Seal { store: u64, block: u128 },
    /// A snapshot of what there is in the store at this place of the journal.
    Snapshot { store: u64, snapshot: u128 },
    /// The snapshot is gone.
    DeleteSnapshot { store: u64, snapshot: u128 },
}

/// A frame that was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) entry: Entry,
    pub(super) crc: u32,
    pub(super) salt: u64,
    pub(super) previous: u32,
    pub(super) watermark: u64,
    /// Length in bytes, without padding.
    pub(super) len: usize,
}

/// Where a frame is to stand, and after what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    pub(super) salt: u64,
    pub(super) previous: u32,
    pub(super) watermark: u64,
}

impl Entry {
    fn kind(&self) -> u32 {
        match self {
            Entry::Format { .. } => 1,
            Entry::Start { .. } => 2,
            Entry::Clock { .. } => 3,
            Entry::Create { .. } => 4,
            Entry::Destroy { .. } => 5,
            Entry::Record { .. } => 6,
            Entry::Part { .. } => 7,
            Entry::Seal { .. } => 8,
            Entry::Snapshot { .. } => 9,
            Entry::DeleteSnapshot { .. } => 10,
            Entry::Mark => 11,
        }
    }

    fn store(&self) -> u64 {
        match *self {
            Entry::Format { .. }
            | Entry::Start { .. }
            | Entry::Clock { .. }
            | Entry::Create { .. }
            | Entry::Mark => 0,
            Entry::Destroy { store }
            | Entry::Record { store, .. }
            | Entry::Part { store, .. }
            | Entry::Seal { store, .. }
            | Entry::Snapshot { store, .. }
            | Entry::DeleteSnapshot { store, .. } => store,
        }
    }

    fn body(&self, out: &mut Vec<u8>) {
        match self {
            Entry::Format { version, unit, identity, salt } => {
                out.extend_from_slice(&salt.to_le_bytes());
                out.extend_from_slice(&unit.to_le_bytes());
                out.extend_from_slice(&version.to_le_bytes());
                out.extend_from_slice(&identity.to_le_bytes());
            }
            Entry::Start { salt, unit } => {
                out.extend_from_slice(&salt.to_le_bytes());
                out.extend_from_slice(&unit.to_le_bytes());
            }
            Entry::Clock { reserved } => out.extend_from_slice(&reserved.to_le_bytes()),
            Entry::Create { location } => out.extend_from_slice(location.as_bytes()),
            Entry::Destroy { .. } | Entry::Mark => {}
            Entry::Record { data, .. } => out.extend_from_slice(data),
            Entry::Part { block, data, .. } => {
                out.extend_from_slice(data);
                out.extend_from_slice(&block.to_le_bytes());
            }
            Entry::Seal { block: id, .. }
            | Entry::Snapshot { snapshot: id, .. }
            | Entry::DeleteSnapshot { snapshot: id, .. } => out.extend_from_slice(&id.to_le_bytes()),
        }
    }

    fn of(kind: u32, store: u64, body: &[u8]) -> Option<Entry> {
        let half = |at: usize| Some(u32::from_le_bytes(*body.get(at..)?.first_chunk()?));
        let word = |at: usize| Some(u64::from_le_bytes(*body.get(at..)?.first_chunk()?));
        let id = |at: usize| Some(u128::from_le_bytes(*body.get(at..)?.first_chunk()?));
        Some(match kind {
            1 => Entry::Format { salt: word(0)?, unit: half(8)?, version: half(12)?, identity: id(16)? },
            2 => Entry::Start { salt: word(0)?, unit: half(8)? },
            3 => Entry::Clock { reserved: word(0)? },
            4 => Entry::Create { location: String::from_utf8(body.to_vec()).ok()? },
            5 => Entry::Destroy { store },
            6 => Entry::Record { store, data: Arc::from(body) },
            7 => {
                let len = body.len().checked_sub(16)?;
                Entry::Part { store, block: id(len)?, data: Arc::from(&body[..len]) }
            }
            8 => Entry::Seal { store, block: id(0)? },
            9 => Entry::Snapshot { store, snapshot: id(0)? },
            10 => Entry::DeleteSnapshot { store, snapshot: id(0)? },
            11 => Entry::Mark,
            _ => return None,
        })
    }

    /// Appends the frame that says this to `out`, and returns its checksum.
    pub(super) fn encode(&self, out: &mut Vec<u8>, position: u64, chain: Chain) -> u32 {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_LEN]);
        self.body(out);
        let body_len =
            u32::try_from(out.len() - start - HEADER_LEN).expect("bodies are at most as long as records");
        let header = &mut out[start..];
        header[4..8].copy_from_slice(&body_len.to_le_bytes());
        for (at, word) in [(8, position), (16, chain.salt), (24, chain.watermark), (32, self.store())] {
            header[at..at + 8].copy_from_slice(&word.to_le_bytes());
        }
        header[40..44].copy_from_slice(&chain.previous.to_le_bytes());
        header[44..48].copy_from_slice(&self.kind().to_le_bytes());
        let crc = crc32c::crc32c(&header[4..]);
        header[..4].copy_from_slice(&crc.to_le_bytes());
        crc
    }
}

/// The length that a frame at this position claims to have, if its header is there; cheap to ask, and proves nothing.
pub(super) fn claimed_len(bytes: &[u8], position: u64) -> Option<usize> {
    let header: &[u8; HEADER_LEN] = bytes.first_chunk()?;
    let body_len = u32_at(header, 4);
    (u64_at(header, 8) == position && body_len <= BODY_LEN_MAX).then(|| HEADER_LEN + body_len as usize)
}

/// The first position of these, on the grid of frames, at which a header claims to stand.
pub(super) fn next_claim(bytes: &[u8], from: u64, upto: u64) -> Option<u64> {
    /// Where nothing was written there is nothing to look at closely.
    const NOTHING: [u8; 512] = [0; 512];
    let mut position = from;
    while position < upto {
        let word: &[u8; 8] = bytes.get(position as usize + 8..)?.first_chunk()?;
        if *word == position.to_le_bytes() {
            return Some(position);
        }
        let is_nothing = *word == [0; 8] && bytes[position as usize + 8..].starts_with(&NOTHING);
        position += if is_nothing { NOTHING.len() as u64 } else { ALIGNMENT };
    }
    None
}

/// The frame at the beginning of `bytes`, if a whole, valid one of this position stands there.
pub(super) fn decode(bytes: &[u8], position: u64) -> Option<Found> {
    let len = claimed_len(bytes, position)?;
    let frame = bytes.get(..len)?;
    let header: &[u8; HEADER_LEN] = frame.first_chunk()?;
    let crc = u32_at(header, 0);
    if crc32c::crc32c(&frame[4..]) != crc {
        return None;
    }
    let entry = Entry::of(u32_at(header, 44), u64_at(header, 32), &frame[HEADER_LEN..])?;
    let (salt, watermark, previous) = (u64_at(header, 16), u64_at(header, 24), u32_at(header, 40));
    Some(Found { entry, crc, salt, previous, watermark, len })
}

fn u32_at(header: &[u8; HEADER_LEN], at: usize) -> u32 {
    u32::from_le_bytes(*header[at..].first_chunk().expect("it is inside"))
}

fn u64_at(header: &[u8; HEADER_LEN], at: usize) -> u64 {
    u64::from_le_bytes(*header[at..].first_chunk().expect("it is inside"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_back_only_whole_and_in_its_place() {
        let chain = Chain { salt: 7, previous: 9, watermark: 512 };
        let data: Arc<[u8]> = Arc::from(&b"some bytes"[..]);
        for entry in [
            Entry::Format { version: 1, unit: 100, identity: 5, salt: 6 },
            Entry::Create { location: "ledger".to_owned() },
            Entry::Record { store: 0, data: Arc::default() },
            Entry::Part { store: 512, block: u128::MAX, data },
            Entry::DeleteSnapshot { store: 512, snapshot: 3 },
        ] {
            let mut bytes = Vec::new();
            let crc = entry.encode(&mut bytes, 1024, chain);
            let found = decode(&bytes, 1024).expect("it is whole");
            assert_eq!((&found.entry, found.crc, found.len), (&entry, crc, bytes.len()));
            assert_eq!((found.salt, found.previous, found.watermark), (7, 9, 512));
            assert!(decode(&bytes, 1032).is_none(), "it stands elsewhere");
            assert!(decode(&bytes[..bytes.len() - 1], 1024).is_none(), "it is cut");
            for bit in 0..bytes.len() * 8 {
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(decode(&bytes, 1024).is_none(), "bit {bit} of {entry:?}");
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
        assert!(decode(&[0; 4096], 0).is_none());
    }

    /// A length that was damaged had recovery read the device as far as that, gigabytes of it.
    #[test]
    fn no_header_claims_more_than_the_longest_frame() {
        let data: Arc<[u8]> = vec![7; RECORD_LEN_MAX as usize].into();
        let mut bytes = Vec::new();
        let longest = Entry::Part { store: 512, block: 1, data };
        longest.encode(&mut bytes, 1024, Chain { salt: 7, previous: 9, watermark: 512 });
        assert_eq!(decode(&bytes, 1024).map(|found| found.entry), Some(longest));
        assert_eq!(claimed_len(&bytes, 1024), Some(bytes.len()));
        bytes[4..8].copy_from_slice(&(BODY_LEN_MAX + 1).to_le_bytes());
        assert_eq!(claimed_len(&bytes, 1024), None);
    }
}
