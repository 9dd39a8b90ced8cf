//! Specimen 18: an append that runs out of space leaves what it wrote, and the next one goes behind it.
//!
//! ```text
//! payload | boundary: salt u64, seq u64
//! ```
//!
//! A record is what stands before its boundary, as in MIME. The payload is synced before the boundary is written, and the
//! boundary names segment and number, so that after a crash a boundary is proof that its record is whole. What is missing
//! is that a failed append is undone: the handle stops for any error but "no space left" of a write, after which it goes on at the
//! end of the file, like one that was opened with `O_APPEND`.
//!
//! Seen in rocksdb-js#748. Breaks `append-atomic`: the record that is appended next comes back with the failed one's
//! first bytes in front. Needs: ENOSPC after a part was written, and space again while the store is still open.

use crate::plain::{Place, Plain, Scan, Steps, retry};
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem, write_all_at};
use asl_host::{ErrorKind, Host};
use std::io;

/// Its name.
pub const NAME: &str = "failed-append-leaves-bytes";
/// What is wrong.
pub const BUG: &str = "an append that runs out of space leaves its bytes in the log";
/// The invariant that it breaks.
pub const BREAKS: &str = "append-atomic";

const BOUNDARY_LEN: usize = 16;

#[derive(Debug, Default)]
struct Bug;

fn boundary(salt: u64, seq: u64) -> [u8; BOUNDARY_LEN] {
    (u128::from(salt) << 64 | u128::from(seq)).to_le_bytes()
}

/// A sync that has no space stops the handle as every failed sync does. The bug is about writes: after a sync, a whole record would be
/// left, and come back under a number that another one was given.
fn stops(error: io::Error) -> io::Error {
    if ErrorKind::of_io(&error) == ErrorKind::NoSpace { io::Error::other(error) } else { error }
}

impl Steps for Bug {
    async fn put_record<F: File, E: Env>(
        &self,
        file: &F,
        env: &E,
        place: Place,
        record: &[u8],
    ) -> io::Result<u64> {
        write_all_at(file, record, place.offset).await?;
        self.sync_record(file, env).await.map_err(stops)?;
        let end = place.offset + record.len() as u64;
        write_all_at(file, &boundary(place.salt, place.seq), end).await?;
        self.sync_record(file, env).await.map_err(stops)?;
        Ok(end + BOUNDARY_LEN as u64)
    }

    async fn end_after_failure<F: File>(&self, file: &F, _place: Place, error: &io::Error) -> Option<u64> {
        match ErrorKind::of_io(error) {
            ErrorKind::NoSpace => retry!(file.metadata()).ok().map(|metadata| metadata.len),
            _ => None,
        }
    }

    fn scan(bytes: &[u8], salt: u64, first: u64) -> Scan {
        let mut scan = Scan::default();
        let next = |scan: &Scan| {
            let boundary = boundary(salt, first + scan.records.len() as u64);
            bytes[scan.end..].windows(BOUNDARY_LEN).position(|window| window == boundary)
        };
        while let Some(len) = next(&scan) {
            scan.records.push(bytes[scan.end..scan.end + len].to_vec());
            scan.end += len + BOUNDARY_LEN;
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
    fn what_stands_before_a_boundary_is_a_record_wherever_it_came_from() {
        let mut bytes = b"first".to_vec();
        bytes.extend_from_slice(&boundary(7, 3));
        bytes.extend_from_slice(b"torn next");
        assert_eq!(Bug::scan(&bytes, 7, 3).records, [b"first"]);
        assert_eq!(Bug::scan(&bytes, 8, 3), Scan::default());
        bytes.extend_from_slice(&boundary(7, 4));
        assert_eq!(Bug::scan(&bytes, 7, 3).records, [b"first".as_slice(), b"torn next"]);
    }
}
