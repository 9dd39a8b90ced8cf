//! How files are called in a story: by the path that they were opened by, or renamed to since. Kept only where somebody wants to
//! explain a run; nothing here decides anything.

use super::ROOT;
use super::fs::Ino;
use std::collections::BTreeMap;

/// The names of a run's files.
#[derive(Clone, Debug)]
pub(super) struct Names {
    paths: BTreeMap<Ino, String>,
    /// Inodes, by the handle that they were opened with.
    handles: BTreeMap<u64, Ino>,
}

/// The directory above all, and the hosts' root in it, which no call makes.
const TOP: Ino = 0;
const HOSTS_ROOT: Ino = 1;

impl Names {
    /// Those of a file system in which only the hosts' root is.
    pub(super) fn new() -> Names {
        let paths = [(TOP, "/".to_owned()), (HOSTS_ROOT, ROOT.to_owned())];
        Names { paths: paths.into(), handles: BTreeMap::new() }
    }

    /// The path of an inode; nothing if it never had one.
    pub(super) fn of(&self, ino: Ino) -> String {
        self.paths.get(&ino).cloned().unwrap_or_default()
    }

    /// The path of what a handle was opened on.
    pub(super) fn of_handle(&self, handle: u64) -> String {
        self.handles.get(&handle).map_or_else(String::new, |ino| self.of(*ino))
    }

    /// A path stands for an inode.
    pub(super) fn is_named(&mut self, ino: Ino, path: &str) {
        self.paths.insert(ino, path.trim_end_matches('/').to_owned());
    }

    pub(super) fn is_opened(&mut self, handle: u64, ino: Ino, path: &str) {
        self.handles.insert(handle, ino);
        self.is_named(ino, path);
    }

    /// A path, and all that is below it, has another name.
    pub(super) fn is_renamed(&mut self, from: &str, to: &str) {
        for path in self.paths.values_mut() {
            match path.strip_prefix(from) {
                Some(rest) if rest.is_empty() || rest.starts_with('/') => *path = format!("{to}{rest}"),
                _ => {}
            }
        }
    }
}
