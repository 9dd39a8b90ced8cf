//! Specimen 4: sealing syncs the block and renames it from open to sealed, and does not sync the directory.
//!
//! The block's bytes are safe, its being sealed is not: a rename is durable when its directory is synced. The next open
//! finds an open block, which it rightly takes for one that was never finished, and removes it.
//!
//! Seen in CCF#7030. Breaks `seal-durable`: a block whose sealing was acknowledged is gone. Needs: a power loss that loses
//! the rename.

use crate::plain::{Plain, Steps};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::FileSystem;
use std::io;
use std::path::Path;

/// Its name.
pub const NAME: &str = "seal-rename-not-synced";
/// What is wrong.
pub const BUG: &str = "sealing renames the block without fsync of the directory";
/// The invariant that it breaks.
pub const BREAKS: &str = "seal-durable";

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    const BLOCKS: bool = true;

    async fn sync_sealed_name<F: FileSystem>(&self, _fs: &F, _dir: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
