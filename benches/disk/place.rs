//! Where the benchmark runs: a temporary directory, and what it says of the file system and the machine.
//!
//! The file system is named as the kernel names it, from the longest mount point that leads to the directory. Not told: the
//! device below it, its write cache, and whether it honours a flush.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A directory that is removed at the end, and what is known of where it is.
pub(crate) struct Place {
    dir: TempDir,
    file_system: String,
    mount_options: String,
    kernel: String,
}

impl Place {
    /// A new directory in this one, which must exist.
    pub(crate) fn within(parent: &Path) -> io::Result<Place> {
        let parent = fs::canonicalize(parent)?;
        let dir = TempDir::with_prefix_in("asl-host-bench-", &parent)?;
        let mounts = fs::read_to_string("/proc/self/mounts")?;
        let (file_system, mount_options) = mounted(&mounts, &parent);
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?.trim_end().to_owned();
        Ok(Place { dir, file_system, mount_options, kernel })
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A path in the directory.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn is_memory(&self) -> bool {
        matches!(self.file_system.as_str(), "tmpfs" | "ramfs")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        write!(f, "{} ({}), Linux {}, {cores} cores", self.file_system, self.mount_options, self.kernel)?;
        if self.is_memory() {
            write!(
                f,
                "\nTHIS IS MEMORY, NOT A DISK: a sync costs nothing here, so no figure below is of a disk"
            )?;
        }
        Ok(())
    }
}

/// Type and options of the file system that a path is on, from the table of mounts.
fn mounted(mounts: &str, path: &Path) -> (String, String) {
    let mut found = (0, "an unknown file system", "");
    for line in mounts.lines() {
        let mut fields = line.split(' ').skip(1);
        let (Some(point), Some(kind), Some(options)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        // The kernel writes a space as an escape. A later mount hides an earlier one at the same point.
        let point = point.replace("\\040", " ");
        if path.starts_with(&point) && point.len() >= found.0 {
            found = (point.len(), kind, options);
        }
    }
    (found.1.to_owned(), found.2.to_owned())
}
