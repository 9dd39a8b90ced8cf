//! Specimen 23: a file with the number of the process that has the store open, removed when the store is closed.
//!
//! The lock by flock(2) goes with its process. The file beside it stays when a process is killed, and whoever opens the
//! store afterwards finds the number of a process, and does not ask whether that one is still there.
//!
//! Seen in chrondb#86. Breaks `single-writer`: the store is said to be in use, and nobody alive has it open. Needs: a kill, or
//! a power loss that keeps the file's name.

use crate::plain::{Plain, Steps, retry};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::{FileSystem, OpenMode, read_whole, write_all_at};
use std::io;
use std::path::Path;

/// Its name.
pub const NAME: &str = "pid-lock-stale";
/// What is wrong.
pub const BUG: &str = "the pid file of a killed process blocks reopening";
/// The invariant that it breaks.
pub const BREAKS: &str = "single-writer";

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    async fn claim<F: FileSystem>(&self, fs: &F, dir: &Path, process: u64) -> io::Result<bool> {
        let path = dir.join("pid");
        match retry!(fs.open(&path, OpenMode::CreateNew)) {
            Ok(file) => write_all_at(&file, &process.to_le_bytes(), 0).await.map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let file = retry!(fs.open(&path, OpenMode::Read))?;
                Ok(read_whole(&file).await? == process.to_le_bytes())
            }
            Err(error) => Err(error),
        }
    }

    async fn release<F: FileSystem>(&self, fs: &F, dir: &Path) -> io::Result<()> {
        match retry!(fs.unlink(&dir.join("pid"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
