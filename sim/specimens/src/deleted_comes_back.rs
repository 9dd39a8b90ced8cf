//! Specimen 22: a snapshot that is deleted is forgotten at once, and its file is removed when the store is closed.
//!
//! In between only the handle knows of the deletion. The next open lists the directory, and there it is.
//!
//! Seen in fjall#242. Breaks `delete-durable`: a snapshot whose deletion was acknowledged is back. Needs: a reopening that no
//! orderly close came before; a kill is enough.

use crate::plain::{Plain, Steps, retry};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::FileSystem;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Its name.
pub const NAME: &str = "deleted-comes-back";
/// What is wrong.
pub const BUG: &str = "a deleted snapshot is removed in the close only, and comes back without one";
/// The invariant that it breaks.
pub const BREAKS: &str = "delete-durable";

#[derive(Debug, Default)]
struct Bug {
    /// Manifests of deleted snapshots.
    deleted: Mutex<Vec<PathBuf>>,
}

impl Steps for Bug {
    const SNAPSHOTS: bool = true;

    async fn remove_manifest<F: FileSystem>(&self, _fs: &F, _dir: &Path, manifest: &Path) -> io::Result<()> {
        self.deleted.lock().expect("plain data").push(manifest.to_owned());
        Ok(())
    }

    async fn before_close<F: FileSystem>(&self, fs: &F) -> io::Result<()> {
        let deleted = std::mem::take(&mut *self.deleted.lock().expect("plain data"));
        for manifest in &deleted {
            retry!(fs.unlink(manifest))?;
        }
        match deleted.first().and_then(|manifest| manifest.parent()) {
            Some(dir) => retry!(fs.sync_dir(dir)),
            None => Ok(()),
        }
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
