//! Directories for the worlds of runs, all in one of this process's, which the watchdog removes when we are gone.

use super::watchdog;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use tempfile::{Builder, TempDir};

/// What the names of directories that are ours begin with.
const PREFIX: &str = "asl-sim-exec-";

static BASE: Mutex<Option<PathBuf>> = Mutex::new(None);

/// The directory that all of them are in. It is made by the first that asks; nothing may be mounted yet then, so that the watchdog
/// does not see it.
pub(super) fn base() -> io::Result<PathBuf> {
    let mut base = BASE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(base) = base.as_ref().filter(|base| base.is_dir()) {
        return Ok(base.clone());
    }
    let made = Builder::new().prefix(PREFIX).tempdir()?.keep().canonicalize()?;
    watchdog::remove_when_gone(&made)?;
    *base = Some(made.clone());
    Ok(made)
}

/// A fresh directory for a run.
pub(super) fn fresh() -> io::Result<TempDir> {
    Builder::new().prefix("run-").tempdir_in(base()?)
}
