//! The calls that make, change and look at names.
//!
//! Each is all or nothing at the instant it takes effect; what of it a loss of power keeps is for `dir` and `durable`.
//! A rename inside one directory is one change, across directories it is one in each.
//!
//! Not modelled: `..` in paths, symbolic links, permissions, `RENAME_EXCHANGE`.

use super::dir::DirData;
use super::file::FileData;
use super::{EEXIST, EISDIR, ENOENT, ENOSPC, ENOTDIR, ENOTEMPTY, Fs, Ino, Inode, Node, errno};
use crate::decide::Decider;
use asl_host::fs::{Metadata, OpenMode};
use std::io;

impl Fs {
    pub(super) fn set_entry(
        &mut self,
        dir: Ino,
        name: &str,
        target: Option<Ino>,
        decide: &mut Decider,
    ) -> io::Result<()> {
        let tick = self.next_tick_of_names();
        self.metadata_changes(dir, tick, false);
        if let Some(target) = target {
            let is_new = self.inodes[target].links == 0;
            self.inodes[target].links += 1;
            self.metadata_changes(target, tick, !is_new);
        }
        let (dir, mut cx) = self.dir(dir, decide)?;
        dir.change(name, target, tick, &mut cx);
        Ok(())
    }

    pub(super) fn add_inode(&mut self, key: u32, node: Node) -> io::Result<Ino> {
        if self.space_left == Some(0) {
            return Err(errno(ENOSPC));
        }
        Ok(self.inodes.push(Inode::new(key, node)))
    }

    /// Opens a file; `key` is the new inode's, if one is made. Says whether one was.
    pub(crate) fn open(
        &mut self,
        path: &str,
        mode: OpenMode,
        key: u32,
        decide: &mut Decider,
    ) -> io::Result<(Ino, bool)> {
        let (parent, name) = self.parent(path, decide)?;
        match (self.entry(parent, name, decide)?, mode) {
            (Some(_), OpenMode::CreateNew) => Err(errno(EEXIST)),
            (Some(ino), mode) if self.is_dir(ino) && mode != OpenMode::Read => Err(errno(EISDIR)),
            (Some(ino), _) => Ok((ino, false)),
            (None, OpenMode::Read | OpenMode::ReadWrite) => Err(errno(ENOENT)),
            (None, OpenMode::Create | OpenMode::CreateNew) => {
                let ino = self.add_inode(key, Node::File(FileData::default()))?;
                self.set_entry(parent, name, Some(ino), decide)?;
                Ok((ino, true))
            }
        }
    }

    pub(crate) fn create_dir(&mut self, path: &str, key: u32, decide: &mut Decider) -> io::Result<()> {
        let (parent, name) = self.parent(path, decide)?;
        if self.entry(parent, name, decide)?.is_some() {
            return Err(errno(EEXIST));
        }
        let ino = self.add_inode(key, Node::Dir(DirData::default()))?;
        self.set_entry(parent, name, Some(ino), decide)
    }

    pub(crate) fn remove_dir(&mut self, path: &str, decide: &mut Decider) -> io::Result<()> {
        let (parent, name) = self.parent(path, decide)?;
        let ino = self.entry(parent, name, decide)?.ok_or_else(|| errno(ENOENT))?;
        let (dir, mut cx) = self.dir(ino, decide)?;
        if !dir.is_empty(&mut cx) {
            return Err(errno(ENOTEMPTY));
        }
        self.walked.clear();
        self.set_entry(parent, name, None, decide)
    }

    pub(crate) fn unlink(&mut self, path: &str, decide: &mut Decider) -> io::Result<()> {
        let (parent, name) = self.parent(path, decide)?;
        let ino = self.entry(parent, name, decide)?.ok_or_else(|| errno(ENOENT))?;
        if let Node::File(file) = &self.inodes[ino].node {
            file.recycle(&mut self.medium);
        } else {
            return Err(errno(EISDIR));
        }
        self.set_entry(parent, name, None, decide)
    }

    pub(crate) fn link(&mut self, original: &str, link: &str, decide: &mut Decider) -> io::Result<()> {
        let ino = self.walk(original, decide)?;
        if self.is_dir(ino) {
            return Err(errno(EISDIR));
        }
        let (parent, name) = self.parent(link, decide)?;
        match self.entry(parent, name, decide)? {
            Some(_) => Err(errno(EEXIST)),
            None => self.set_entry(parent, name, Some(ino), decide),
        }
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str, decide: &mut Decider) -> io::Result<()> {
        let (from_dir, from_name) = self.parent(from, decide)?;
        let (to_dir, to_name) = self.parent(to, decide)?;
        let ino = self.entry(from_dir, from_name, decide)?.ok_or_else(|| errno(ENOENT))?;
        if self.is_dir(ino) {
            self.walked.clear();
        }
        match self.entry(to_dir, to_name, decide)? {
            // Two names of one file: rename(2) does nothing.
            Some(target) if target == ino => return Ok(()),
            Some(target) => match (self.is_dir(ino), self.is_dir(target)) {
                (true, false) => return Err(errno(ENOTDIR)),
                (false, true) => return Err(errno(EISDIR)),
                (true, true) => {
                    let (dir, mut cx) = self.dir(target, decide)?;
                    if !dir.is_empty(&mut cx) {
                        return Err(errno(ENOTEMPTY));
                    }
                }
                (false, false) => {}
            },
            None => {}
        }
        let replaces = self.entry(to_dir, to_name, decide)?.is_some();
        let tick = self.next_tick_of_names();
        self.metadata_changes(from_dir, tick, false);
        self.metadata_changes(to_dir, tick, false);
        self.metadata_changes(ino, tick, true);
        if replaces
            && self.axioms.rename_allocates
            && let Ok((file, mut cx)) = self.file(ino, decide)
        {
            file.order_size(tick, &mut cx);
        }
        let (dir, mut cx) = self.dir(from_dir, decide)?;
        if from_dir == to_dir {
            dir.rename(from_name, to_name, ino, tick, &mut cx);
        } else {
            dir.change(from_name, None, tick, &mut cx);
            let (dir, mut cx) = self.dir(to_dir, decide)?;
            dir.change(to_name, Some(ino), tick, &mut cx);
        }
        Ok(())
    }

    pub(crate) fn read_dir(&mut self, path: &str, decide: &mut Decider) -> io::Result<Vec<String>> {
        let ino = self.walk(path, decide)?;
        let (dir, mut cx) = self.dir(ino, decide)?;
        Ok(dir.list(&mut cx).map(str::to_owned).collect())
    }

    /// The inode that a path names.
    pub(crate) fn inode_at(&mut self, path: &str, decide: &mut Decider) -> io::Result<Ino> {
        self.walk(path, decide)
    }

    /// Whether a file may turn out to hold just this after a loss of power; why not, if not.
    pub(crate) fn may_hold(&self, ino: Ino, content: &[u8]) -> Result<(), String> {
        let Node::File(file) = &self.inodes[ino].node else { return Err("a directory".to_owned()) };
        let sizes = file.possible_sizes();
        if !sizes.contains(&(content.len() as u64)) {
            return Err(match sizes[..] {
                [size] => format!("{} bytes long, and it was synced with {size}", content.len()),
                _ => format!("{} bytes long, and it may have {sizes:?}", content.len()),
            });
        }
        let held = file.may_hold(content, &self.medium);
        held.map_err(|byte| format!("byte {byte} on is no version that was written"))
    }

    /// The inode of a directory that is to be synced.
    pub(crate) fn dir_at(&mut self, path: &str, decide: &mut Decider) -> io::Result<Ino> {
        let ino = self.walk(path, decide)?;
        if self.is_dir(ino) { Ok(ino) } else { Err(errno(ENOTDIR)) }
    }

    pub(crate) fn metadata_at(&mut self, path: &str, decide: &mut Decider) -> io::Result<Metadata> {
        let ino = self.walk(path, decide)?;
        Ok(self.metadata(ino, decide))
    }

    pub(crate) fn metadata(&mut self, ino: Ino, decide: &mut Decider) -> Metadata {
        match self.parts(ino, decide) {
            (Node::File(file), mut cx) => {
                Metadata { len: file.len(&mut cx), is_dir: false, inode: u64::from(ino) }
            }
            (Node::Dir(_), _) => Metadata { len: 0, is_dir: true, inode: u64::from(ino) },
        }
    }
}
