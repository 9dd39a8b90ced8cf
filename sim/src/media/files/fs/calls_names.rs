//! The calls that make, change and look at names, by path: what hosts inside this process ask for.
//!
//! Each is all or nothing at the instant it takes effect; what of it a loss of power keeps is for `dir` and `durable`.
//! A rename inside one directory is one change, across directories it is one in each.
//!
//! Not modelled: `..` in paths, permissions, symbolic links (a path does not lead through them: a mount's kernel follows them).

use super::calls_at::{New, Taken};
use super::file::FileData;
use super::{EEXIST, EISDIR, ENOENT, ENOSPC, ENOTDIR, Fs, Ino, Inode, Node, errno};
use crate::base::decide::Decider;
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

    pub(crate) fn create_dir(&mut self, path: &str, key: u32, decide: &mut Decider) -> io::Result<Ino> {
        let at = self.parent(path, decide)?;
        self.make_at(at, key, New::Dir, None, decide)
    }

    pub(crate) fn remove_dir(&mut self, path: &str, decide: &mut Decider) -> io::Result<()> {
        let at = self.parent(path, decide)?;
        self.remove_dir_at(at, decide)
    }

    pub(crate) fn unlink(&mut self, path: &str, decide: &mut Decider) -> io::Result<()> {
        let at = self.parent(path, decide)?;
        self.unlink_at(at, decide)
    }

    pub(crate) fn link(&mut self, original: &str, link: &str, decide: &mut Decider) -> io::Result<()> {
        let ino = self.walk(original, decide)?;
        let at = self.parent(link, decide)?;
        self.link_at(ino, at, decide)
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str, decide: &mut Decider) -> io::Result<()> {
        let (from, to) = (self.parent(from, decide)?, self.parent(to, decide)?);
        self.rename_at(from, to, Taken::Replaced, decide)
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
        let held = file.may_hold(content, &self.surface);
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
