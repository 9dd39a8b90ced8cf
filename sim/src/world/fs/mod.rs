//! A file system that loses what POSIX lets it lose: inodes by number, with a persistence graph each.
//!
//! In profile `posix`, the weakest, a call is durable only when a sync of *its* file or directory says so; what others promise
//! beyond that is in [`profile`]. This is a synchronous state machine; time, scheduling and injected errors are the runtime's.
//! [`file`] has the rules for data and sizes, `dir` those for names, `crash` what a loss of power leaves of data; all keep what
//! is pending *by inode*, since a list by path is wrong after a rename.
//!
//! Where a profile gives metadata an order, how far it had been committed is decided at the moment of the crash; the rest is
//! then independent.
//!
//! Modelled: files, directories, hard links, rename, flock, sparse sizes, preallocation, a limit on space, orphans (an
//! unlinked file lives as long as a handle), crash states decided lazily through the decision map.
//!
//! Not modelled: permissions, symbolic links, times, extended attributes, mmap, `O_APPEND` and `O_DIRECT`, and directory
//! entries' space.

mod crash;
mod dir;
pub(crate) mod file;
#[cfg(test)]
mod litmus;
pub(crate) mod media;
pub(crate) mod profile;

use crate::decide::{Address, Decider, Lean, Question};
use asl_host::fs::{Metadata, OpenMode};
use crash::PowerCut;
use dir::DirData;
use file::{FileData, Resolve, Tick};
pub use profile::Profile;
use profile::{Axioms, FailedSync, NamesSynced, Order};
use serde::{Deserialize, Serialize};
use std::io;

/// An inode's number.
pub(crate) type Ino = u32;

/// What a sector holds that was lost, or never written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fill {
    /// Zeros.
    Zeros,
    /// Bytes that nobody wrote.
    Garbage,
    /// A sector that belonged to some file before.
    Stale,
    /// Each of these, sector by sector.
    Mixed,
}

/// Settings of the medium and what its free sectors hold.
#[derive(Clone, Debug)]
pub(crate) struct Medium {
    pub(crate) sector_len: usize,
    pub(crate) fill: Fill,
    stale: Vec<Box<[u8]>>,
    states: MediaStates,
}

/// How often recovery met what a crash had done to the medium.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MediaStates {
    /// Crash states that were decided: sizes, sectors and changes of names.
    pub(crate) decided: u64,
    pub(crate) sectors_lost: u32,
    /// Sectors of which a version between the oldest and the newest was there.
    pub(crate) sectors_between: u32,
    pub(crate) sizes_lost: u32,
    pub(crate) names_lost: u32,
    /// Crashes that had lost the end of the order that a journal gives.
    pub(crate) commits_lost: u32,
    /// Failed syncs that reverted what they should have made durable.
    pub(crate) reverted: u32,
    pub(crate) filled_with_zeros: u32,
    pub(crate) filled_with_garbage: u32,
    pub(crate) filled_with_stale: u32,
}

impl Medium {
    const STALE_SECTORS_MAX: usize = 16;

    pub(crate) fn new(sector_len: u32, fill: Fill) -> Medium {
        Medium { sector_len: sector_len as usize, fill, stale: Vec::new(), states: MediaStates::default() }
    }
}

#[derive(Clone, Debug)]
enum Node {
    File(FileData),
    Dir(DirData),
}

#[derive(Clone, Debug)]
struct Inode {
    /// Stable across replays, unlike the number: made of the site that created it.
    key: u32,
    node: Node,
    /// Failed syncs so far; a handle that has seen fewer is told at its next sync.
    sync_errors: u32,
    /// The handle that holds the lock.
    lock: Option<u64>,
    /// When its own metadata changed, where that matters and is not known to be committed.
    changes: Vec<Tick>,
}

impl Inode {
    fn new(key: u32, node: Node) -> Inode {
        Inode { key, node, sync_errors: 0, lock: None, changes: Vec::new() }
    }
}

/// The state of the file system.
#[derive(Clone, Debug)]
pub(crate) struct Fs {
    axioms: &'static Axioms,
    inodes: Vec<Inode>,
    tick: Tick,
    /// What has an order is durable up to here; where data have one too, changes of names are.
    committed: Tick,
    /// The other changes that have a place in the order.
    journal: Vec<Ordered>,
    medium: Medium,
    /// Bytes that may still be added, if that is limited.
    space_left: Option<u64>,
    /// Directories that were walked to lately, by path; forgotten when a directory's name changes.
    walked: Vec<(Box<str>, Ino)>,
}

/// A change that has its place in an order.
#[derive(Clone, Copy, Debug)]
struct Ordered {
    tick: Tick,
    of_names: bool,
}

const ROOT: Ino = 0;
/// Larger offsets are refused with EFBIG: no host that is under test means them.
const FILE_LEN_MAX: u64 = 1 << 32;

/// An error of the operating system, by its number in errno(3).
pub(crate) fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

pub(crate) const ENOENT: i32 = 2;
pub(crate) const EINTR: i32 = 4;
pub(crate) const EIO: i32 = 5;
pub(crate) const EEXIST: i32 = 17;
pub(crate) const ENOTDIR: i32 = 20;
pub(crate) const EISDIR: i32 = 21;
pub(crate) const EINVAL: i32 = 22;
pub(crate) const EFBIG: i32 = 27;
pub(crate) const ENOSPC: i32 = 28;
pub(crate) const ENOTEMPTY: i32 = 39;

impl Fs {
    pub(crate) fn new(profile: Profile, medium: Medium) -> Fs {
        Fs {
            axioms: profile.axioms(),
            inodes: vec![Inode::new(0, Node::Dir(DirData::default()))],
            tick: 0,
            committed: 0,
            journal: Vec::new(),
            medium,
            space_left: None,
            walked: Vec::new(),
        }
    }

    /// What recovery met so far.
    pub(crate) fn states(&self) -> MediaStates {
        self.medium.states
    }

    /// Changes up to this number are covered by a sync that is issued now.
    pub(crate) fn mark(&self) -> Tick {
        self.tick
    }

    /// Limits, or frees, the space that files may grow into. Says whether that changed anything.
    pub(crate) fn limit_space(&mut self, bytes: Option<u64>) -> bool {
        let changed = self.space_left.is_some() || bytes.is_some();
        self.space_left = bytes;
        changed
    }

    fn next_tick(&mut self) -> Tick {
        self.tick += 1;
        self.tick
    }

    /// The next change, which is one of names.
    fn next_tick_of_names(&mut self) -> Tick {
        let tick = self.next_tick();
        if self.axioms.order != Order::None {
            self.journal.push(Ordered { tick, of_names: true });
        }
        tick
    }

    /// The next change, which is one of a file: of its data, or its size and blocks alone.
    fn next_tick_of_file(&mut self, of_data: bool) -> Tick {
        let tick = self.next_tick();
        let has_order = match self.axioms.order {
            Order::None => false,
            Order::Metadata => !of_data,
            Order::Everything => true,
        };
        if has_order {
            self.journal.push(Ordered { tick, of_names: false });
        }
        tick
    }

    /// An inode's own metadata change.
    fn metadata_changes(&mut self, ino: Ino, tick: Tick) {
        if self.axioms.file_sync == NamesSynced::UpToOwnChange {
            let changes = &mut self.inodes[ino as usize].changes;
            if changes.first().is_some_and(|first| *first <= self.committed) {
                changes.retain(|change| *change > self.committed);
            }
            changes.push(tick);
        }
    }

    /// An inode, and what deciding its state needs.
    fn parts<'a>(&'a mut self, ino: Ino, decide: &'a mut Decider) -> (&'a mut Node, Resolve<'a>) {
        let inode = &mut self.inodes[ino as usize];
        (&mut inode.node, Resolve { inode_key: inode.key, decide, medium: &mut self.medium })
    }

    fn dir<'a>(
        &'a mut self,
        ino: Ino,
        decide: &'a mut Decider,
    ) -> io::Result<(&'a mut DirData, Resolve<'a>)> {
        match self.parts(ino, decide) {
            (Node::Dir(dir), resolve) => Ok((dir, resolve)),
            (Node::File(_), _) => Err(errno(ENOTDIR)),
        }
    }

    fn file<'a>(
        &'a mut self,
        ino: Ino,
        decide: &'a mut Decider,
    ) -> io::Result<(&'a mut FileData, Resolve<'a>)> {
        match self.parts(ino, decide) {
            (Node::File(file), resolve) => Ok((file, resolve)),
            (Node::Dir(_), _) => Err(errno(EISDIR)),
        }
    }

    pub(crate) fn is_dir(&self, ino: Ino) -> bool {
        matches!(self.inodes[ino as usize].node, Node::Dir(_))
    }

    /// The directory that a path's last name is in, and that name.
    fn parent<'p>(&mut self, path: &'p str, decide: &mut Decider) -> io::Result<(Ino, &'p str)> {
        let path = path.trim_end_matches('/');
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name.is_empty() || name == "." || name == ".." {
            return Err(errno(EINVAL));
        }
        Ok((self.walk_to_parent(parent, decide)?, name))
    }

    /// As [`Fs::walk`], remembering the answer: hosts work in few directories.
    fn walk_to_parent(&mut self, path: &str, decide: &mut Decider) -> io::Result<Ino> {
        if let Some((_, ino)) = self.walked.iter().find(|(known, _)| known.as_ref() == path) {
            return Ok(*ino);
        }
        let ino = self.walk(path, decide)?;
        if self.is_dir(ino) && self.walked.len() < Fs::WALKED_MAX {
            self.walked.push((path.into(), ino));
        }
        Ok(ino)
    }

    const WALKED_MAX: usize = 8;

    /// The inode that a path names. Paths are absolute; `.` and `..` are not known.
    fn walk(&mut self, path: &str, decide: &mut Decider) -> io::Result<Ino> {
        let mut ino = ROOT;
        for name in path.split('/').filter(|name| !name.is_empty() && *name != ".") {
            ino = self.entry(ino, name, decide)?.ok_or_else(|| errno(ENOENT))?;
        }
        Ok(ino)
    }

    fn entry(&mut self, dir: Ino, name: &str, decide: &mut Decider) -> io::Result<Option<Ino>> {
        let (dir, mut cx) = self.dir(dir, decide)?;
        Ok(dir.lookup(name, &mut cx))
    }

    fn set_entry(
        &mut self,
        dir: Ino,
        name: &str,
        target: Option<Ino>,
        decide: &mut Decider,
    ) -> io::Result<()> {
        let tick = self.next_tick_of_names();
        self.metadata_changes(dir, tick);
        if let Some(target) = target {
            self.metadata_changes(target, tick);
        }
        let (dir, mut cx) = self.dir(dir, decide)?;
        dir.change(name, target, tick, &mut cx);
        Ok(())
    }

    fn add_inode(&mut self, key: u32, node: Node) -> io::Result<Ino> {
        if self.space_left == Some(0) {
            return Err(errno(ENOSPC));
        }
        self.inodes.push(Inode::new(key, node));
        Ok((self.inodes.len() - 1) as Ino)
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
        if let Node::File(file) = &self.inodes[ino as usize].node {
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
        self.metadata_changes(from_dir, tick);
        self.metadata_changes(to_dir, tick);
        self.metadata_changes(ino, tick);
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
        let Node::File(file) = &self.inodes[ino as usize].node else { return Err("a directory".to_owned()) };
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

    pub(crate) fn read(
        &mut self,
        ino: Ino,
        buffer: &mut [u8],
        offset: u64,
        decide: &mut Decider,
    ) -> io::Result<usize> {
        let (file, mut cx) = self.file(ino, decide)?;
        let count = file.read(buffer, offset, &mut cx);
        self.check_readable(ino, offset, count)?;
        Ok(count)
    }

    /// Writes what there is space for, and says how much that was (F6).
    pub(crate) fn write(
        &mut self,
        ino: Ino,
        data: &[u8],
        offset: u64,
        decide: &mut Decider,
    ) -> io::Result<usize> {
        let end = offset
            .checked_add(data.len() as u64)
            .filter(|&end| end <= FILE_LEN_MAX)
            .ok_or_else(|| errno(EFBIG))?;
        let space_left = self.space_left;
        let (file, mut cx) = self.file(ino, decide)?;
        let growth = end.saturating_sub(file.len(&mut cx));
        let missing = space_left.map_or(0, |left| growth.saturating_sub(left));
        let count = data.len().saturating_sub(usize::try_from(missing).unwrap_or(usize::MAX));
        if count == 0 && !data.is_empty() {
            return Err(errno(ENOSPC));
        }
        let sector_len = self.medium.sector_len;
        let (file, _) = self.file(ino, decide)?;
        if !file.overwrites(offset as usize, count, sector_len) {
            return Err(errno(EIO));
        }
        self.write_pieces(ino, &data[..count], offset, decide)?;
        if let Some(left) = &mut self.space_left {
            *left -= growth - missing;
        }
        Ok(count)
    }

    /// A change for each piece of a write that is atomic by itself, where the order of changes makes a difference.
    fn write_pieces(
        &mut self,
        ino: Ino,
        mut data: &[u8],
        mut offset: u64,
        decide: &mut Decider,
    ) -> io::Result<()> {
        while !data.is_empty() {
            let tick = self.next_tick_of_file(true);
            let grid = self.axioms.atomic_write_len.unwrap_or(u64::MAX);
            let len = usize::try_from(grid - offset % grid).unwrap_or(usize::MAX).min(data.len());
            let (piece, rest) = data.split_at(len);
            let (file, mut cx) = self.file(ino, decide)?;
            if file.write(piece, offset, tick, &mut cx) {
                self.metadata_changes(ino, tick);
            }
            (data, offset) = (rest, offset + len as u64);
        }
        Ok(())
    }

    pub(crate) fn set_len(&mut self, ino: Ino, len: u64, decide: &mut Decider) -> io::Result<()> {
        if len > FILE_LEN_MAX {
            return Err(errno(EFBIG));
        }
        let (file, mut cx) = self.file(ino, decide)?;
        let old = file.len(&mut cx);
        if old == len {
            return Ok(());
        }
        let tick = self.next_tick_of_file(false);
        self.metadata_changes(ino, tick);
        let (file, mut cx) = self.file(ino, decide)?;
        file.set_len(len, tick, &mut cx);
        if let Some(left) = &mut self.space_left {
            *left += old.saturating_sub(len);
        }
        Ok(())
    }

    /// Makes sure that there is space for a range, extending the file if need be (fallocate(2), mode 0).
    pub(crate) fn allocate(
        &mut self,
        ino: Ino,
        offset: u64,
        len: u64,
        decide: &mut Decider,
    ) -> io::Result<()> {
        if len == 0 {
            return Err(errno(EINVAL));
        }
        let end = offset.checked_add(len).filter(|&end| end <= FILE_LEN_MAX).ok_or_else(|| errno(EFBIG))?;
        let space_left = self.space_left;
        let (file, mut cx) = self.file(ino, decide)?;
        let growth = end.saturating_sub(file.len(&mut cx));
        if space_left.is_some_and(|left| growth > left) {
            return Err(errno(ENOSPC));
        }
        let tick = self.next_tick_of_file(false);
        self.metadata_changes(ino, tick);
        let (file, mut cx) = self.file(ino, decide)?;
        file.allocate(offset as usize, end as usize, tick, &mut cx);
        if let Some(left) = &mut self.space_left {
            *left -= growth;
        }
        Ok(())
    }

    pub(crate) fn sync(&mut self, ino: Ino, mark: Tick, data_only: bool) {
        let (sector_len, file_sync) = (self.medium.sector_len, self.axioms.file_sync);
        match &mut self.inodes[ino as usize].node {
            Node::File(file) => {
                file.sync(mark, data_only && file_sync == NamesSynced::None, sector_len);
            }
            Node::Dir(dir) if self.axioms.order == Order::None => dir.sync(mark),
            Node::Dir(_) => {}
        }
        match file_sync {
            NamesSynced::None => {}
            NamesSynced::OwnOfNewInode => self.persist_new(ino),
            NamesSynced::UpToOwnChange => {
                let changes = self.inodes[ino as usize].changes.iter();
                let own = changes.rev().find(|change| **change <= mark).copied();
                self.commit(own.unwrap_or(0));
            }
            NamesSynced::AllEarlier => self.commit(mark),
        }
    }

    /// Makes durable what has an order, up to here; where data have one too, the names only: a file's data take a sync of it.
    fn commit(&mut self, upto: Tick) {
        if upto > self.committed {
            self.committed = upto;
            let names_only = self.axioms.order == Order::Everything;
            self.journal.retain(|change| change.tick > upto || (names_only && !change.of_names));
        }
    }

    /// Makes the names of an inode durable, unless it has a durable one, and those of the directories above it likewise.
    fn persist_new(&mut self, ino: Ino) {
        let is_known = |inode: &Inode| matches!(&inode.node, Node::Dir(dir) if dir.has_durable(ino));
        if ino == ROOT || self.inodes.iter().any(is_known) {
            return;
        }
        let mut parents = Vec::new();
        for (parent, inode) in self.inodes.iter_mut().enumerate() {
            let Node::Dir(dir) = &mut inode.node else { continue };
            let names: Vec<Box<str>> = dir.names_of(ino).map(Into::into).collect();
            for name in &names {
                dir.persist(name);
            }
            if !names.is_empty() {
                parents.push(parent as Ino);
            }
        }
        for parent in parents {
            self.persist_new(parent);
        }
    }

    /// Everything is durable (sync(2)).
    pub(crate) fn sync_all(&mut self) {
        let mark = self.mark();
        for ino in 0..self.inodes.len() {
            self.sync(ino as Ino, mark, false);
        }
        self.commit(mark);
        self.journal.clear();
    }

    /// A sync that fails. Of a file: what becomes of its data is the profile's (F7), or the answer to `address` where all is
    /// possible. Of a directory: pending changes of names stay pending, so that syncing it again does make them durable.
    pub(crate) fn fail_sync(&mut self, ino: Ino, mark: Tick, address: Address, decide: &mut Decider) {
        let mut mode = self.axioms.failed_sync;
        let inode = &mut self.inodes[ino as usize];
        inode.sync_errors += 1;
        let Node::File(file) = &mut inode.node else { return };
        if mode == FailedSync::AnyOfThese && decide.choose(address, 2, Lean::Even) == 1 {
            mode = FailedSync::Reverted;
        }
        self.medium.states.reverted += u32::from(mode == FailedSync::Reverted);
        file.fail_sync(mark, mode, self.medium.sector_len);
    }

    /// How many syncs of the inode have failed.
    pub(crate) fn sync_errors(&self, ino: Ino) -> u32 {
        self.inodes[ino as usize].sync_errors
    }

    /// Takes the lock for a handle; false if another has it.
    pub(crate) fn try_lock(&mut self, ino: Ino, handle: u64) -> bool {
        let lock = &mut self.inodes[ino as usize].lock;
        *lock.get_or_insert(handle) == handle
    }

    pub(crate) fn unlock(&mut self, ino: Ino, handle: u64) {
        let lock = &mut self.inodes[ino as usize].lock;
        if *lock == Some(handle) {
            *lock = None;
        }
    }

    /// Every process is gone: their locks are released, and nobody is left to be told of earlier errors.
    pub(crate) fn processes_die(&mut self) {
        self.inodes.iter_mut().for_each(|inode| inode.lock = None);
    }

    /// The power goes.
    pub(crate) fn power_loss(&mut self, crash: u32, decide: &mut Decider) {
        self.walked.clear();
        let upto = self.decide_commit(crash, decide);
        let cut = PowerCut { crash, upto, names_upto: upto.max(self.committed), axioms: self.axioms };
        for inode in &mut self.inodes {
            inode.changes.clear();
            match &mut inode.node {
                Node::File(file) => file.power_loss(&cut, self.medium.sector_len),
                Node::Dir(dir) => dir.power_loss(&cut),
            }
        }
        self.committed = self.tick;
        self.journal.clear();
    }

    /// How far what has an order had come to be durable.
    fn decide_commit(&mut self, crash: u32, decide: &mut Decider) -> Tick {
        let count = self.journal.len();
        let address = Address::new(Question::Commit, crash, 0, 0);
        let lost = decide.choose(address, count as u32 + 1, Lean::Mood) as usize;
        self.medium.states.decided += u64::from(count > 0);
        self.medium.states.commits_lost += u32::from(lost > 0);
        if lost == 0 { Tick::MAX } else { self.journal[count - lost].tick - 1 }
    }
}
