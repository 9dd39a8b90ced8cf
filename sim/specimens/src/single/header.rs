//! The two headers of a single-file store.

use asl_host::fs::{File, write_all_at};
use std::io;

/// Where the frames begin, behind both headers.
pub(super) const LOG_START: u64 = 8192;
/// Headers are this far apart, so that no sector holds both.
const SLOT_DISTANCE: u64 = 4096;
const HEADER_LEN: usize = 52;
const MAGIC: u64 = u64::from_le_bytes(*b"ASLSNGL1");

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// One more than that of the header before it; its lowest bit says where the header stands.
    pub(crate) generation: u64,
    /// In each frame of this store.
    pub(crate) salt: u64,
    /// How long the file is.
    pub(crate) len: u64,
    /// How many records there were when the store was opened or closed last.
    pub(crate) count: u64,
    /// Whether it was closed in good order, so that there are no more.
    pub(crate) is_closed: bool,
}

impl Header {
    pub(super) fn encode(&self) -> Vec<u8> {
        let words = [MAGIC, self.generation, self.salt, self.len, self.count, u64::from(self.is_closed)];
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Header> {
        let bytes: &[u8; HEADER_LEN] = bytes.first_chunk()?;
        let word = |at: usize| u64::from_le_bytes(*bytes[at * 8..].first_chunk().expect("it is inside"));
        let [generation, salt, len, count] = [1, 2, 3, 4].map(word);
        let header = Header { generation, salt, len, count, is_closed: word(5) != 0 };
        (header.encode() == bytes).then_some(header)
    }

    /// The one that counts, of the two in a file.
    pub(super) fn newest(file: &[u8]) -> Option<Header> {
        let slots = [0, SLOT_DISTANCE].map(|at| file.get(at as usize..).and_then(Header::decode));
        slots.into_iter().flatten().max_by_key(|header| header.generation)
    }

    /// Writes it over the last but one.
    pub(crate) async fn write(&self, file: &impl File) -> io::Result<()> {
        write_all_at(file, &self.encode(), (self.generation & 1) * SLOT_DISTANCE).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_headers_the_newer_one_counts_unless_it_is_torn() {
        let older = Header { generation: 6, salt: 5, len: 8192, count: 2, is_closed: false };
        let newer = Header { generation: 7, count: 3, is_closed: true, ..older };
        let mut file = vec![0; LOG_START as usize];
        assert_eq!(Header::newest(&file), None);
        file[..HEADER_LEN].copy_from_slice(&older.encode());
        file[4096..4096 + HEADER_LEN].copy_from_slice(&newer.encode());
        assert_eq!(Header::newest(&file), Some(newer));
        file[4100] ^= 1;
        assert_eq!(Header::newest(&file), Some(older));
    }
}
