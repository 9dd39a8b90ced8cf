//! Specimen 28: a snapshot names every block that there is, also those that are still being written.
//!
//! Like a snapshot of the whole file system it holds all that was written so far, sealed or not. That an open block is
//! invisible until it is sealed, the host has to see to, and here it does not. (What a snapshot names is synced and kept, so
//! that the snapshot stays whole after a crash: nothing else is wrong with it.)
//!
//! No public report is named for it. Breaks `snapshot-sealed-only`: a mounted snapshot shows a block that was not sealed.
//! Needs: a block that is being written when a snapshot is taken.

use crate::plain::{Plain, Steps, retry};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Its name.
pub const NAME: &str = "snapshot-takes-open-block";
/// What is wrong.
pub const BUG: &str = "a snapshot includes blocks that are not sealed";
/// The invariant that it breaks.
pub const BREAKS: &str = "snapshot-sealed-only";

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    const BLOCKS: bool = true;
    const SNAPSHOTS: bool = true;
    const KEEPS_OPEN_BLOCKS: bool = true;

    async fn blocks_for_snapshot<F: FileSystem>(
        &self,
        fs: &F,
        dir: &Path,
        mut sealed: BTreeSet<String>,
        open: Vec<(String, Arc<F::File>)>,
    ) -> io::Result<BTreeSet<String>> {
        for (id, file) in open {
            retry!(file.sync_all())?;
            sealed.insert(id);
        }
        retry!(fs.sync_dir(dir))?;
        Ok(sealed)
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
