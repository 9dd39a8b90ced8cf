//! The kernel's requests, in the terms of `shown::vfs`. Nothing is decided here, and nothing is kept.
//!
//! Answered here are requests whose names are not UTF-8 (EILSEQ), and extended attributes outside of `user.` and `trusted.`
//! (EOPNOTSUPP; nobody has `security.` ones, which the kernel asks for at each write).

use super::reply::{Kind, Reply};
use super::{Incoming, WRITE_LEN_MAX};
use crate::media::files::fs::EIO;
use crate::media::shown::vfs::{Name, Owner, Request, SetAttr, SetTime};
use crossbeam_channel::Sender;
use fuser::{
    BsdFileFlags, FileHandle, Filesystem, INodeNo, InitFlags, KernelConfig, LockOwner, OpenFlags,
    RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyLseek,
    ReplyOpen, ReplyStatfs, ReplyWrite, ReplyXattr, Request as From, TimeOrNow, WriteFlags,
};
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

const EILSEQ: i32 = 84;
const EOPNOTSUPP: i32 = 95;
const ENODATA: i32 = 61;
/// Of open(2).
const O_APPEND: i32 = 0o2000;

/// The end of a mount that the kernel sees.
#[derive(Debug)]
pub(super) struct Adapter {
    pub(super) incoming: Sender<Incoming>,
    /// No longer hands on anything.
    pub(super) cut: Arc<AtomicBool>,
    /// Lives as long as this does.
    pub(super) _alive: Sender<()>,
}

/// What was asked cannot be put into a request: the error to answer with.
type Asked = Result<Request, i32>;

impl Adapter {
    fn hand_on(&self, asked: Asked, kind: Kind) {
        let reply = Reply(kind);
        let request = match asked {
            _ if self.cut.load(Ordering::Acquire) => return reply.error(EIO),
            Ok(request) => request,
            Err(number) => return reply.error(number),
        };
        if let Err(unsent) = self.incoming.send(Incoming { request, reply }) {
            unsent.into_inner().reply.error(EIO);
        }
    }
}

fn text(name: &OsStr) -> Result<String, i32> {
    name.to_str().map(str::to_owned).ok_or(EILSEQ)
}

fn at(parent: INodeNo, name: &OsStr) -> Result<Name, i32> {
    Ok(Name { parent: parent.0, name: text(name)? })
}

fn by(from: &From) -> Owner {
    Owner { uid: from.uid(), gid: from.gid() }
}

fn time(time: TimeOrNow) -> SetTime {
    match time {
        TimeOrNow::Now => SetTime::Now,
        TimeOrNow::SpecificTime(time) => {
            let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            SetTime::At(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
        }
    }
}

/// The name of an extended attribute, if we keep such ones; the error if not.
fn xattr_name(name: &OsStr) -> Result<String, i32> {
    let name = text(name)?;
    let kept = name.starts_with("user.") || name.starts_with("trusted.");
    if kept { Ok(name) } else { Err(EOPNOTSUPP) }
}

impl Filesystem for Adapter {
    fn init(&mut self, _from: &From, config: &mut KernelConfig) -> io::Result<()> {
        // Kernels that do not know one of these refuse it; what that means is said in the module above.
        let _ = config.add_capabilities(InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP);
        let _ = config.set_max_write(WRITE_LEN_MAX);
        Ok(())
    }

    fn lookup(&self, _from: &From, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.hand_on(at(parent, name).map(|at| Request::Lookup { at }), Kind::Entry(reply));
    }

    fn getattr(&self, _from: &From, node: INodeNo, _handle: Option<FileHandle>, reply: ReplyAttr) {
        self.hand_on(Ok(Request::GetAttr { node: node.0 }), Kind::Attr(reply));
    }

    fn setattr(
        &self,
        _from: &From,
        node: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _handle: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let (atime, mtime) = (atime.map(time), mtime.map(time));
        let set = SetAttr { mode, uid, gid, size, atime, mtime };
        self.hand_on(Ok(Request::SetAttr { node: node.0, set }), Kind::Attr(reply));
    }

    fn readlink(&self, _from: &From, node: INodeNo, reply: ReplyData) {
        self.hand_on(Ok(Request::ReadLink { node: node.0 }), Kind::Data(reply));
    }

    fn mknod(
        &self,
        from: &From,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        device: u32,
        reply: ReplyEntry,
    ) {
        let asked = at(parent, name).map(|at| Request::MkNod { at, mode, device, by: by(from) });
        self.hand_on(asked, Kind::Entry(reply));
    }

    fn mkdir(&self, from: &From, parent: INodeNo, name: &OsStr, mode: u32, _umask: u32, reply: ReplyEntry) {
        let asked = at(parent, name).map(|at| Request::MkDir { at, mode, by: by(from) });
        self.hand_on(asked, Kind::Entry(reply));
    }

    fn unlink(&self, _from: &From, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.hand_on(at(parent, name).map(|at| Request::Unlink { at }), Kind::Empty(reply));
    }

    fn rmdir(&self, _from: &From, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.hand_on(at(parent, name).map(|at| Request::RmDir { at }), Kind::Empty(reply));
    }

    fn symlink(&self, from: &From, parent: INodeNo, name: &OsStr, target: &Path, reply: ReplyEntry) {
        let asked = at(parent, name).and_then(|at| {
            let target = text(target.as_os_str())?;
            Ok(Request::Symlink { at, target, by: by(from) })
        });
        self.hand_on(asked, Kind::Entry(reply));
    }

    fn rename(
        &self,
        _from: &From,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let asked = at(parent, name).and_then(|from| {
            let to = at(new_parent, new_name)?;
            Ok(Request::Rename { from, to, flags: flags.bits() })
        });
        self.hand_on(asked, Kind::Empty(reply));
    }

    fn link(&self, _from: &From, node: INodeNo, new_parent: INodeNo, new_name: &OsStr, reply: ReplyEntry) {
        let asked = at(new_parent, new_name).map(|at| Request::Link { node: node.0, at });
        self.hand_on(asked, Kind::Entry(reply));
    }

    fn open(&self, _from: &From, node: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        let asked = Request::Open { node: node.0, append: flags.0 & O_APPEND != 0 };
        self.hand_on(Ok(asked), Kind::Open(reply));
    }

    fn create(
        &self,
        from: &From,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let append = flags & O_APPEND != 0;
        let asked = at(parent, name).map(|at| Request::Create { at, mode, append, by: by(from) });
        self.hand_on(asked, Kind::Create(reply));
    }

    fn read(
        &self,
        _from: &From,
        _node: INodeNo,
        handle: FileHandle,
        offset: u64,
        len: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        self.hand_on(Ok(Request::Read { handle: handle.0, offset, len }), Kind::Data(reply));
    }

    fn write(
        &self,
        _from: &From,
        _node: INodeNo,
        handle: FileHandle,
        offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let asked = Request::Write { handle: handle.0, offset, data: data.to_vec() };
        self.hand_on(Ok(asked), Kind::Write(reply));
    }

    fn flush(&self, _from: &From, _node: INodeNo, handle: FileHandle, _owner: LockOwner, reply: ReplyEmpty) {
        self.hand_on(Ok(Request::Flush { handle: handle.0 }), Kind::Empty(reply));
    }

    fn release(
        &self,
        _from: &From,
        _node: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.hand_on(Ok(Request::Release { handle: handle.0 }), Kind::Empty(reply));
    }

    fn fsync(&self, _from: &From, _node: INodeNo, handle: FileHandle, data_only: bool, reply: ReplyEmpty) {
        self.hand_on(Ok(Request::Fsync { handle: handle.0, data_only }), Kind::Empty(reply));
    }

    fn opendir(&self, _from: &From, node: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        self.hand_on(Ok(Request::OpenDir { node: node.0 }), Kind::OpenDir(reply));
    }

    fn readdir(&self, _from: &From, _node: INodeNo, handle: FileHandle, offset: u64, reply: ReplyDirectory) {
        self.hand_on(Ok(Request::ReadDir { handle: handle.0, offset }), Kind::Directory(reply));
    }

    fn releasedir(
        &self,
        _from: &From,
        _node: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.hand_on(Ok(Request::Release { handle: handle.0 }), Kind::Empty(reply));
    }

    fn fsyncdir(
        &self,
        _from: &From,
        _node: INodeNo,
        handle: FileHandle,
        _data_only: bool,
        reply: ReplyEmpty,
    ) {
        self.hand_on(Ok(Request::FsyncDir { handle: handle.0 }), Kind::Empty(reply));
    }

    fn statfs(&self, _from: &From, _node: INodeNo, reply: ReplyStatfs) {
        self.hand_on(Ok(Request::StatFs), Kind::StatFs(reply));
    }

    fn setxattr(
        &self,
        _from: &From,
        node: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        _position: u32,
        reply: ReplyEmpty,
    ) {
        let asked = xattr_name(name).map(|name| {
            let value = value.to_vec();
            Request::SetXattr { node: node.0, name, value, flags }
        });
        self.hand_on(asked, Kind::Empty(reply));
    }

    fn getxattr(&self, _from: &From, node: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        let name = xattr_name(name).map_err(|error| if error == EOPNOTSUPP { ENODATA } else { error });
        let asked = name.map(|name| Request::GetXattr { node: node.0, name });
        self.hand_on(asked, Kind::Xattr(reply, size));
    }

    fn listxattr(&self, _from: &From, node: INodeNo, size: u32, reply: ReplyXattr) {
        self.hand_on(Ok(Request::ListXattr { node: node.0 }), Kind::Xattr(reply, size));
    }

    fn removexattr(&self, _from: &From, node: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let asked = xattr_name(name).map(|name| Request::RemoveXattr { node: node.0, name });
        self.hand_on(asked, Kind::Empty(reply));
    }

    fn fallocate(
        &self,
        _from: &From,
        _node: INodeNo,
        handle: FileHandle,
        offset: u64,
        len: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let asked = Request::Fallocate { handle: handle.0, offset, len, mode };
        self.hand_on(Ok(asked), Kind::Empty(reply));
    }

    fn lseek(
        &self,
        _from: &From,
        _node: INodeNo,
        handle: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        let asked = Request::Lseek { handle: handle.0, offset: offset.unsigned_abs(), whence };
        self.hand_on(Ok(asked), Kind::Lseek(reply));
    }
}
