//! Specimen 5: an append calls fsync and does not look at what it returns.
//!
//! When the medium fails, the kernel tells of it once, in the return value of fsync, and marks the pages clean. Who does
//! not listen acknowledges a record that is in the page cache and nowhere else.
//!
//! Seen in redis#8111. Breaks `append-durable`: acknowledged records are gone after a power loss. Needs: EIO from the
//! fsync of an append, and later a power loss. A later record that shares a page with the lost one has that page written
//! again, so segments are short here: the last record of one shares no page with any later record.

use crate::plain::{Plain, Steps, retry};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem};
use std::io;

/// Its name.
pub const NAME: &str = "fsync-error-ignored";
/// What is wrong.
pub const BUG: &str = "an append drops the error of its fsync and acknowledges";
/// The invariant that it breaks.
pub const BREAKS: &str = "append-durable";

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    const SEGMENT_RECORDS: u64 = 3;

    async fn sync_record<F: File, E: Env>(&self, file: &F, _env: &E) -> io::Result<()> {
        let _: io::Result<()> = retry!(file.sync_data());
        Ok(())
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
