//! The host that `gap-between-segments` is made from, without its bug: appends are acknowledged before they are durable, and the host says
//! so. The simulator must find nothing in it.
//!
//! It stands on the other side of `seq-restarts`. A read shows what was appended in the same session and not flushed, and after a crash
//! that may be gone: such a read exposes nothing. What an open finds it makes durable before anybody sees it.

use crate::plain::{Plain, Steps, retry};
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem};
use asl_host::{Durability, Host};
use std::io;

/// Its name.
pub const NAME: &str = "control-on-flush";
/// What is wrong.
pub const BUG: &str = "none: the same, with appends that are durable when flushed";

#[derive(Debug, Default)]
struct Right;

impl Steps for Right {
    const DURABILITY: Durability = Durability::OnFlush;
    const SYNCS_EACH_SEGMENT: bool = false;
    const SEGMENT_RECORDS: u64 = 4;
    const BLOCKS: bool = true;
    const SNAPSHOTS: bool = true;

    async fn sync_record<F: File, E: Env>(&self, _file: &F, _env: &E) -> io::Result<()> {
        Ok(())
    }

    async fn sync_rest<F: File>(&self, file: &F) -> io::Result<()> {
        retry!(file.sync_data())
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Right>::new(fs, env, root)
}
