//! A file system that loses what POSIX lets it lose: inodes by number, with a persistence graph each.
//!
//! This is profile `posix`, the weakest: a call is durable only when a sync of *its* file or directory says so. It is a
//! synchronous state machine; time, scheduling and injected errors are the runtime's. [`file`] has the rules for data and
//! sizes, `dir` those for names; both keep what is pending *by inode*, since a list by path is wrong after a rename.
//!
//! Modelled: files, directories, hard links, rename, flock, sparse sizes, a limit on space, orphans (an unlinked file
//! lives as long as a handle), crash states decided lazily through the decision map.
//!
//! Not modelled: permissions, symbolic links, times, extended attributes, mmap, `O_APPEND` and `O_DIRECT`, preallocation,
//! directory entries' space, and the orderings that journalled file systems give beyond POSIX.

mod dir;
pub(crate) mod file;
#[cfg(test)]
mod litmus;

use crate::decide::Decider;
use asl_host::fs::{Metadata, OpenMode};
use dir::DirData;
use file::{FileData, Resolve, Tick};
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
#[derive(Debug)]
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

#[derive(Debug)]
enum Node {
    File(FileData),
    Dir(DirData),
}

#[derive(Debug)]
struct Inode {
    /// Stable across replays, unlike the number: made of the site that created it.
    key: u32,
    node: Node,
    /// Failed syncs so far; a handle that has seen fewer is told at its next sync.
    sync_errors: u32,
    /// The handle that holds the lock.
    lock: Option<u64>,
}

/// The state of the file system.
#[derive(Debug)]
pub(crate) struct Fs {
    inodes: Vec<Inode>,
    tick: Tick,
    medium: Medium,
    /// Bytes that may still be added, if that is limited.
    space_left: Option<u64>,
    /// Directories that were walked to lately, by path; forgotten when a directory's name changes.
    walked: Vec<(Box<str>, Ino)>,
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
    pub(crate) fn new(medium: Medium) -> Fs {
        let root = Inode { key: 0, node: Node::Dir(DirData::default()), sync_errors: 0, lock: None };
        Fs { inodes: vec![root], tick: 0, medium, space_left: None, walked: Vec::new() }
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

    fn is_dir(&self, ino: Ino) -> bool {
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
        let tick = self.next_tick();
        let (dir, mut cx) = self.dir(dir, decide)?;
        dir.change(name, target, tick, &mut cx);
        Ok(())
    }

    fn add_inode(&mut self, key: u32, node: Node) -> io::Result<Ino> {
        if self.space_left == Some(0) {
            return Err(errno(ENOSPC));
        }
        self.inodes.push(Inode { key, node, sync_errors: 0, lock: None });
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
        if from_dir != to_dir {
            self.set_entry(to_dir, to_name, Some(ino), decide)?;
            return self.set_entry(from_dir, from_name, None, decide);
        }
        let tick = self.next_tick();
        let (dir, mut cx) = self.dir(from_dir, decide)?;
        dir.rename(from_name, to_name, ino, tick, &mut cx);
        Ok(())
    }

    pub(crate) fn read_dir(&mut self, path: &str, decide: &mut Decider) -> io::Result<Vec<String>> {
        let ino = self.walk(path, decide)?;
        let (dir, mut cx) = self.dir(ino, decide)?;
        Ok(dir.list(&mut cx).map(str::to_owned).collect())
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
        Ok(file.read(buffer, offset, &mut cx))
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
        let tick = self.next_tick();
        let (file, mut cx) = self.file(ino, decide)?;
        let growth = end.saturating_sub(file.len(&mut cx));
        let missing = space_left.map_or(0, |left| growth.saturating_sub(left));
        let count = data.len().saturating_sub(usize::try_from(missing).unwrap_or(usize::MAX));
        if count == 0 && !data.is_empty() {
            return Err(errno(ENOSPC));
        }
        file.write(&data[..count], offset, tick, &mut cx);
        if let Some(left) = &mut self.space_left {
            *left -= growth - missing;
        }
        Ok(count)
    }

    pub(crate) fn set_len(&mut self, ino: Ino, len: u64, decide: &mut Decider) -> io::Result<()> {
        if len > FILE_LEN_MAX {
            return Err(errno(EFBIG));
        }
        let tick = self.next_tick();
        let (file, mut cx) = self.file(ino, decide)?;
        let freed = file.len(&mut cx).saturating_sub(len);
        file.set_len(len, tick, &mut cx);
        if let Some(left) = &mut self.space_left {
            *left += freed;
        }
        Ok(())
    }

    pub(crate) fn sync(&mut self, ino: Ino, mark: Tick, data_only: bool) {
        let sector_len = self.medium.sector_len;
        match &mut self.inodes[ino as usize].node {
            Node::File(file) => file.sync(mark, data_only, sector_len),
            Node::Dir(dir) => dir.sync(mark),
        }
    }

    /// A sync that fails. Pages count as clean afterwards (F7); pending changes of names stay pending, so that syncing
    /// the directory again does make them durable.
    pub(crate) fn fail_sync(&mut self, ino: Ino, mark: Tick) {
        let inode = &mut self.inodes[ino as usize];
        inode.sync_errors += 1;
        if let Node::File(file) = &mut inode.node {
            file.fail_sync(mark);
        }
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

    /// The power goes. Returns how many inodes were left with something to decide.
    pub(crate) fn power_loss(&mut self, crash: u32) -> u64 {
        self.walked.clear();
        let sector_len = self.medium.sector_len;
        let mut undecided = 0;
        for inode in &mut self.inodes {
            let unsynced = match &mut inode.node {
                Node::File(file) => {
                    let unsynced = file.is_unsynced();
                    file.power_loss(crash, sector_len);
                    unsynced
                }
                Node::Dir(dir) => {
                    let unsynced = dir.is_unsynced();
                    dir.power_loss(crash);
                    unsynced
                }
            };
            undecided += u64::from(unsynced);
        }
        undecided
    }
}
