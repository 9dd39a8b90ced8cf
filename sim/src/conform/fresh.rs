//! The fresh place that a conform makes for itself: a directory, or a prefix in a bucket. Each check gets a place of its own in it,
//! and all of it is removed at the end.
//!
//! Not removed: what a kill that cannot be caught leaves, old versions of objects in a bucket that keeps them, and uploads in parts
//! that were not completed.

use super::{Outcome, PREFIX, Refused, check_names};
use crate::surroundings::FileSystem;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// How often it is tried to remove the fresh directory, and how long is waited in between.
const REMOVALS_MAX: u32 = 20;
const REMOVAL_PAUSE: Duration = Duration::from_millis(50);

/// Where the checks are carried out.
#[derive(Debug)]
pub(super) enum Fresh {
    Dir(TempDir, FileSystem),
    #[cfg(feature = "vendors")]
    Prefix(super::bucket::Prefix),
}

impl Fresh {
    /// A fresh directory in one that exists.
    pub(super) fn dir_in(location: &Path) -> Result<Fresh, Refused> {
        match location.metadata() {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(Refused::Location("it is not a directory")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Refused::Location("there is no such directory"));
            }
            Err(error) => return Err(Refused::Io(error)),
        }
        let location = location.canonicalize().map_err(Refused::Io)?;
        if location.to_str().is_none() {
            return Err(Refused::Location("its name is not UTF-8, as the locations of stores are"));
        }
        let file_system = FileSystem::of(&location).map_err(Refused::Io)?;
        let fresh =
            tempfile::Builder::new().prefix(PREFIX).tempdir_in(&location).map_err(Refused::NotWritable)?;
        Ok(Fresh::Dir(fresh, file_system))
    }

    /// An empty place for a check of this name; or why there is none.
    pub(super) fn place(&self, name: &str) -> Result<String, String> {
        match self {
            Fresh::Dir(dir, _) => {
                let root = dir.path().join(name);
                let made = fs::create_dir(&root);
                made.map_err(|error| format!("no directory can be made for it: {error}"))?;
                Ok(root.to_str().expect("its parent's name is text").to_owned())
            }
            #[cfg(feature = "vendors")]
            Fresh::Prefix(prefix) => Ok(prefix.below(name)),
        }
    }

    /// Removes the place of a check. Where it hung its thread may still be at work; the end of all tells whether something is left.
    pub(super) fn remove(&self, root: &str) {
        match self {
            Fresh::Dir(..) => drop(fs::remove_dir_all(root)),
            // At the end: one list and a few requests remove what all checks have left.
            #[cfg(feature = "vendors")]
            Fresh::Prefix(_) => {}
        }
    }

    /// Removes it all, and makes sure that hosts kept to the places that they were given.
    pub(super) fn clean_up(self) -> Outcome {
        match self {
            Fresh::Dir(dir, _) => clean_up(dir),
            #[cfg(feature = "vendors")]
            Fresh::Prefix(prefix) => prefix.clean_up(),
        }
    }
}

/// Names that none of the checks has, if the host made some.
pub(super) fn strange(names: impl Iterator<Item = String>) -> Option<String> {
    let strange: Vec<String> = names.filter(|name| !check_names().any(|known| known == name)).collect();
    (!strange.is_empty()).then(|| strange.join(", "))
}

fn clean_up(fresh: TempDir) -> Outcome {
    let beside = fs::read_dir(fresh.path()).map(|entries| {
        strange(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()))
    });
    let path = fresh.path().to_path_buf();
    let closed = remove(fresh);
    match (beside, closed) {
        (Ok(Some(strange)), _) => Outcome::Failed(format!("the host made {strange} beside its directory")),
        (_, Err(error)) if path.exists() => Outcome::Failed(format!("{} is left: {error}", path.display())),
        _ => Outcome::Passed,
    }
}

/// Removes a directory. What was interrupted may go on making files in it for a moment.
fn remove(dir: TempDir) -> io::Result<()> {
    for _ in 0..REMOVALS_MAX {
        if fs::remove_dir_all(dir.path()).is_ok() {
            break;
        }
        std::thread::park_timeout(REMOVAL_PAUSE);
    }
    match dir.close() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        closed => closed,
    }
}
