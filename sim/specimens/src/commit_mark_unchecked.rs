//! Specimen 8: a record's header says that it is committed, and nothing says that its bytes are there.
//!
//! ```text
//! crc u32 (of the rest of the header) | length u32 | salt u64 | seq u64 | "CMIT" | payload (length bytes)
//! ```
//!
//! The header is checked, so that only a header of this segment and of this number is taken for one. The payload is not:
//! its sectors are independent of the header's, and the mark may be durable when they are not.
//!
//! Seen in LiteDB#2935. Breaks `append-atomic`: a record that was in flight comes back with the right length and with
//! zeros, garbage or somebody else's bytes in it. Acknowledged records are synced and come to no harm. Needs: a power loss
//! in an append whose record crosses a sector's end, with pages persisted out of order.

use crate::plain::{Place, Plain, Scan, Steps};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::FileSystem;

/// Its name.
pub const NAME: &str = "commit-mark-unchecked";
/// What is wrong.
pub const BUG: &str = "a commit mark without a checksum over the data it commits";
/// The invariant that it breaks.
pub const BREAKS: &str = "append-atomic";

const HEADER_LEN: usize = 28;
const MARK: &[u8; 4] = b"CMIT";

#[derive(Debug, Default)]
struct Bug;

fn header(salt: u64, seq: u64, len: u32) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[4..8].copy_from_slice(&len.to_le_bytes());
    header[8..16].copy_from_slice(&salt.to_le_bytes());
    header[16..24].copy_from_slice(&seq.to_le_bytes());
    header[24..].copy_from_slice(MARK);
    let crc = crc32c::crc32c(&header[4..]);
    header[..4].copy_from_slice(&crc.to_le_bytes());
    header
}

/// The record at the beginning of `bytes`, if it is marked as committed and the file is long enough for it.
fn committed(bytes: &[u8], salt: u64, seq: u64) -> Option<&[u8]> {
    let (found, rest) = bytes.split_first_chunk::<HEADER_LEN>()?;
    let len = u32::from_le_bytes(*found[4..].first_chunk()?);
    let payload = rest.get(..len as usize)?;
    (*found == header(salt, seq, len)).then_some(payload)
}

impl Steps for Bug {
    fn encode(place: Place, record: &[u8]) -> Vec<u8> {
        let len = u32::try_from(record.len()).expect("a record is at most max_record_len bytes long");
        let mut bytes = header(place.salt, place.seq, len).to_vec();
        bytes.extend_from_slice(record);
        bytes
    }

    fn scan(bytes: &[u8], salt: u64, first: u64) -> Scan {
        let mut scan = Scan::default();
        while let Some(record) = committed(&bytes[scan.end..], salt, first + scan.records.len() as u64) {
            scan.records.push(record.to_vec());
            scan.end += HEADER_LEN + record.len();
        }
        scan
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_payload_is_not_noticed_and_a_lost_header_is() {
        let mut bytes = Bug::encode(Place { salt: 7, seq: 3, offset: 0 }, b"payload");
        bytes[HEADER_LEN..].fill(0);
        assert_eq!(Bug::scan(&bytes, 7, 3).records, [[0; 7]]);
        assert_eq!(Bug::scan(&bytes, 8, 3), Scan::default());
        assert_eq!(Bug::scan(&bytes, 7, 4), Scan::default());
        bytes[5] ^= 1;
        assert_eq!(Bug::scan(&bytes, 7, 3), Scan::default());
    }
}
