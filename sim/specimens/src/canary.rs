//! Specimen 30: right in most runs, and in about one run in a hundred it does not sync what it appends.
//!
//! It measures the harness, not the host: a campaign of a few thousand runs that does not find it is broken, whatever it
//! says of the other specimens. Once for each open, a draw decides whether the records appended through that handle are
//! synced.
//!
//! The fuzzers of `TigerBeetle` have one. Breaks `append-durable`. Needs: a power loss in one of the rare runs.

use crate::plain::{Plain, Steps, retry};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem};
use std::io;
use std::sync::OnceLock;

/// Its name.
pub const NAME: &str = "canary";
/// What is wrong.
pub const BUG: &str = "about one run in a hundred does not sync its appends, by design";
/// The invariant that it breaks.
pub const BREAKS: &str = "append-durable";

/// One handle in so many is bad. A run has a few handles, and not each of them ends with a power loss.
const ONE_IN: u64 = 128;

#[derive(Debug, Default)]
struct Bug {
    is_bad: OnceLock<bool>,
}

impl Steps for Bug {
    async fn sync_record<F: File, E: Env>(&self, file: &F, env: &E) -> io::Result<()> {
        if *self.is_bad.get_or_init(|| env.random_u64().is_multiple_of(ONE_IN)) {
            return Ok(());
        }
        retry!(file.sync_data())
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
