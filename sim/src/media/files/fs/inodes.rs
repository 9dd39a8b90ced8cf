//! The inodes of a file system, copied on write: a file system that is cloned (to try several futures of one crash) shares with
//! its copy every inode that neither of them changes.

use super::{Ino, Inode};
use std::ops::{Index, IndexMut};
use std::sync::Arc;

/// Inodes, by number.
#[derive(Clone, Debug)]
pub(super) struct Inodes(Vec<Arc<Inode>>);

impl Inodes {
    pub(super) fn new(root: Inode) -> Inodes {
        Inodes(vec![Arc::new(root)])
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn push(&mut self, inode: Inode) -> Ino {
        self.0.push(Arc::new(inode));
        (self.0.len() - 1) as Ino
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Inode> {
        self.0.iter().map(|inode| &**inode)
    }

    /// Changes those of which the first function says that they need it; the others stay shared.
    pub(super) fn change_where(&mut self, needed: impl Fn(&Inode) -> bool, change: impl FnMut(&mut Inode)) {
        self.0.iter_mut().filter(|inode| needed(inode)).map(Arc::make_mut).for_each(change);
    }
}

impl Index<Ino> for Inodes {
    type Output = Inode;

    fn index(&self, ino: Ino) -> &Inode {
        &self.0[ino as usize]
    }
}

impl IndexMut<Ino> for Inodes {
    /// The inode, no longer shared with anybody.
    fn index_mut(&mut self, ino: Ino) -> &mut Inode {
        Arc::make_mut(&mut self.0[ino as usize])
    }
}
