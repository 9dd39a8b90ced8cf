//! Specimen 2: everything in the store's directory is synced, and the directory that the store's directory is in is not.
//!
//! mkdir(2) is durable when the *parent* is synced. Syncing the new directory makes durable what is in it, which helps
//! nobody if it cannot be reached.
//!
//! Seen in tiflash#1930. Breaks `create-durable`: after a power loss an acknowledged store is gone (and with it
//! `append-durable`). Needs: a power loss that loses the directory's name, before anything else syncs the parent. Opening
//! an existing store does not sync the parent either.

use crate::plain::{Plain, Steps};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::FileSystem;
use std::io;
use std::path::Path;

/// Its name.
pub const NAME: &str = "store-parent-not-synced";
/// What is wrong.
pub const BUG: &str = "the parent of the store's directory is never synced";

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    async fn sync_parent<F: FileSystem>(&self, _fs: &F, _parent: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
