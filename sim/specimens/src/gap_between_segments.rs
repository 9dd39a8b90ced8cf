//! Specimen 17: recovery goes on with the next segment, whatever is missing at the end of the one before.
//!
//! This host acknowledges appends before they are durable, and says so; a flush syncs all segments, oldest first. Until
//! then a power loss may take the end of a segment and leave the one that follows. The records behind the gap must go too:
//! what an unflushed log may lose is its end. Recovery sorts the segments, reads each, and does not compare where one ends
//! with where the next begins.
//!
//! Seen in rocksdb#7701. Breaks `log-prefix`: records stand in the log behind others that are missing. Needs: a power loss
//! that loses the tail of a segment and keeps a record of the next.

use crate::plain::{Plain, Steps, retry};
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem};
use asl_host::{Durability, Host};
use std::io;

/// Its name.
pub const NAME: &str = "gap-between-segments";
/// What is wrong.
pub const BUG: &str = "recovery skips what is missing between two segments";
/// The invariant that it breaks.
pub const BREAKS: &str = "log-prefix";

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    const DURABILITY: Durability = Durability::OnFlush;
    const SYNCS_EACH_SEGMENT: bool = false;
    const SEGMENT_RECORDS: u64 = 4;

    async fn sync_record<F: File, E: Env>(&self, _file: &F, _env: &E) -> io::Result<()> {
        Ok(())
    }

    async fn sync_rest<F: File>(&self, file: &F) -> io::Result<()> {
        retry!(file.sync_data())
    }

    fn continues(first: u64, next: u64) -> bool {
        first >= next
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
