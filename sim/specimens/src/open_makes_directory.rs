//! An open that makes the store's directory if it is not there, so that its lock file has a place, and then finds no store in it.
//!
//! `mkdir -p` at the beginning of an open is common, and harmless where there is a store. Where there is none, a misspelled path or a
//! disk that is not mounted leaves a directory that looks like the beginning of a store.
//!
//! Breaks `open-harmless`. Needs: an open of a location where there is nothing, and no fault.

use crate::plain::{Plain, Steps, retry};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::FileSystem;
use std::io;
use std::path::Path;

/// Its name.
pub const NAME: &str = "open-makes-directory";
/// What is wrong.
pub const BUG: &str = "an open of nothing leaves a directory behind";
/// The invariant that it breaks.
pub const BREAKS: &str = "open-harmless";

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    async fn before_open<F: FileSystem>(&self, fs: &F, dir: &Path) -> io::Result<()> {
        match retry!(fs.create_dir(dir)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
