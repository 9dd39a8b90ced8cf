//! The calls that make, change and look at names, by the directory's inode and the name in it: what a mounted file system is
//! asked for. The calls by path (`calls_names`) come down to these.
//!
//! Each is all or nothing at the instant it takes effect. An exchange of two names is one change where both are in one
//! directory, and one in each where they are not, as a rename is. The target of a symbolic link is durable with its inode, as
//! where file systems keep it in the inode: only the name can be lost.
//!
//! Not modelled: what devices, pipes and sockets do; they are names with attributes.

use super::attributes::{Form, Owned};
use super::dir::DirData;
use super::file::FileData;
use super::{EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, Fs, Ino, Node, errno};
use crate::base::decide::Decider;
use std::io;

/// What is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum New<'a> {
    File,
    Dir,
    /// A symbolic link, and what it points to.
    Symlink(&'a str),
}

/// What a rename does with a name that is taken (renameat2(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Replaced,
    Refused,
    Exchanged,
}

/// A name, by the directory that it is in.
pub(crate) type At<'a> = (Ino, &'a str);

impl Fs {
    /// Makes an inode and gives it a name.
    pub(crate) fn make_at(
        &mut self,
        (dir, name): At<'_>,
        key: u32,
        new: New<'_>,
        owned: Option<Owned>,
        decide: &mut Decider,
    ) -> io::Result<Ino> {
        if self.entry(dir, name, decide)?.is_some() {
            return Err(errno(EEXIST));
        }
        let node = match new {
            New::File => Node::File(FileData::default()),
            New::Dir => Node::Dir(DirData::default()),
            New::Symlink(target) => Node::File(FileData::durable(target.as_bytes(), self.surface.sector_len)),
        };
        let ino = self.add_inode(key, node)?;
        if let Some(owned) = owned {
            self.inodes[ino].begins_with(owned);
        }
        self.set_entry(dir, name, Some(ino), decide)?;
        Ok(ino)
    }

    pub(crate) fn unlink_at(&mut self, (dir, name): At<'_>, decide: &mut Decider) -> io::Result<()> {
        let ino = self.entry(dir, name, decide)?.ok_or_else(|| errno(ENOENT))?;
        let Node::File(file) = &self.inodes[ino].node else { return Err(errno(EISDIR)) };
        file.recycle(&mut self.surface);
        self.set_entry(dir, name, None, decide)
    }

    pub(crate) fn remove_dir_at(&mut self, (dir, name): At<'_>, decide: &mut Decider) -> io::Result<()> {
        let ino = self.entry(dir, name, decide)?.ok_or_else(|| errno(ENOENT))?;
        self.check_empty(ino, decide)?;
        self.walked.clear();
        self.set_entry(dir, name, None, decide)
    }

    pub(crate) fn link_at(&mut self, ino: Ino, (dir, name): At<'_>, decide: &mut Decider) -> io::Result<()> {
        if self.is_dir(ino) {
            return Err(errno(EISDIR));
        }
        match self.entry(dir, name, decide)? {
            Some(_) => Err(errno(EEXIST)),
            None => self.set_entry(dir, name, Some(ino), decide),
        }
    }

    /// Gives what a name stands for another name.
    pub(crate) fn rename_at(
        &mut self,
        from: At<'_>,
        to: At<'_>,
        taken: Taken,
        decide: &mut Decider,
    ) -> io::Result<()> {
        let ino = self.entry(from.0, from.1, decide)?.ok_or_else(|| errno(ENOENT))?;
        let target = self.entry(to.0, to.1, decide)?;
        match (taken, target) {
            (Taken::Refused, Some(_)) => return Err(errno(EEXIST)),
            (Taken::Exchanged, None) => return Err(errno(ENOENT)),
            // Two names of one file: rename(2) does nothing.
            (_, Some(target)) if target == ino => return Ok(()),
            (Taken::Exchanged, Some(target)) => return self.exchange((from, ino), (to, target), decide),
            (Taken::Replaced, Some(target)) => self.check_replaceable(ino, target, decide)?,
            (_, None) => {}
        }
        if self.is_dir(ino) {
            self.walked.clear();
        }
        self.do_rename(from, to, ino, target.is_some(), decide)
    }

    fn do_rename(
        &mut self,
        (from_dir, from_name): At<'_>,
        (to_dir, to_name): At<'_>,
        ino: Ino,
        replaces: bool,
        decide: &mut Decider,
    ) -> io::Result<()> {
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

    fn exchange(
        &mut self,
        ((one_dir, one_name), one): (At<'_>, Ino),
        ((other_dir, other_name), other): (At<'_>, Ino),
        decide: &mut Decider,
    ) -> io::Result<()> {
        self.walked.clear();
        let tick = self.next_tick_of_names();
        self.metadata_changes(one_dir, tick, false);
        self.metadata_changes(other_dir, tick, false);
        self.metadata_changes(one, tick, true);
        self.metadata_changes(other, tick, true);
        let (dir, mut cx) = self.dir(one_dir, decide)?;
        if one_dir == other_dir {
            dir.exchange((one_name, one), (other_name, other), tick, &mut cx);
        } else {
            dir.change(one_name, Some(other), tick, &mut cx);
            let (dir, mut cx) = self.dir(other_dir, decide)?;
            dir.change(other_name, Some(one), tick, &mut cx);
        }
        Ok(())
    }

    /// Whether a rename may put an inode where another is.
    fn check_replaceable(&mut self, ino: Ino, target: Ino, decide: &mut Decider) -> io::Result<()> {
        match (self.is_dir(ino), self.is_dir(target)) {
            (true, false) => Err(errno(ENOTDIR)),
            (false, true) => Err(errno(EISDIR)),
            (true, true) => self.check_empty(target, decide),
            (false, false) => Ok(()),
        }
    }

    fn check_empty(&mut self, ino: Ino, decide: &mut Decider) -> io::Result<()> {
        let (dir, mut cx) = self.dir(ino, decide)?;
        if dir.is_empty(&mut cx) { Ok(()) } else { Err(errno(ENOTEMPTY)) }
    }

    /// What a name stands for.
    pub(crate) fn look_up(&mut self, (dir, name): At<'_>, decide: &mut Decider) -> io::Result<Ino> {
        self.entry(dir, name, decide)?.ok_or_else(|| errno(ENOENT))
    }

    /// The names in a directory, sorted, and what they stand for.
    pub(crate) fn names_in(&mut self, dir: Ino, decide: &mut Decider) -> io::Result<Vec<(String, Ino)>> {
        let (dir, mut cx) = self.dir(dir, decide)?;
        Ok(dir.entries(&mut cx).map(|(name, ino)| (name.to_owned(), ino)).collect())
    }

    /// What a symbolic link points to.
    pub(crate) fn link_target(&mut self, ino: Ino, decide: &mut Decider) -> io::Result<String> {
        if self.form(ino) != Form::Symlink {
            return Err(errno(EINVAL));
        }
        let mut target = vec![0; self.metadata(ino, decide).len as usize];
        self.read(ino, &mut target, 0, decide)?;
        Ok(String::from_utf8(target).expect("it was made of a string"))
    }

    /// Whether there is an inode of this number.
    pub(crate) fn has_inode(&self, ino: Ino) -> bool {
        (ino as usize) < self.inodes.len()
    }
}
