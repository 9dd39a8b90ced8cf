//! Specimen 3: a snapshot's manifest is written to a temporary file and renamed into place without being synced.
//!
//! The rename is atomic, and the directory is synced, so the name is durable; what it names is not. Data and names have no
//! order unless fsync makes one.
//!
//! Seen in e2b-dev/infra#3655. Breaks `snapshot-atomic`: after a power loss the snapshot is listed, but its manifest is
//! empty, or zeros, or garbage, and it cannot be mounted. The store itself opens. Needs: a power loss that loses the
//! manifest's content or size.

use crate::plain::{Plain, Steps};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem};
use std::io;

/// Its name.
pub const NAME: &str = "rename-unsynced-tmp";
/// What is wrong.
pub const BUG: &str = "a snapshot's manifest is renamed into place without fsync";
/// The invariant that it breaks.
pub const BREAKS: &str = "snapshot-atomic";

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    const BLOCKS: bool = true;
    const SNAPSHOTS: bool = true;

    async fn sync_manifest<F: File>(&self, _file: &F) -> io::Result<()> {
        Ok(())
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
