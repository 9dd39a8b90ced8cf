//! What a mounted file system is asked, as data: one variant for each call that a kernel hands on, by inode number and handle.
//!
//! Numbers of nodes are the mount's: 1 is its root. Names are UTF-8, since those of `files::fs` are; who hands on a request
//! answers EILSEQ where they are not.

use crate::executor::Class;
use crate::media::files::classes;
pub use crate::media::files::fs::Special;

/// Who made a call, and will own what it makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

/// A time that a file is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetTime {
    /// The present, which is the simulated clock's.
    Now,
    /// In nanoseconds since 1970.
    At(u64),
}

/// What is to change of a node; `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are what stat(2) calls them")]
pub struct SetAttr {
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub size: Option<u64>,
    pub atime: Option<SetTime>,
    pub mtime: Option<SetTime>,
}

impl SetAttr {
    pub(super) fn changes_owned(&self) -> bool {
        self.mode.is_some() || self.uid.is_some() || self.gid.is_some()
    }
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The directory's node.
    pub parent: u64,
    /// The name in it, without slashes.
    pub name: String,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are what the system calls of these names call them")]
pub enum Request {
    Lookup {
        at: Name,
    },
    GetAttr {
        node: u64,
    },
    SetAttr {
        node: u64,
        set: SetAttr,
    },
    ReadLink {
        node: u64,
    },
    /// Makes a file and opens it.
    Create {
        at: Name,
        mode: u32,
        append: bool,
        by: Owner,
    },
    /// Makes a file, or what the type in the mode says; `device` is the number of one.
    MkNod {
        at: Name,
        mode: u32,
        device: u32,
        by: Owner,
    },
    MkDir {
        at: Name,
        mode: u32,
        by: Owner,
    },
    Symlink {
        at: Name,
        target: String,
        by: Owner,
    },
    Unlink {
        at: Name,
    },
    RmDir {
        at: Name,
    },
    /// `flags` as for renameat2(2).
    Rename {
        from: Name,
        to: Name,
        flags: u32,
    },
    Link {
        node: u64,
        at: Name,
    },
    Open {
        node: u64,
        append: bool,
    },
    Read {
        handle: u64,
        offset: u64,
        len: u32,
    },
    Write {
        handle: u64,
        offset: u64,
        data: Vec<u8>,
    },
    Fsync {
        handle: u64,
        data_only: bool,
    },
    FsyncDir {
        handle: u64,
    },
    /// `mode` as for fallocate(2).
    Fallocate {
        handle: u64,
        offset: u64,
        len: u64,
        mode: i32,
    },
    /// For holes and data only.
    Lseek {
        handle: u64,
        offset: u64,
        whence: i32,
    },
    OpenDir {
        node: u64,
    },
    /// `offset` is that of an entry given before, or 0.
    ReadDir {
        handle: u64,
        offset: u64,
    },
    /// A descriptor was closed.
    Flush {
        handle: u64,
    },
    /// The last descriptor was closed, of a file or directory.
    Release {
        handle: u64,
    },
    StatFs,
    GetXattr {
        node: u64,
        name: String,
    },
    /// `flags` as for setxattr(2).
    SetXattr {
        node: u64,
        name: String,
        value: Vec<u8>,
        flags: i32,
    },
    ListXattr {
        node: u64,
    },
    RemoveXattr {
        node: u64,
        name: String,
    },
}

impl Request {
    /// What class of call it is to the executor: how long it takes, which faults can hit it, and whether a crash can come there.
    /// `None`: it changes and shows nothing that a fault or crash could touch, and is answered at once.
    pub(crate) fn class(&self) -> Option<&'static Class> {
        use Request as R;
        Some(match self {
            R::Lookup { .. }
            | R::GetAttr { .. }
            | R::ReadLink { .. }
            | R::GetXattr { .. }
            | R::ListXattr { .. }
            | R::ReadDir { offset: 0, .. } => &classes::LOOK,
            // Times are not lost, so that setting them is no change.
            R::SetAttr { set, .. } if set.size.is_none() && !set.changes_owned() => &classes::LOOK,
            R::SetAttr { .. } | R::SetXattr { .. } | R::RemoveXattr { .. } | R::Fallocate { .. } => {
                &classes::SET_LEN
            }
            R::Create { .. } | R::MkNod { .. } => &classes::CREATE,
            R::MkDir { .. }
            | R::Symlink { .. }
            | R::Unlink { .. }
            | R::RmDir { .. }
            | R::Rename { .. }
            | R::Link { .. } => &classes::NAME,
            R::Open { .. } => &classes::OPEN,
            R::Read { .. } => &classes::READ,
            R::Write { .. } => &classes::WRITE,
            R::Fsync { .. } => &classes::SYNC,
            R::FsyncDir { .. } => &classes::SYNC_DIR,
            R::Lseek { .. }
            | R::OpenDir { .. }
            | R::ReadDir { .. }
            | R::Flush { .. }
            | R::Release { .. }
            | R::StatFs => return None,
        })
    }

    /// The system call's name, for a log of calls.
    pub(super) fn verb(&self) -> &'static str {
        use Request as R;
        match self {
            R::Lookup { .. } => "look up",
            R::GetAttr { .. } => "stat",
            R::SetAttr { set, .. } if set.size.is_some() => "ftruncate",
            R::SetAttr { set, .. } if set.mode.is_some() => "chmod",
            R::SetAttr { set, .. } if set.changes_owned() => "chown",
            R::SetAttr { .. } => "utimens",
            R::ReadLink { .. } => "readlink",
            R::Create { .. } | R::MkNod { .. } => "create",
            R::MkDir { .. } => "mkdir",
            R::Symlink { .. } => "symlink",
            R::Unlink { .. } => "unlink",
            R::RmDir { .. } => "rmdir",
            R::Rename { .. } => "rename",
            R::Link { .. } => "link",
            R::Open { .. } | R::OpenDir { .. } => "open",
            R::Read { .. } => "read",
            R::Write { .. } => "write",
            R::Fsync { data_only: true, .. } => "fdatasync",
            R::Fsync { .. } | R::FsyncDir { .. } => "fsync",
            R::Fallocate { .. } => "fallocate",
            R::Lseek { .. } => "lseek",
            R::ReadDir { .. } => "list",
            R::Flush { .. } | R::Release { .. } => "close",
            R::StatFs => "statfs",
            R::GetXattr { .. } | R::ListXattr { .. } => "getxattr",
            R::SetXattr { .. } | R::RemoveXattr { .. } => "setxattr",
        }
    }
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A device, a pipe or a socket: the kernel's, but for its name and attributes.
    Special(Special),
}

/// What stat(2) tells. Times are the simulated clock's, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are what stat(2) calls them")]
pub struct Attr {
    pub node: u64,
    pub kind: NodeKind,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub nlink: u32,
    /// In bytes.
    pub size: u64,
    pub atime_ns: u64,
    pub mtime_ns: u64,
    pub ctime_ns: u64,
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it stands for.
    pub node: u64,
    /// What that is.
    pub kind: NodeKind,
    /// Its name.
    pub name: String,
    /// Where to go on reading behind it.
    pub offset: u64,
}

/// The answer to a call that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing more to say.
    Done,
    /// To lookups, and to what makes a node without opening it; `SetAttr`, `GetAttr`.
    Attr(Attr),
    /// The handle of an open file or directory.
    Opened(u64),
    /// A new file, and its handle.
    Created(Attr, u64),
    /// What was read: content, or an extended attribute.
    Data(Vec<u8>),
    /// How many bytes were written.
    Written(u32),
    /// Some entries of a directory; none behind the last.
    Entries(Vec<Entry>),
    /// Where a link points.
    Target(String),
    /// Where a hole or data begin, in bytes.
    Offset(u64),
    /// How much space there is, and how much is free, in bytes.
    Space {
        /// All that there is.
        total: u64,
        /// What can still be used.
        free: u64,
    },
    /// Names of extended attributes.
    Names(Vec<String>),
}
