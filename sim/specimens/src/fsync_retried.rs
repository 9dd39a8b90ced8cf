//! Specimen 6: an fsync that fails with EIO is tried again, and believed when it then says 0.
//!
//! The first call told of the error and marked the pages clean; the second finds nothing to write and succeeds. The only
//! safe answers to a failed fsync are to write the data again, elsewhere, or to stop.
//!
//! Seen in wiredtiger#4072 (and in Postgres, where it became known as fsyncgate). Breaks `append-durable`: acknowledged
//! records are gone after a power loss. Needs: one EIO from the fsync of an append, and later a power loss. Segments are
//! short for the reason given in [`crate::fsync_error_ignored`].

use crate::plain::{Plain, Steps};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem};
use std::io;

/// Its name.
pub const NAME: &str = "fsync-retried";
/// What is wrong.
pub const BUG: &str = "an append tries its fsync again after EIO and believes the second answer";
/// The invariant that it breaks.
pub const BREAKS: &str = "append-durable";

const TRIES: u32 = 3;

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    const SEGMENT_RECORDS: u64 = 3;

    async fn sync_record<F: File, E: Env>(&self, file: &F, _env: &E) -> io::Result<()> {
        let mut failures = 0;
        loop {
            match file.sync_data().await {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) if failures + 1 < TRIES => failures += 1,
                result => return result,
            }
        }
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
