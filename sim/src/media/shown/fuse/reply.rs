//! Answers of `shown::vfs`, in the kernel's terms.

use crate::media::shown::vfs::{Answer, Attr, Entry, NodeKind, Special};
use fuser::{
    Errno, FileAttr, FileHandle, FileType, FopenFlags, Generation, INodeNo, ReplyAttr, ReplyCreate,
    ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen, ReplyStatfs, ReplyWrite,
    ReplyXattr,
};
use std::time::{Duration, SystemTime};

/// The kernel forgets names and attributes at once.
const TIME_TO_LIVE: Duration = Duration::ZERO;
const BLOCK_LEN: u32 = 4096;
const NAME_LEN_MAX: u32 = 255;
/// How many files there may be, as statfs(2) tells it: there is no limit.
const FILES: u64 = 1 << 31;

/// Where the answer to one request goes. One that is dropped is answered EIO.
#[derive(Debug)]
pub struct Reply(pub(super) Kind);

#[derive(Debug)]
pub(super) enum Kind {
    Entry(ReplyEntry),
    Attr(ReplyAttr),
    Data(ReplyData),
    Open(ReplyOpen),
    OpenDir(ReplyOpen),
    Create(ReplyCreate),
    Write(ReplyWrite),
    StatFs(ReplyStatfs),
    Empty(ReplyEmpty),
    Directory(ReplyDirectory),
    /// With how many bytes there is room for.
    Xattr(ReplyXattr, u32),
    Lseek(ReplyLseek),
}

impl Reply {
    /// Answers: what was asked for, or the error's number in errno(3).
    ///
    /// # Panics
    ///
    /// If the answer is not one to the request.
    pub fn answer(self, answer: Result<Answer, i32>) {
        match answer {
            Ok(answer) => self.done(answer),
            Err(number) => self.error(number),
        }
    }

    fn done(self, answer: Answer) {
        match (self.0, answer) {
            (Kind::Entry(reply), Answer::Attr(attr)) => {
                reply.entry(&TIME_TO_LIVE, &file_attr(&attr), Generation(0));
            }
            (Kind::Attr(reply), Answer::Attr(attr)) => reply.attr(&TIME_TO_LIVE, &file_attr(&attr)),
            (Kind::Data(reply), Answer::Data(data)) => reply.data(&data),
            (Kind::Data(reply), Answer::Target(target)) => reply.data(target.as_bytes()),
            (Kind::Open(reply), Answer::Opened(handle)) => {
                reply.opened(FileHandle(handle), FopenFlags::FOPEN_DIRECT_IO);
            }
            (Kind::OpenDir(reply), Answer::Opened(handle)) => {
                reply.opened(FileHandle(handle), FopenFlags::empty());
            }
            (Kind::Create(reply), Answer::Created(attr, handle)) => {
                let (attr, flags) = (file_attr(&attr), FopenFlags::FOPEN_DIRECT_IO);
                reply.created(&TIME_TO_LIVE, &attr, Generation(0), FileHandle(handle), flags);
            }
            (Kind::Write(reply), Answer::Written(count)) => reply.written(count),
            (Kind::StatFs(reply), Answer::Space { total, free }) => space(reply, total, free),
            (Kind::Empty(reply), Answer::Done) => reply.ok(),
            (Kind::Directory(reply), Answer::Entries(entries)) => list(reply, &entries),
            (Kind::Xattr(reply, room), Answer::Data(value)) => xattr(reply, room, &value),
            (Kind::Xattr(reply, room), Answer::Names(names)) => {
                let names: String = names.into_iter().map(|name| name + "\0").collect();
                xattr(reply, room, names.as_bytes());
            }
            (Kind::Lseek(reply), Answer::Offset(offset)) => reply.offset(offset.cast_signed()),
            (kind, answer) => panic!("{answer:?} is no answer to {kind:?}"),
        }
    }

    pub(super) fn error(self, number: i32) {
        let error = Errno::from_i32(number);
        match self.0 {
            Kind::Entry(reply) => reply.error(error),
            Kind::Attr(reply) => reply.error(error),
            Kind::Data(reply) => reply.error(error),
            Kind::Open(reply) | Kind::OpenDir(reply) => reply.error(error),
            Kind::Create(reply) => reply.error(error),
            Kind::Write(reply) => reply.error(error),
            Kind::StatFs(reply) => reply.error(error),
            Kind::Empty(reply) => reply.error(error),
            Kind::Directory(reply) => reply.error(error),
            Kind::Xattr(reply, _) => reply.error(error),
            Kind::Lseek(reply) => reply.error(error),
        }
    }
}

fn space(reply: ReplyStatfs, total: u64, free: u64) {
    let (blocks, free) = (total / u64::from(BLOCK_LEN), free / u64::from(BLOCK_LEN));
    reply.statfs(blocks, free, free, FILES, FILES, BLOCK_LEN, NAME_LEN_MAX, BLOCK_LEN);
}

fn list(mut reply: ReplyDirectory, entries: &[Entry]) {
    for entry in entries {
        if reply.add(INodeNo(entry.node), entry.offset, file_type(entry.kind), &entry.name) {
            break;
        }
    }
    reply.ok();
}

fn xattr(reply: ReplyXattr, room: u32, value: &[u8]) {
    match room {
        0 => reply.size(value.len() as u32),
        room if value.len() > room as usize => reply.error(Errno::ERANGE),
        _ => reply.data(value),
    }
}

fn file_type(kind: NodeKind) -> FileType {
    match kind {
        NodeKind::File => FileType::RegularFile,
        NodeKind::Dir => FileType::Directory,
        NodeKind::Symlink => FileType::Symlink,
        NodeKind::Special(Special::Fifo) => FileType::NamedPipe,
        NodeKind::Special(Special::Socket) => FileType::Socket,
        NodeKind::Special(Special::CharDevice(_)) => FileType::CharDevice,
        NodeKind::Special(Special::BlockDevice(_)) => FileType::BlockDevice,
    }
}

fn file_attr(attr: &Attr) -> FileAttr {
    let at = |ns| SystemTime::UNIX_EPOCH + Duration::from_nanos(ns);
    FileAttr {
        ino: INodeNo(attr.node),
        size: attr.size,
        blocks: attr.size.div_ceil(512),
        atime: at(attr.atime_ns),
        mtime: at(attr.mtime_ns),
        ctime: at(attr.ctime_ns),
        crtime: SystemTime::UNIX_EPOCH,
        kind: file_type(attr.kind),
        perm: (attr.mode & 0o7777) as u16,
        nlink: attr.nlink,
        uid: attr.uid,
        gid: attr.gid,
        rdev: match attr.kind {
            NodeKind::Special(Special::CharDevice(device) | Special::BlockDevice(device)) => device,
            _ => 0,
        },
        blksize: BLOCK_LEN,
        flags: 0,
    }
}
