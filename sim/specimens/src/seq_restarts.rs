//! Specimen 16: recovery shows a record that is in the page cache only, and after the next crash its number is given again.
//!
//! A process that was killed in an append may leave a record that no sync has covered. Recovery writes it again, shows it,
//! and leaves the sync to the first append, flush or snapshot that comes; until then it calls nothing durable. But it has
//! shown the number, and with that the number is taken.
//!
//! On the other side stands `control-on-flush`, which shows what it did not sync to a read of the same session, and may.
//!
//! Seen in Typhon#712. Breaks `logseq-stable` (and `read-stable`): once the tail that somebody saw is lost, numbering restarts
//! where it did before, and a number names another record than it did. Needs: two crashes, a kill in an append and a power
//! loss before anything is synced.

use crate::plain::{Plain, Steps, retry};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem, OpenMode};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Its name.
pub const NAME: &str = "seq-restarts";
/// What is wrong.
pub const BUG: &str = "recovery shows what it did not sync, and numbering restarts when that is lost";
/// The invariant that it breaks.
pub const BREAKS: &str = "logseq-stable";

#[derive(Debug, Default)]
struct Bug {
    /// The segment that recovery left without a sync.
    unsynced: Mutex<Option<PathBuf>>,
}

impl Bug {
    fn unsynced(&self) -> Option<PathBuf> {
        self.unsynced.lock().expect("plain data").clone()
    }
}

impl Steps for Bug {
    const SYNCS_WHAT_IT_RECOVERS: bool = false;

    async fn sync_recovered<F: File>(&self, _file: &F, path: &Path) -> io::Result<()> {
        *self.unsynced.lock().expect("plain data") = Some(path.to_owned());
        Ok(())
    }

    async fn settle<F: FileSystem>(&self, fs: &F) -> io::Result<()> {
        if let Some(path) = self.unsynced() {
            let file = retry!(fs.open(&path, OpenMode::ReadWrite))?;
            retry!(file.sync_all())?;
            *self.unsynced.lock().expect("plain data") = None;
        }
        Ok(())
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
