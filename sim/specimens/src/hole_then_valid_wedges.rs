//! Specimen 15: a hole with something valid behind it is taken for corruption, and the store does not start any more.
//!
//! ```text
//! a record is chunks: crc u32 (of all that follows) | length u32 | last u32 | index u32 | salt u64 | seq u64 | bytes
//! ```
//!
//! A chunk is valid by itself. Recovery takes whole records; where a chunk is bad, it looks whether a valid one follows,
//! and if so, says that the log is damaged in its middle. But until a sync returns, pages reach the medium in any order: the
//! end of a record may be there, and its middle not.
//!
//! Seen in commonware#4326. Breaks `recovery-available`: after a power loss the store cannot be opened. Needs: pages persisted
//! out of order, within one append. A kill leaves no hole. An append that fails without a crash is taken back.

use crate::plain::{Place, Plain, Scan, Steps, take_back};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem};
use std::io;

/// Its name.
pub const NAME: &str = "hole-then-valid-wedges";
/// What is wrong.
pub const BUG: &str = "a hole followed by a valid page wedges start-up";
/// The invariant that it breaks.
pub const BREAKS: &str = "recovery-available";

const HEADER_LEN: usize = 32;
/// The most bytes of a record that a chunk holds.
const CHUNK_LEN_MAX: usize = 64;

#[derive(Debug, Default)]
struct Bug;

struct Chunk<'a> {
    seq: u64,
    index: u32,
    is_last: bool,
    bytes: &'a [u8],
}

fn chunk(salt: u64, seq: u64, index: u32, is_last: bool, bytes: &[u8]) -> Vec<u8> {
    let len = u32::try_from(bytes.len()).expect("a chunk is short");
    let mut chunk = vec![0; 4];
    for word in [len, u32::from(is_last), index] {
        chunk.extend_from_slice(&word.to_le_bytes());
    }
    chunk.extend_from_slice(&salt.to_le_bytes());
    chunk.extend_from_slice(&seq.to_le_bytes());
    chunk.extend_from_slice(bytes);
    let crc = crc32c::crc32c(&chunk[4..]);
    chunk[..4].copy_from_slice(&crc.to_le_bytes());
    chunk
}

/// The chunk at the beginning of `bytes`, if there is a valid one.
fn decode(bytes: &[u8], salt: u64) -> Option<Chunk<'_>> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_LEN>()?;
    let word = |at: usize| u32::from_le_bytes(*header[at..].first_chunk().expect("it is inside"));
    let seq = u64::from_le_bytes(*header[24..].first_chunk()?);
    let found = Chunk { seq, index: word(12), is_last: word(8) != 0, bytes: rest.get(..word(4) as usize)? };
    let whole = chunk(salt, seq, found.index, found.is_last, found.bytes);
    bytes.starts_with(&whole).then_some(found)
}

/// The record at the beginning of `bytes`, if it is whole, and how long its chunks are.
fn record(bytes: &[u8], salt: u64, seq: u64) -> Option<(Vec<u8>, usize)> {
    let (mut record, mut end) = (Vec::new(), 0);
    for index in 0.. {
        let chunk = decode(&bytes[end..], salt).filter(|chunk| (chunk.seq, chunk.index) == (seq, index))?;
        record.extend_from_slice(chunk.bytes);
        end += HEADER_LEN + chunk.bytes.len();
        if chunk.is_last {
            return Some((record, end));
        }
    }
    None
}

impl Steps for Bug {
    fn encode(place: Place, record: &[u8]) -> Vec<u8> {
        let mut pieces: Vec<&[u8]> = record.chunks(CHUNK_LEN_MAX).collect();
        if pieces.is_empty() {
            pieces.push(&[]);
        }
        let last = pieces.len() - 1;
        let chunks = pieces.iter().enumerate();
        chunks.flat_map(|(at, piece)| chunk(place.salt, place.seq, at as u32, at == last, piece)).collect()
    }

    fn scan(bytes: &[u8], salt: u64, first: u64) -> Scan {
        let mut scan = Scan::default();
        while let Some((record, len)) = record(&bytes[scan.end..], salt, first + scan.records.len() as u64) {
            scan.records.push(record);
            scan.end += len;
        }
        scan
    }

    fn judge_rest(rest: &[u8], salt: u64) -> io::Result<()> {
        let mut hole = 0;
        while let Some(chunk) = decode(&rest[hole..], salt) {
            hole += HEADER_LEN + chunk.bytes.len();
        }
        let salt_bytes = salt.to_le_bytes();
        // The salt stands 16 bytes into a chunk.
        let behind = &rest[hole..];
        let salts = behind.windows(8).enumerate().filter(|(at, window)| *at >= 16 && *window == salt_bytes);
        for (at, _) in salts {
            if decode(&behind[at - 16..], salt).is_some() {
                return Err(io::Error::other("there is a hole in the middle of the log"));
            }
        }
        Ok(())
    }

    async fn end_after_failure<F: File>(&self, file: &F, place: Place, _error: &io::Error) -> Option<u64> {
        take_back(file, place).await;
        None
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
    fn a_hole_at_the_end_is_cut_off_and_one_in_front_of_a_valid_chunk_is_not() {
        let record: Vec<u8> = (0..200).collect();
        let bytes = Bug::encode(Place { salt: 7, seq: 3, offset: 0 }, &record);
        let scan = Bug::scan(&bytes, 7, 3);
        assert_eq!((scan.records, scan.end), (vec![record], bytes.len()));
        for cut in 0..bytes.len() {
            assert_eq!(Bug::scan(&bytes[..cut], 7, 3), Scan::default(), "cut at {cut}");
            assert!(Bug::judge_rest(&bytes[..cut], 7).is_ok(), "cut at {cut}");
        }
        let mut holed = bytes.clone();
        holed[100..150].fill(0);
        assert_eq!(Bug::scan(&holed, 7, 3), Scan::default());
        assert!(Bug::judge_rest(&holed, 7).is_err());
    }

    #[test]
    fn a_record_of_nothing_is_a_chunk_of_nothing() {
        let bytes = Bug::encode(Place { salt: 7, seq: 3, offset: 0 }, b"");
        assert_eq!(Bug::scan(&bytes, 7, 3).records, [[0; 0]]);
    }
}
