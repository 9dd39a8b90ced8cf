//! Specimen 1: a log segment is created, written and synced, and its directory is not.
//!
//! fsync(2) of a file makes its content durable, not the name under which it can be found; that takes an fsync of the
//! directory. File systems that persist the name with the file hide the bug for years.
//!
//! Seen in kafka#10405 and etcd#6368. Breaks `append-durable`: after a power loss the segment is not there, with all the
//! records in it. Needs: a power loss that loses the name. Opening syncs the directory, as it should: only segments that
//! an append created since then are at risk.

use crate::plain::{Plain, Steps};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::FileSystem;
use std::io;
use std::path::Path;

/// Its name.
pub const NAME: &str = "segment-dir-not-synced";
/// What is wrong.
pub const BUG: &str = "no fsync of the directory after a log segment is created";
/// The invariant that it breaks.
pub const BREAKS: &str = "append-durable";

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    async fn sync_segment_name<F: FileSystem>(&self, _fs: &F, _dir: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
