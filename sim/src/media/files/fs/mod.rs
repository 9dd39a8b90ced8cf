//! A file system that loses what POSIX lets it lose: inodes by number, with a persistence graph each.
//!
//! In profile `posix`, the weakest, a call is durable only when a sync of *its* file or directory says so; what others promise
//! beyond that is in `axioms`. This is a synchronous state machine; time, scheduling and injected errors are the executor's.
//! [`file`] has the rules for data and sizes, `dir` those for names, `crash` what a loss of power leaves of data; all keep what
//! is pending *by inode*, since a list by path is wrong after a rename.
//!
//! Where a profile gives metadata an order, how far it had been committed is decided at the moment of the crash; the rest is
//! then independent.
//!
//! Modelled: files, directories, hard and symbolic links, rename, flock, sparse sizes, preallocation, a limit on space, orphans
//! (an unlinked file lives as long as a handle), modes, owners and extended attributes, crash states decided lazily through the
//! decision map.
//!
//! Not modelled: permissions, mmap, `O_APPEND` and `O_DIRECT` (the first is for [`crate::media::shown::vfs`]), and directory entries'
//! space. What was deleted is kept in memory, since a loss of power may bring it back.

mod attributes;
pub(crate) mod axioms;
mod calls_at;
mod calls_data;
mod calls_names;
mod crash;
mod device;
mod dir;
mod durable;
pub(crate) mod fate;
pub(crate) mod file;
mod inodes;
#[cfg(test)]
mod litmus;
pub(crate) mod media;

mod states;

use crate::base::decide::Decider;
pub use crate::media::profile::Profile;
pub use attributes::Special;
pub(crate) use attributes::{Form, Owned, Times};
use axioms::Axioms;
pub(crate) use calls_at::{New, Taken};
pub(crate) use calls_data::Hole;
pub(crate) use device::PATH as DEVICE_PATH;
use dir::DirData;
use file::{FileData, Resolve, Tick};
use inodes::Inodes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// An inode's number.
pub(crate) type Ino = u32;

/// What a sector holds that was lost, or never written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
pub(crate) struct Surface {
    pub(crate) sector_len: usize,
    pub(crate) fill: Fill,
    /// Content that is no longer anybody's, as it was when the power last went: what unresolved sectors may hold.
    stale: Arc<[Box<[u8]>]>,
    /// The same, as it has grown since then.
    freed: Vec<Box<[u8]>>,
    /// Versions of sectors that the last crash lost, as far as they were looked at: by inode and sector.
    lost: BTreeMap<(u32, u32), Box<[u8]>>,
    states: MediaStates,
    /// What was decided, if somebody wants to explain it.
    fates: Option<Vec<fate::Fate>>,
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

impl Surface {
    const STALE_SECTORS_MAX: usize = 16;

    pub(crate) fn new(sector_len: u32, fill: Fill) -> Surface {
        Surface {
            sector_len: sector_len as usize,
            fill,
            stale: Arc::default(),
            freed: Vec::new(),
            lost: BTreeMap::new(),
            states: MediaStates::default(),
            fates: None,
        }
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
    /// Handles that had it and lost it to another: they write no more until they have it again.
    preempted: Vec<u64>,
    /// When its own metadata changed, and whether its links only, where that matters and is not known to be committed.
    changes: Vec<(Tick, bool)>,
    /// How often it was given a name.
    links: u32,
    /// Of those that were ever asked about theirs, or given any.
    attributes: Option<Box<attributes::Attributes>>,
}

impl Inode {
    fn new(key: u32, node: Node) -> Inode {
        Inode {
            key,
            node,
            sync_errors: 0,
            lock: None,
            preempted: Vec::new(),
            changes: Vec::new(),
            links: 0,
            attributes: None,
        }
    }
}

/// The state of the file system.
#[derive(Clone, Debug)]
pub(crate) struct Fs {
    axioms: &'static Axioms,
    inodes: Inodes,
    tick: Tick,
    /// What has an order is durable up to here; where data have one too, changes of names are.
    committed: Tick,
    /// The other changes that have a place in the order.
    journal: Vec<Ordered>,
    surface: Surface,
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
pub(crate) const EBADF: i32 = 9;
pub(crate) const EEXIST: i32 = 17;
pub(crate) const ENOTDIR: i32 = 20;
pub(crate) const EISDIR: i32 = 21;
pub(crate) const EINVAL: i32 = 22;
pub(crate) const EFBIG: i32 = 27;
pub(crate) const ENOSPC: i32 = 28;
pub(crate) const ENOTEMPTY: i32 = 39;
pub(crate) const EBADE: i32 = 52;

impl Fs {
    /// An empty file system.
    ///
    /// Panics if the profile is of another medium.
    pub(crate) fn new(profile: Profile, surface: Surface) -> Fs {
        Fs {
            axioms: profile.axioms().expect("the profile is a file system's"),
            inodes: Inodes::new(Inode::new(0, Node::Dir(DirData::default()))),
            tick: 0,
            committed: 0,
            journal: Vec::new(),
            surface,
            space_left: None,
            walked: Vec::new(),
        }
    }

    /// What recovery met so far.
    pub(crate) fn states(&self) -> MediaStates {
        self.surface.states
    }

    /// How many bytes, on a grid, are written as a whole or not at all.
    pub(crate) fn atomic_len(&self, ino: Ino) -> u64 {
        let sector_len = self.surface.sector_len as u64;
        if self.is_device(ino) { sector_len } else { self.axioms.atomic_write_len.unwrap_or(sector_len) }
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

    /// Bytes that may still be added, if that is limited.
    pub(crate) fn space_left(&self) -> Option<u64> {
        self.space_left
    }

    fn next_tick(&mut self) -> Tick {
        self.tick += 1;
        self.tick
    }

    /// An inode, and what deciding its state needs.
    fn parts<'a>(&'a mut self, ino: Ino, decide: &'a mut Decider) -> (&'a mut Node, Resolve<'a>) {
        let inode = &mut self.inodes[ino];
        (&mut inode.node, Resolve { ino, inode_key: inode.key, decide, surface: &mut self.surface })
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
        matches!(self.inodes[ino].node, Node::Dir(_))
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

    /// How many syncs of the inode have failed.
    pub(crate) fn sync_errors(&self, ino: Ino) -> u32 {
        self.inodes[ino].sync_errors
    }

    /// Takes the lock for a handle; false if another has it.
    pub(crate) fn try_lock(&mut self, ino: Ino, handle: u64) -> bool {
        let inode = &mut self.inodes[ino];
        let has_it = *inode.lock.get_or_insert(handle) == handle;
        if has_it && !inode.preempted.is_empty() {
            inode.preempted.retain(|&other| other != handle);
        }
        has_it
    }

    /// Takes the lock for a handle from whoever has it, and shuts that one out.
    pub(crate) fn preempt(&mut self, ino: Ino, handle: u64) {
        let inode = &mut self.inodes[ino];
        inode.preempted.retain(|&other| other != handle);
        let before = inode.lock.replace(handle);
        inode.preempted.extend(before.filter(|&before| before != handle));
    }

    /// Whether the handle lost the lock to another and has not got it back.
    pub(crate) fn is_preempted(&self, ino: Ino, handle: u64) -> bool {
        self.inodes[ino].preempted.contains(&handle)
    }

    pub(crate) fn unlock(&mut self, ino: Ino, handle: u64) {
        let lock = &mut self.inodes[ino].lock;
        if *lock == Some(handle) {
            *lock = None;
        }
    }

    /// Every process is gone: their locks are released, and nobody is left to be told of earlier errors.
    pub(crate) fn processes_die(&mut self) {
        self.inodes.change_where(
            |inode| inode.lock.is_some() || !inode.preempted.is_empty(),
            |inode| {
                inode.lock = None;
                inode.preempted.clear();
            },
        );
    }

    /// The same of those whose handles these are, while others go on.
    pub(crate) fn handles_die(&mut self, dead: impl Fn(u64) -> bool) {
        self.inodes.change_where(
            |inode| inode.lock.is_some() || !inode.preempted.is_empty(),
            |inode| {
                inode.lock = inode.lock.filter(|&handle| !dead(handle));
                inode.preempted.retain(|&handle| !dead(handle));
            },
        );
    }
}
