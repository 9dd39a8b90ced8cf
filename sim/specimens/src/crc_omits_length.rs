//! Specimen 9: the checksum covers the payload, and not the length in front of it.
//!
//! ```text
//! crc u32 (of the payload) | length u32 | payload: salt u64, seq u64, record; or nothing, if the record is empty
//! ```
//!
//! Salt and number are in the payload, so that no frame of another file or place is taken for one of this. But the
//! CRC32C of nothing is 0: eight bytes of zeros are a valid frame, of an empty record.
//!
//! No public report is named for it; write-ahead logs have learnt to mask their checksums for this reason. Breaks
//! `log-prefix`: a tail of zeros comes back as empty records that nobody appended. Needs: a power loss in an append that
//! persists the file's size and not its data, on a medium that then reads as zeros.

use crate::plain::{Place, Plain, Scan, Steps};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::FileSystem;

/// Its name.
pub const NAME: &str = "crc-omits-length";
/// What is wrong.
pub const BUG: &str = "the checksum covers the payload only, so zeros are empty records";
/// The invariant that it breaks.
pub const BREAKS: &str = "log-prefix";

const HEADER_LEN: usize = 8;
const PREFIX_LEN: usize = 16;

#[derive(Debug, Default)]
struct Bug;

fn prefix(salt: u64, seq: u64) -> [u8; PREFIX_LEN] {
    (u128::from(salt) << 64 | u128::from(seq)).to_le_bytes()
}

/// The record at the beginning of `bytes`, and the length of its frame.
fn decode(bytes: &[u8], salt: u64, seq: u64) -> Option<(&[u8], usize)> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_LEN>()?;
    let crc = u32::from_le_bytes(*header.first_chunk()?);
    let len = u32::from_le_bytes(*header.last_chunk()?) as usize;
    let payload = rest.get(..len)?;
    if crc32c::crc32c(payload) != crc {
        return None;
    }
    let record = if payload.is_empty() { payload } else { payload.strip_prefix(&prefix(salt, seq))? };
    Some((record, HEADER_LEN + len))
}

impl Steps for Bug {
    fn encode(place: Place, record: &[u8]) -> Vec<u8> {
        let mut payload = Vec::new();
        if !record.is_empty() {
            payload.extend_from_slice(&prefix(place.salt, place.seq));
            payload.extend_from_slice(record);
        }
        let len = u32::try_from(payload.len()).expect("a record is at most max_record_len bytes long");
        let mut bytes = crc32c::crc32c(&payload).to_le_bytes().to_vec();
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.append(&mut payload);
        bytes
    }

    fn scan(bytes: &[u8], salt: u64, first: u64) -> Scan {
        let mut scan = Scan::default();
        while let Some((record, len)) = decode(&bytes[scan.end..], salt, first + scan.records.len() as u64) {
            scan.records.push(record.to_vec());
            scan.end += len;
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
    fn zeros_are_empty_records_and_nothing_else_is_taken_for_one() {
        let mut bytes = Bug::encode(Place { salt: 7, seq: 3, offset: 0 }, b"record");
        assert_eq!(Bug::scan(&bytes, 7, 3).records, [b"record"]);
        assert_eq!(Bug::scan(&bytes, 8, 3), Scan::default());
        assert_eq!(Bug::scan(&bytes, 7, 4), Scan::default());
        bytes.extend_from_slice(&[0; 20]);
        assert_eq!(Bug::scan(&bytes, 7, 3).records, [b"record".as_slice(), b"", b""]);
    }
}
