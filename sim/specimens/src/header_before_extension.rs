//! Specimen 19: a file grows, and the header that says how long it is goes out with the same sync.
//!
//! The size of a file and its bytes are made durable by a sync, and in no order before it returns. The header may be on the
//! medium when the size is not: then the file is shorter than it says of itself, and whoever opens it refuses.
//!
//! Seen in redb 4.2.0. Breaks `recovery-available`: after a power loss the store cannot be opened. Needs: a power loss in an
//! append that grows the file, which keeps the header and loses the size.

use crate::plain::retry;
use crate::single::{Header, Single, Steps};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem};
use std::io;

/// Its name.
pub const NAME: &str = "header-before-extension";
/// What is wrong.
pub const BUG: &str = "the header may be durable before the file has grown to what it says";
/// The invariant that it breaks.
pub const BREAKS: &str = "recovery-available";

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    async fn grow<F: File>(&self, file: &F, header: Header) -> io::Result<()> {
        retry!(file.set_len(header.len))?;
        header.write(file).await?;
        retry!(file.sync_data())
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Single::<F, E, Bug>::new(fs, env, root)
}
