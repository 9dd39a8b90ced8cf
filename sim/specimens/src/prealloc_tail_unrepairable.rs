//! Specimen 12: segments are preallocated, and recovery can repair a torn record at the end of a file only.
//!
//! In a file that grows with each record, a torn record reaches the end of the file: too short, and cut off. In a
//! preallocated one zeros follow it. Recovery knows zeros (nothing was written there) and whole records; a record with a
//! wrong checksum and something behind it must be corruption, it says.
//!
//! Seen in etcd#5230. Breaks `recovery-available`: after a crash the store cannot be opened. Needs: a part of a record's
//! sectors, persisted in front of zeros. An append that fails without a crash is taken back.

use crate::plain::{Place, Plain, Steps, retry, take_back};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::frame::HEADER_LEN;
use asl_host::fs::{File, FileSystem};
use std::io;

/// Its name.
pub const NAME: &str = "prealloc-tail-unrepairable";
/// What is wrong.
pub const BUG: &str = "a torn write inside preallocated zeros cannot be repaired";
/// The invariant that it breaks.
pub const BREAKS: &str = "recovery-available";

/// How much of a segment is preallocated, in bytes: longer ones grow with their records.
const PREALLOCATED_LEN: u64 = 16 << 10;

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    async fn prepare_segment<F: File>(&self, file: &F) -> io::Result<()> {
        retry!(file.allocate(0, PREALLOCATED_LEN))?;
        retry!(file.sync_all())
    }

    async fn end_after_failure<F: File>(&self, file: &F, place: Place, _error: &io::Error) -> Option<u64> {
        take_back(file, place).await;
        None
    }

    fn judge_rest(rest: &[u8], salt: u64) -> io::Result<()> {
        let Some(header) = rest.first_chunk::<HEADER_LEN>() else { return Ok(()) };
        if header.iter().all(|&byte| byte == 0) {
            return Ok(());
        }
        let len = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        let reaches_end = HEADER_LEN + len as usize >= rest.len();
        if header[8..16] == salt.to_le_bytes() && reaches_end {
            return Ok(());
        }
        Err(io::Error::other("a record in the middle of the log has a wrong checksum"))
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
    fn a_torn_record_is_repaired_at_the_end_of_a_file_and_not_in_front_of_zeros() {
        let mut bytes = Bug::encode(Place { salt: 7, seq: 3, offset: 0 }, b"payload");
        *bytes.last_mut().expect("it has bytes") ^= 1;
        assert!(Bug::judge_rest(&bytes, 7).is_ok());
        bytes.resize(200, 0);
        assert!(Bug::judge_rest(&bytes, 7).is_err());
        assert!(Bug::judge_rest(&[0; 200], 7).is_ok());
    }
}
