//! Specimen 20: a repair begins by putting the file in a state that it knows, and a crash in the repair leaves it there.
//!
//! That state is the header of the last orderly close or open, marked as closed: whatever goes wrong now, it is a valid
//! store. But it is one without the records that were appended since. Had the repair gone on, it would have counted them; when
//! it is cut short, the next open finds a file that was closed in good order, trusts the number in it, and overwrites what
//! stands behind. (An error in the repair is undone, so that it takes a crash.)
//!
//! Seen in redb 4.2.0. Breaks `recovery-idempotent`: acknowledged records are gone after a crash inside recovery, and no
//! other crash loses them. Needs: a crash, and another one inside the recovery from it.

use crate::plain::retry;
use crate::single::{Header, Single, Steps};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem};
use std::io;

/// Its name.
pub const NAME: &str = "recovery-crash-rolls-back";
/// What is wrong.
pub const BUG: &str = "a crash inside recovery drops what was committed before it";
/// The invariant that it breaks.
pub const BREAKS: &str = "recovery-idempotent";

#[derive(Debug, Default)]
struct Bug;

/// Replaces the header by one that says whether the store was closed.
async fn mark<F: File>(file: &F, header: &mut Header, is_closed: bool) -> io::Result<()> {
    *header = Header { generation: header.generation + 1, is_closed, ..*header };
    header.write(file).await?;
    retry!(file.sync_data())
}

impl Steps for Bug {
    async fn begin_repair<F: File>(&self, file: &F, header: &mut Header) -> io::Result<()> {
        mark(file, header, true).await
    }

    async fn give_up_repair<F: File>(&self, file: &F, header: &mut Header) {
        for _ in 0..3 {
            if mark(file, header, false).await.is_ok() {
                return;
            }
        }
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Single::<F, E, Bug>::new(fs, env, root)
}
