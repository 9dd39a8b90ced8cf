//! The entries of a store's numbered sequence, and the bytes of the objects that they are.
//!
//! An object is, little-endian and packed:
//!
//! ```text
//! "ASLO" | version u8 | kind u8 | 0 u16 | nonce u128 | first u64 | body | crc u32
//! ```
//!
//! `nonce` is drawn anew for each entry: it tells a writer whose answer was lost whether what stands there is its own. `first` is
//! the number that the next record gets when the entry begins, so that a record is found by halving. `crc` is the CRC32C of all before
//! it. The body of a batch is its records, each behind its length (u32); of a block that is sealed, its name, the number of its parts,
//! its length and the CRC32C of its bytes.

/// Bytes of an entry before its body.
pub(super) const HEADER_LEN: usize = 32;
const CRC_LEN: usize = 4;
const MAGIC: &[u8; 4] = b"ASLO";
const VERSION: u8 = 1;

/// What happened to a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// It was made, and is empty.
    Created,
    /// It was opened: whoever had it open before is fenced off.
    Opened,
    /// Records were appended.
    Batch(Vec<Vec<u8>>),
    /// A block was sealed.
    Sealed(Block),
    /// A snapshot was made, of what there was.
    Snapshot,
    /// The snapshot that the entry of this number made was deleted.
    SnapshotDeleted(u64),
    /// It was destroyed, or was not there, and will not come of what was on its way.
    Destroyed,
}

/// A sealed block: which objects it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// A random name, in hexadecimal digits.
    pub(super) name: String,
    /// How many parts it has.
    pub(super) parts: u32,
    /// Length in bytes.
    pub(super) len: u64,
    /// CRC32C of its bytes.
    pub(super) crc: u32,
}

/// An entry of the sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) nonce: u128,
    /// The number that the next record gets, when this begins.
    pub(super) first: u64,
    pub(super) what: What,
}

impl What {
    fn kind(&self) -> u8 {
        match self {
            What::Created => 1,
            What::Opened => 2,
            What::Batch(_) => 3,
            What::Sealed(_) => 4,
            What::Snapshot => 5,
            What::SnapshotDeleted(_) => 6,
            What::Destroyed => 7,
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            What::Created | What::Opened | What::Snapshot | What::Destroyed => {}
            What::Batch(records) => {
                for record in records {
                    let len =
                        u32::try_from(record.len()).expect("a record is at most max_record_len bytes long");
                    out.extend_from_slice(&len.to_le_bytes());
                    out.extend_from_slice(record);
                }
            }
            What::Sealed(block) => block.encode(out),
            What::SnapshotDeleted(number) => out.extend_from_slice(&number.to_le_bytes()),
        }
    }

    fn decode(kind: u8, body: &[u8]) -> Option<What> {
        let plain = |what: What| body.is_empty().then_some(what);
        match kind {
            1 => plain(What::Created),
            2 => plain(What::Opened),
            3 => batch(body).map(What::Batch),
            4 => {
                let (block, rest) = Block::decode(body)?;
                rest.is_empty().then_some(What::Sealed(block))
            }
            5 => plain(What::Snapshot),
            6 => Some(What::SnapshotDeleted(u64::from_le_bytes(body.try_into().ok()?))),
            7 => plain(What::Destroyed),
            _ => None,
        }
    }
}

fn batch(mut body: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut records = Vec::new();
    while !body.is_empty() {
        let (len, rest) = body.split_first_chunk()?;
        let (record, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        records.push(record.to_vec());
        body = rest;
    }
    Some(records)
}

impl Block {
    /// Appends what stands for it.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let name_len = u32::try_from(self.name.len()).expect("names of blocks are short");
        for word in [name_len, self.parts, self.crc] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(self.name.as_bytes());
    }

    /// The block at the beginning of these bytes, and what follows it.
    pub(super) fn decode(bytes: &[u8]) -> Option<(Block, &[u8])> {
        let (name_len, bytes) = bytes.split_first_chunk()?;
        let (parts, bytes) = bytes.split_first_chunk()?;
        let (crc, bytes) = bytes.split_first_chunk()?;
        let (len, bytes) = bytes.split_first_chunk()?;
        let (name, rest) = bytes.split_at_checked(u32::from_le_bytes(*name_len) as usize)?;
        let block = Block {
            name: String::from_utf8(name.to_vec()).ok()?,
            parts: u32::from_le_bytes(*parts),
            len: u64::from_le_bytes(*len),
            crc: u32::from_le_bytes(*crc),
        };
        Some((block, rest))
    }
}

impl Entry {
    /// The bytes of the object.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_LEN + CRC_LEN);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&[VERSION, self.what.kind(), 0, 0]);
        out.extend_from_slice(&self.nonce.to_le_bytes());
        out.extend_from_slice(&self.first.to_le_bytes());
        self.what.encode(&mut out);
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out
    }

    /// The entry that these bytes are, if they are one, whole and undamaged.
    pub(super) fn decode(bytes: &[u8]) -> Option<Entry> {
        let (content, crc) = bytes.split_last_chunk()?;
        if crc32c::crc32c(content) != u32::from_le_bytes(*crc) {
            return None;
        }
        let header: &[u8; HEADER_LEN] = content.first_chunk()?;
        let what = What::decode(header[5], &content[HEADER_LEN..])?;
        let nonce = u128::from_le_bytes(*header[8..].first_chunk()?);
        (header.starts_with(MAGIC) && header[4] == VERSION).then_some(Entry {
            nonce,
            first: first(header)?,
            what,
        })
    }
}

/// The number that the next record gets when the entry with this header begins. The header has no checksum of its own: that it is one is
/// all that is looked at.
pub(super) fn first(header: &[u8]) -> Option<u64> {
    if !header.starts_with(MAGIC) || header.get(4) != Some(&VERSION) {
        return None;
    }
    Some(u64::from_le_bytes(*header.get(24..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Entry> {
        let block = Block { name: "0a".repeat(16), parts: 3, len: 70_000, crc: 9 };
        let whats = [
            What::Created,
            What::Opened,
            What::Batch(vec![Vec::new(), b"one".to_vec(), vec![0; 300]]),
            What::Sealed(block),
            What::Snapshot,
            What::SnapshotDeleted(77),
            What::Destroyed,
        ];
        whats.into_iter().map(|what| Entry { nonce: 5, first: 9, what }).collect()
    }

    #[test]
    fn an_entry_is_read_back_as_it_was_written() {
        for entry in all() {
            assert_eq!(Entry::decode(&entry.encode()), Some(entry.clone()));
            assert_eq!(first(&entry.encode()), Some(9));
        }
    }

    #[test]
    fn what_is_cut_off_or_changed_is_no_entry() {
        for entry in all() {
            let bytes = entry.encode();
            for len in 0..bytes.len() {
                assert_eq!(Entry::decode(&bytes[..len]), None, "{len} bytes of {entry:?}");
            }
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= 1;
                assert_eq!(Entry::decode(&changed), None, "byte {at} of {entry:?}");
            }
        }
    }
}
