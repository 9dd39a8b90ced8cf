//! A creation leaves the name of its mark to the file system's journal: it writes its process into the lock file and syncs
//! that, and does not sync the directory.
//!
//! On ext4 and xfs an fsync of any file that grew commits all metadata before it, so that the mark is durable. btrfs logs the
//! file that is synced and nothing else, and POSIX promises no more.
//!
//! Breaks `create-durable`: the store was created, and after a loss of power there is none. Needs: a profile without an order
//! of metadata (`posix`, `btrfs`), and a power loss that loses the mark's name. On the others nothing is wrong.

use crate::plain::{Plain, Steps, retry};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem, write_all_at};
use std::io;
use std::path::Path;

/// Its name.
pub const NAME: &str = "mark-left-to-journal";
/// What is wrong.
pub const BUG: &str = "a new file's name is left to the fsync of another file: right on ext4, wrong on btrfs";
/// The invariant that it breaks.
pub const BREAKS: &str = "create-durable";

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    async fn sync_mark_name<F: FileSystem>(&self, _fs: &F, paths: (&Path, &F::File)) -> io::Result<()> {
        let (_dir, lock) = paths;
        let end = retry!(lock.metadata())?.len;
        write_all_at(lock, b"created\n", end).await?;
        retry!(lock.sync_data())
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
