//! Specimen 21: a creation that is cut short leaves a store that can neither be opened nor created.
//!
//! The mark that says that there is a store holds the version of its format. It is made under its own name and then
//! written. In between it is there, and empty: whoever creates is told that the store exists, whoever opens it that its mark
//! cannot be read.
//!
//! Seen in etcd#16596. Breaks `create-atomic`. Needs: a crash in the creation, between two of its calls, or one that loses
//! what was written to the mark.

use crate::plain::{Plain, Steps, retry};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem, OpenMode, read_whole, write_all_at};
use std::io;
use std::path::Path;

/// Its name.
pub const NAME: &str = "torn-create-blocks-open";
/// What is wrong.
pub const BUG: &str = "a creation that is cut short leaves a store that cannot be opened or created again";
/// The invariant that it breaks.
pub const BREAKS: &str = "create-atomic";

const FORMAT: &[u8] = b"specimen format 1\n";

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    async fn make_mark<F: FileSystem>(&self, fs: &F, mark: &Path) -> io::Result<()> {
        let file = retry!(fs.open(mark, OpenMode::CreateNew))?;
        write_all_at(&file, FORMAT, 0).await?;
        retry!(file.sync_all())
    }

    async fn check_mark<F: FileSystem>(&self, fs: &F, mark: &Path) -> io::Result<()> {
        let file = retry!(fs.open(mark, OpenMode::ReadWrite))?;
        if read_whole(&file).await? != FORMAT {
            return Err(io::Error::other("the store has a format that is not known"));
        }
        // Whoever wrote it may have died before it was durable.
        write_all_at(&file, FORMAT, 0).await?;
        retry!(file.sync_all())
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
