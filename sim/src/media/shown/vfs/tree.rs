//! What a mount knows of names that the file system does not keep: how many each inode has, and one path for each.
//!
//! It is made by walking the whole tree, as a file system's own recovery does when it is mounted: which names a loss of power
//! left is decided then.

use super::Owner;
use crate::media::files::At;
use crate::media::files::fs::{Ino, Owned};
use std::collections::BTreeMap;
use std::io;

/// What is known of an inode's names.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The directory that its last name is in, and that name.
    parent: Ino,
    name: String,
    /// How many names it has.
    names: u32,
    /// How many of the names in it are directories'.
    subdirs: u32,
    is_dir: bool,
}

/// All names below a root.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: Ino,
    /// The path that the root has in the world.
    prefix: String,
    known: BTreeMap<Ino, Known>,
}

impl Tree {
    pub(super) fn walk(world: &mut At<'_>, prefix: &str, owner: Owner) -> io::Result<Tree> {
        let root = world.files.fs.dir_at(prefix, &mut world.executor.decide)?;
        let prefix = prefix.trim_end_matches('/').to_owned();
        let mut tree = Tree { root, prefix, known: BTreeMap::new() };
        tree.known.insert(root, Known { parent: root, names: 1, is_dir: true, ..Known::default() });
        give(world, root, owner);
        let mut dirs = vec![root];
        while let Some(dir) = dirs.pop() {
            for (name, ino) in world.files.fs.names_in(dir, &mut world.executor.decide)? {
                give(world, ino, owner);
                let is_dir = world.files.fs.is_dir(ino);
                // A loss of power may leave two names of one directory, where no order forbids it.
                if is_dir && !tree.known.contains_key(&ino) {
                    dirs.push(ino);
                }
                tree.add(dir, &name, ino, is_dir);
            }
        }
        Ok(tree)
    }

    /// The inode has another name.
    pub(super) fn add(&mut self, parent: Ino, name: &str, ino: Ino, is_dir: bool) {
        let known = self.known.entry(ino).or_default();
        known.names += 1;
        (known.parent, known.is_dir) = (parent, is_dir);
        name.clone_into(&mut known.name);
        self.count_subdirs(parent, is_dir, 1);
    }

    /// A name of the inode is gone.
    pub(super) fn remove(&mut self, parent: Ino, ino: Ino) {
        let known = self.known.entry(ino).or_default();
        known.names = known.names.saturating_sub(1);
        let is_dir = known.is_dir;
        self.count_subdirs(parent, is_dir, -1);
    }

    fn count_subdirs(&mut self, parent: Ino, is_dir: bool, by: i32) {
        if is_dir {
            let parent = self.known.entry(parent).or_default();
            parent.subdirs = parent.subdirs.saturating_add_signed(by);
        }
    }

    /// How many links stat(2) tells of.
    pub(super) fn links(&self, ino: Ino) -> u32 {
        let Some(known) = self.known.get(&ino) else { return 0 };
        match (known.is_dir, known.names) {
            (true, 0) => 0,
            (true, _) => 2 + known.subdirs,
            (false, names) => names,
        }
    }

    pub(super) fn parent(&self, ino: Ino) -> Ino {
        self.known.get(&ino).map_or(self.root, |known| known.parent)
    }

    /// A path of an inode, as the world has it.
    pub(super) fn path(&self, ino: Ino) -> String {
        let (mut names, mut at) = (Vec::new(), ino);
        while at != self.root
            && names.len() < Self::DEPTH_MAX
            && let Some(known) = self.known.get(&at)
        {
            names.push(known.name.as_str());
            at = known.parent;
        }
        names.iter().rev().fold(self.prefix.clone(), |path, name| path + "/" + name)
    }

    /// A loss of power may leave directories that are inside of each other.
    const DEPTH_MAX: usize = 256;

    pub(super) fn path_at(&self, dir: Ino, name: &str) -> String {
        self.path(dir) + "/" + name
    }
}

/// Inodes that were made by somebody who knows of no attributes get some.
fn give(world: &mut At<'_>, ino: Ino, Owner { uid, gid }: Owner) {
    if world.files.fs.owned(ino).is_none() {
        let mode = if world.files.fs.is_dir(ino) { 0o755 } else { 0o644 };
        world.files.fs.begin_owned(ino, Owned { mode, uid, gid, ..Owned::default() });
    }
}
