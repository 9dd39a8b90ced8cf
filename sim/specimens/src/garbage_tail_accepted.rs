//! Specimen 10: repair takes a tail that is no record for one.
//!
//! The first version of this host kept counters, four bytes each, without a frame around them. Stores of that version can
//! still be repaired: where a frame should stand and nothing of one is to be seen, not even the segment's salt, the four
//! bytes there are taken for a counter. They are that short so that what comes back is garbage, and never a piece of
//! somebody's record, which would break `append-atomic` first.
//!
//! Seen in leveldb#251. Breaks `log-prefix`: a record comes back that nobody appended. Needs: a power loss in an append that
//! keeps the file's size, loses the sector in which the record's header begins, and leaves garbage there. A record that is
//! torn further behind is recognised by its header and cut off.

use crate::plain::{Plain, Scan, Steps};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::frame::{self, HEADER_LEN};
use asl_host::fs::FileSystem;

/// Its name.
pub const NAME: &str = "garbage-tail-accepted";
/// What is wrong.
pub const BUG: &str = "repair takes garbage behind the last record for a record of an old format";
/// The invariant that it breaks.
pub const BREAKS: &str = "log-prefix";

const COUNTER_LEN: usize = 4;

#[derive(Debug, Default)]
struct Bug;

/// What stands where no frame does, if the old format could have it.
fn counter(rest: &[u8], salt: u64) -> Option<&[u8; COUNTER_LEN]> {
    let is_torn_frame = rest.get(8..16) == Some(&salt.to_le_bytes());
    rest.first_chunk().filter(|counter| **counter != [0; COUNTER_LEN] && !is_torn_frame)
}

impl Steps for Bug {
    fn scan(bytes: &[u8], salt: u64, first: u64) -> Scan {
        let found = frame::scan(bytes, salt, first);
        let mut scan = Scan { end: found.end as usize, ..Scan::default() };
        let ends = found.offsets.iter().skip(1).chain([&found.end]);
        for (&start, &end) in found.offsets.iter().zip(ends) {
            scan.records.push(bytes[start as usize + HEADER_LEN..end as usize].to_vec());
        }
        if let Some(counter) = counter(&bytes[scan.end..], salt) {
            scan.records.push(counter.to_vec());
            scan.end += COUNTER_LEN;
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
    use crate::plain::Place;

    #[test]
    fn garbage_is_a_record_and_a_torn_frame_is_none() {
        let whole = Bug::encode(Place { salt: 7, seq: 3, offset: 0 }, b"payload");
        assert_eq!(Bug::scan(&whole, 7, 3).records, [b"payload"]);
        assert_eq!(Bug::scan(&whole[..whole.len() - 1], 7, 3), Scan::default());
        assert_eq!(Bug::scan(&[0; 100], 7, 3), Scan::default());
        let mut bytes = whole.clone();
        bytes.extend_from_slice(b"garbage!");
        let scan = Bug::scan(&bytes, 7, 3);
        assert_eq!((scan.records, scan.end), (vec![b"payload".to_vec(), b"garb".to_vec()], whole.len() + 4));
    }
}
