//! The simulated file system as a kernel asks a mounted one: calls by inode number and handle, as data.
//!
//! A [`Request`] goes through the executor as a call of a host in this process does: it takes simulated time, meets the faults
//! that are planned, and may be where a crash comes; what it comes to is shared with those calls (`effects`). A [`Vfs`] is
//! what lives as long as one mount: open handles, and what is known of names. With a crash it goes; the world stays.
//!
//! Modelled: files, directories, hard and symbolic links, `O_APPEND`, open files that are unlinked, exclusive renames and
//! exchanges, preallocation (also behind the end), holes (which are zeros that are written), devices, pipes and sockets (names with
//! attributes: what they do is the kernel's), modes, owners, times of the simulated clock, extended attributes, directories of any
//! size with offsets that stay good while one is read.
//!
//! Not modelled, each with the answer that says so: names that are not UTF-8 (EILSEQ, from whoever hands on the request); collapsed
//! and inserted ranges (EOPNOTSUPP); whiteouts (EINVAL); access times of reads. Whether
//! somebody may do what is asked for is the kernel's to check, and locks are its own, too: they die with their process. All
//! of a file counts as data to `SEEK_HOLE`. `fsync` of a directory makes its names durable and its own attributes.

mod calls;
mod lists;
mod request;
mod served;
mod tree;

pub use request::{Answer, Attr, Entry, Name, NodeKind, Owner, Request, SetAttr, SetTime, Special};
pub use served::{Served, Stats};

use crate::executor::call_log::About;
use crate::executor::medium::{self, Failure};
use crate::executor::{Call, Class, Executor, Process};
use crate::media::files::fs::{EIO, Ino, errno};
use crate::media::files::{At, failure, refusal};
use crate::media::{Media, Sim};
use crate::plan::FaultKind;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard};
use tree::Tree;

const EBADF: i32 = 9;

/// A mount of the file system: what is lost with the kernel's memory or the process's.
#[derive(Debug)]
pub struct Vfs {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    root: Ino,
    tree: Tree,
    handles: BTreeMap<u64, Open>,
    last_dir: u64,
}

/// An open file or directory.
#[derive(Clone, Debug)]
struct Open {
    ino: Ino,
    append: bool,
    /// Of a directory: its entries, as they were when it was last read from the beginning.
    entries: Vec<Entry>,
}

/// Handles of directories have this bit: the world numbers those of files only.
const DIR_HANDLE: u64 = 1 << 63;
/// The root's number.
const ROOT_NODE: u64 = 1;
/// What is added to an inode's number to make a node's.
const NODE_OFFSET: u64 = 2;

impl Vfs {
    /// A mount of what is below a directory of the world. What has no owner yet gets this one.
    pub(crate) fn new(sim: &Sim, root: &str, owner: Owner) -> io::Result<Vfs> {
        let world = &mut *sim.lock();
        let at = &mut At { files: &mut world.medium.files, executor: &mut world.executor };
        let tree = Tree::walk(at, root, owner)?;
        let root = at.files.fs.dir_at(root, &mut at.executor.decide)?;
        Ok(Vfs { state: Mutex::new(State { root, tree, handles: BTreeMap::new(), last_dir: 0 }) })
    }

    /// Has a process's request done, and gives the answer, or the error's number in errno(3).
    ///
    /// It never comes back if the crash comes there.
    pub(crate) async fn carry_out(
        &self,
        sim: &Sim,
        process: Process,
        request: Request,
    ) -> Result<Answer, i32> {
        let Some(class) = request.class() else {
            let world = &mut *sim.lock();
            let alive = world.is_alive(process);
            let at = &mut At { files: &mut world.medium.files, executor: &mut world.executor };
            let answer = if alive { self.state().at_once(at, &request) } else { Err(errno(EIO)) };
            return answer.map_err(|error| number(&error));
        };
        let done = sim.perform(process, Turn { vfs: self, class, request: &request });
        done.await.map_err(|error| number(&error))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic inside the simulator is passed on at once")
    }
}

/// A request that takes its turn as a call.
struct Turn<'a> {
    vfs: &'a Vfs,
    class: &'static Class,
    request: &'a Request,
}

impl medium::Request<Media> for Turn<'_> {
    type Reply = io::Result<Answer>;

    fn class(&self) -> &'static Class {
        self.class
    }

    fn about(&self, _: &Media) -> About {
        let (path, to) = self.vfs.state().paths(self.request);
        let (verb, range) = (self.request.verb(), range(self.request));
        About { verb, path: path.unwrap_or_default(), to, range }
    }

    fn apply(&mut self, media: &mut Media, executor: &mut Executor, call: &Call) -> io::Result<Answer> {
        self.vfs.state().effect(&mut At { files: &mut media.files, executor }, call, self.request)
    }

    fn refusal(&self, fault: FaultKind) -> Option<io::Result<Answer>> {
        refusal(fault).map(Err)
    }

    fn dead() -> io::Result<Answer> {
        Err(errno(EIO))
    }

    fn failure(reply: &io::Result<Answer>) -> Option<Failure> {
        failure(reply)
    }
}

fn number(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(EIO)
}

/// Offset and length in bytes, of what has them.
fn range(request: &Request) -> Option<(u64, u64)> {
    match request {
        Request::Read { offset, len, .. } => Some((*offset, u64::from(*len))),
        Request::Write { offset, data, .. } => Some((*offset, data.len() as u64)),
        Request::Fallocate { offset, len, .. } => Some((*offset, *len)),
        Request::SetAttr { set: SetAttr { size: Some(size), .. }, .. } => Some((0, *size)),
        _ => None,
    }
}

impl State {
    fn node(&self, ino: Ino) -> u64 {
        if ino == self.root { ROOT_NODE } else { u64::from(ino) + NODE_OFFSET }
    }

    fn ino(&self, world: &At<'_>, node: u64) -> io::Result<Ino> {
        if node == ROOT_NODE {
            return Ok(self.root);
        }
        let ino = node.checked_sub(NODE_OFFSET).and_then(|ino| Ino::try_from(ino).ok());
        ino.filter(|ino| world.files.fs.has_inode(*ino)).ok_or_else(|| errno(Self::ESTALE))
    }

    const ESTALE: i32 = 116;

    fn open(&self, handle: u64) -> io::Result<&Open> {
        self.handles.get(&handle).ok_or_else(|| errno(EBADF))
    }

    /// The paths that a request is about, for a log of calls.
    fn paths(&self, request: &Request) -> (Option<String>, Option<String>) {
        use Request as R;
        let at = |at: &Name| Some(self.tree.path_at(self.ino_unchecked(at.parent), &at.name));
        let of_node = |node: u64| Some(self.tree.path(self.ino_unchecked(node)));
        let of_handle = |handle: u64| self.handles.get(&handle).map(|open| self.tree.path(open.ino));
        match request {
            R::Rename { from, to, .. } => (at(from), at(to)),
            R::Link { node, at: new } => (of_node(*node), at(new)),
            R::Lookup { at: name }
            | R::Create { at: name, .. }
            | R::MkNod { at: name, .. }
            | R::MkDir { at: name, .. }
            | R::Symlink { at: name, .. }
            | R::Unlink { at: name }
            | R::RmDir { at: name } => (at(name), None),
            R::GetAttr { node }
            | R::SetAttr { node, .. }
            | R::ReadLink { node }
            | R::Open { node, .. }
            | R::OpenDir { node }
            | R::GetXattr { node, .. }
            | R::SetXattr { node, .. }
            | R::ListXattr { node }
            | R::RemoveXattr { node, .. } => (of_node(*node), None),
            R::Read { handle, .. }
            | R::Write { handle, .. }
            | R::Fsync { handle, .. }
            | R::FsyncDir { handle }
            | R::Fallocate { handle, .. }
            | R::Lseek { handle, .. }
            | R::ReadDir { handle, .. }
            | R::Flush { handle }
            | R::Release { handle } => (of_handle(*handle), None),
            R::StatFs => (None, None),
        }
    }

    fn ino_unchecked(&self, node: u64) -> Ino {
        if node == ROOT_NODE { self.root } else { node.saturating_sub(NODE_OFFSET) as Ino }
    }
}
