//! System calls, as a kernel makes requests to a file system of them. Opening is in `opening`.

use super::files::{Files, Open};
use super::locks::Owner as LockOwner;
use super::walk::Found;
use super::{EBADF, EINVAL};
use crate::executor::Process;
use crate::media::Sim;
use crate::media::files::ROOT;
use crate::media::files::fs::{EIO, EISDIR, ENOTDIR};
use crate::media::shown::vfs::{self, Attr, NodeKind, Owner, Request, SetAttr, SetTime, Special, Vfs};
use asl_preload_wire::{AT_POSITION, Answer, Call, Entry, Place, Status, Time};
use rustix::fs::{FileType, OFlags};
use std::io;
use std::sync::{Mutex, MutexGuard};

/// What was asked for, or the error's number in errno(3).
pub(super) type Asked<T> = Result<T, i32>;

pub(super) const fn bits(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

pub(super) const O_ACCMODE: i32 = bits(OFlags::RWMODE);
const O_WRONLY: i32 = bits(OFlags::WRONLY);
pub(super) const O_RDONLY: i32 = bits(OFlags::RDONLY);
pub(super) const O_APPEND: i32 = bits(OFlags::APPEND);
/// Of lseek(2).
const SEEK_SET: i32 = 0;
const SEEK_CUR: i32 = 1;
const SEEK_END: i32 = 2;
const SEEK_DATA: i32 = 3;
const SEEK_HOLE: i32 = 4;
/// In the place of a user or group that stays.
const SAME: u32 = u32::MAX;

/// What programs of one incarnation have open in the world.
#[derive(Debug)]
pub(crate) struct Calls {
    vfs: Vfs,
    process: Process,
    pub(super) owner: Owner,
    /// The directory as programs see it.
    root: String,
    files: Mutex<Files>,
}

impl Calls {
    /// What is below the host's root in the world is seen below `root`.
    pub(crate) fn new(root: &str, sim: &Sim, process: Process) -> io::Result<Calls> {
        let owner =
            Owner { uid: rustix::process::getuid().as_raw(), gid: rustix::process::getgid().as_raw() };
        let vfs = Vfs::new(sim, ROOT, owner)?;
        Ok(Calls { vfs, process, owner, root: root.to_owned(), files: Mutex::default() })
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().expect("a panic here is a bug of ours, and passed on")
    }

    /// A process has the library.
    pub(crate) fn begun(&self, connection: u64, inherits: u64, pid: i32) {
        self.files().begun(connection, inherits, pid);
    }

    /// A process is gone, and with it its locks and what only it had open. The file system's numbers for that go with the incarnation.
    pub(crate) fn gone(&self, connection: u64) {
        self.files().gone(connection);
    }

    /// Has a process's call done. It never comes back if the crash comes there.
    pub(crate) async fn carry_out(&self, sim: &Sim, connection: u64, call: Call) -> Asked<Answer> {
        Caller { calls: self, sim, connection }.carry_out(call).await
    }
}

/// A process that asks for something.
pub(super) struct Caller<'a> {
    pub(super) calls: &'a Calls,
    sim: &'a Sim,
    pub(super) connection: u64,
}

pub(super) fn number(value: u64) -> Answer {
    Answer::Number { value }
}

impl Caller<'_> {
    pub(super) fn files(&self) -> MutexGuard<'_, Files> {
        self.calls.files()
    }

    pub(super) fn root(&self) -> &str {
        &self.calls.root
    }

    pub(super) async fn ask(&self, request: Request) -> Asked<vfs::Answer> {
        self.calls.vfs.carry_out(self.sim, self.calls.process, request).await
    }

    /// A request whose answer says no more than that it was done.
    pub(super) async fn done(&self, request: Request) -> Asked<Answer> {
        self.ask(request).await.map(|_| Answer::Done {})
    }

    async fn carry_out(&self, call: Call) -> Asked<Answer> {
        match call {
            Call::Hello { .. } => Err(EINVAL),
            Call::Fork {} => Ok(number(self.files().fork(self.connection))),
            Call::Open { at, flags, mode } => self.open(&at, flags, mode).await,
            Call::Dup { file } => {
                self.files().duplicate(self.connection, file)?;
                Ok(Answer::Done {})
            }
            Call::Close { file } => self.close(file).await,
            Call::Read { file, offset, len } => self.read(file, offset, len).await,
            Call::Write { file, offset, data } => self.write(file, offset, data).await,
            Call::Seek { file, offset, whence } => self.seek(file, offset, whence).await,
            Call::Sync { file, data_only } => {
                let Open { handle, is_dir, .. } = self.files().get(file)?.clone();
                let file = Request::Fsync { handle, data_only };
                self.done(if is_dir { Request::FsyncDir { handle } } else { file }).await
            }
            Call::Allocate { file, mode, offset, len } => {
                let handle = self.writable(file)?.handle;
                self.done(Request::Fallocate { handle, offset, len, mode }).await
            }
            Call::GetFlags { file } => Ok(number(u64::from(self.files().get(file)?.flags.cast_unsigned()))),
            Call::SetFlags { file, flags } => self.set_flags(file, flags).await,
            Call::List { file, offset } => self.list(file, offset).await,
            Call::Space {} => match self.ask(Request::StatFs).await? {
                vfs::Answer::Space { total, free } => Ok(Answer::Space { total, free }),
                _ => Err(EIO),
            },
            Call::Flock { file, operation } => {
                let mut files = self.files();
                let node = files.get(file)?.node;
                files.locks.flock(node, file, operation)?;
                Ok(Answer::Done {})
            }
            Call::Lock { file, of_file, query, kind, begin, len } => {
                let mut files = self.files();
                let (node, pid) = (files.get(file)?.node, files.pid(self.connection));
                let process = LockOwner::Process(self.connection, pid);
                let owner = if of_file { LockOwner::File(file) } else { process };
                if query {
                    let held = files.locks.query(node, owner, kind, (begin, len))?;
                    return Ok(Answer::Held { held });
                }
                files.locks.set(node, owner, kind, (begin, len))?;
                Ok(Answer::Done {})
            }
            by_name => self.by_name(by_name).await,
        }
    }

    /// The calls that are about paths, or about what may be given as one.
    async fn by_name(&self, call: Call) -> Asked<Answer> {
        let by = self.calls.owner;
        match call {
            Call::Stat { at, follow } => {
                Ok(Answer::Status { status: status(&self.walk(&at, follow).await?.attr()?) })
            }
            Call::SetLen { at, len } => {
                if at.path.is_empty() {
                    self.writable(at.dir).map_err(|_| EINVAL)?;
                }
                let attr = self.walk(&at, true).await?.attr()?;
                match attr.kind {
                    NodeKind::Dir => Err(EISDIR),
                    _ => self.set(attr, SetAttr { size: Some(len), ..SetAttr::default() }).await,
                }
            }
            Call::SetMode { at, mode } => {
                let attr = self.walk(&at, true).await?.attr()?;
                self.set(attr, SetAttr { mode: Some(mode & 0o7777), ..SetAttr::default() }).await
            }
            Call::SetOwner { at, follow, uid, gid } => {
                let attr = self.walk(&at, follow).await?.attr()?;
                let (uid, gid) = ((uid != SAME).then_some(uid), (gid != SAME).then_some(gid));
                self.set(attr, SetAttr { uid, gid, ..SetAttr::default() }).await
            }
            Call::SetTimes { at, follow, atime, mtime } => {
                let attr = self.walk(&at, follow).await?.attr()?;
                self.set(attr, SetAttr { atime: time(atime), mtime: time(mtime), ..SetAttr::default() }).await
            }
            Call::MakeDir { at, mode } => {
                let at = self.walk(&at, false).await?.new_name()?;
                self.done(Request::MkDir { at, mode: mode & 0o7777, by }).await
            }
            Call::Remove { at, is_dir } => self.remove(&at, is_dir).await,
            Call::Rename { from, to, flags } => self.rename(&from, &to, flags).await,
            Call::Link { from, to, follow } => {
                let node = self.walk(&from, follow).await?.attr()?.node;
                let at = self.walk(&to, false).await?.new_name()?;
                self.done(Request::Link { node, at }).await
            }
            Call::Symlink { target, at } => {
                let target = String::from_utf8(target).map_err(|_| super::EILSEQ)?;
                let at = self.walk(&at, false).await?.new_name()?;
                self.done(Request::Symlink { at, target, by }).await
            }
            Call::ReadLink { at } => {
                let attr = self.walk(&at, false).await?.attr()?;
                match self.ask(Request::ReadLink { node: attr.node }).await? {
                    vfs::Answer::Target(target) => Ok(Answer::Data { data: target.into_bytes() }),
                    _ => Err(EIO),
                }
            }
            Call::RealPath { at } => {
                let found = self.walk(&at, true).await?;
                found.attr()?;
                let path: String = found.names.iter().flat_map(|name| ["/", name]).collect();
                Ok(Answer::Data { data: path.into_bytes() })
            }
            _ => Err(EINVAL),
        }
    }

    pub(super) async fn set(&self, attr: Attr, set: SetAttr) -> Asked<Answer> {
        self.done(Request::SetAttr { node: attr.node, set }).await
    }

    async fn remove(&self, at: &Place, is_dir: bool) -> Asked<Answer> {
        let found = self.walk(at, false).await?;
        let attr = found.attr()?;
        let at = found.name()?;
        if is_dir && attr.kind != NodeKind::Dir {
            return Err(ENOTDIR);
        }
        self.done(if is_dir { Request::RmDir { at } } else { Request::Unlink { at } }).await
    }

    async fn rename(&self, from: &Place, to: &Place, flags: u32) -> Asked<Answer> {
        let (from, to) = (self.walk(from, false).await?, self.walk(to, false).await?);
        let kind = from.attr()?.kind;
        if to.must_be_dir && kind != NodeKind::Dir {
            return Err(ENOTDIR);
        }
        let is_inside =
            |one: &Found, of: &Found| one.names.len() > of.names.len() && one.names.starts_with(&of.names);
        if kind == NodeKind::Dir && is_inside(&to, &from) {
            return Err(EINVAL);
        }
        self.done(Request::Rename { from: from.name()?, to: to.name()?, flags }).await
    }

    /// An open file that may be written.
    fn writable(&self, file: u64) -> Asked<Open> {
        let open = self.files().get(file)?.clone();
        if open.is_dir || open.flags & O_ACCMODE == O_RDONLY { Err(EBADF) } else { Ok(open) }
    }

    async fn read(&self, file: u64, offset: i64, len: u32) -> Asked<Answer> {
        let Open { handle, is_dir, flags, position, .. } = self.files().get(file)?.clone();
        if flags & O_ACCMODE == O_WRONLY {
            return Err(EBADF);
        }
        if is_dir {
            return Err(EISDIR);
        }
        let from = if offset == AT_POSITION { position } else { offset.cast_unsigned() };
        let vfs::Answer::Data(data) = self.ask(Request::Read { handle, offset: from, len }).await? else {
            return Err(EIO);
        };
        if offset == AT_POSITION {
            self.files().get_mut(file)?.position = from + data.len() as u64;
        }
        Ok(Answer::Data { data })
    }

    async fn write(&self, file: u64, offset: i64, data: Vec<u8>) -> Asked<Answer> {
        let Open { handle, flags, position, .. } = self.writable(file)?;
        let from = if offset == AT_POSITION { position } else { offset.cast_unsigned() };
        let written = self.ask(Request::Write { handle, offset: from, data }).await?;
        let vfs::Answer::Written(count) = written else { return Err(EIO) };
        if offset == AT_POSITION {
            let end = if flags & O_APPEND == 0 {
                from + u64::from(count)
            } else {
                // What was appended ends where the file does.
                let asked = Request::Lseek { handle, offset: 0, whence: SEEK_HOLE };
                match self.ask(asked).await {
                    Ok(vfs::Answer::Offset(end)) => end,
                    _ => from,
                }
            };
            self.files().get_mut(file)?.position = end;
        }
        Ok(number(u64::from(count)))
    }

    async fn seek(&self, file: u64, offset: i64, whence: i32) -> Asked<Answer> {
        let Open { node, handle, position, .. } = self.files().get(file)?.clone();
        let from = match whence {
            SEEK_SET => 0,
            SEEK_CUR => position,
            SEEK_END => self.status_of(node).await?.size,
            SEEK_DATA | SEEK_HOLE => {
                let offset = u64::try_from(offset).map_err(|_| EINVAL)?;
                match self.ask(Request::Lseek { handle, offset, whence }).await? {
                    vfs::Answer::Offset(found) => found,
                    _ => return Err(EIO),
                }
            }
            _ => return Err(EINVAL),
        };
        let by = if matches!(whence, SEEK_DATA | SEEK_HOLE) { 0 } else { offset };
        let position = from.checked_add_signed(by).filter(|to| i64::try_from(*to).is_ok()).ok_or(EINVAL)?;
        self.files().get_mut(file)?.position = position;
        Ok(number(position))
    }

    async fn list(&self, file: u64, offset: u64) -> Asked<Answer> {
        let Open { handle, is_dir, .. } = self.files().get(file)?.clone();
        if !is_dir {
            return Err(ENOTDIR);
        }
        let vfs::Answer::Entries(entries) = self.ask(Request::ReadDir { handle, offset }).await? else {
            return Err(EIO);
        };
        let entries = entries.into_iter().map(|vfs::Entry { node, kind, name, offset }| Entry {
            ino: node,
            kind: (file_type(kind).as_raw_mode() >> 12) as u8,
            offset,
            name: name.into_bytes(),
        });
        Ok(Answer::Entries { entries: entries.collect() })
    }
}

fn file_type(kind: NodeKind) -> FileType {
    match kind {
        NodeKind::File => FileType::RegularFile,
        NodeKind::Dir => FileType::Directory,
        NodeKind::Symlink => FileType::Symlink,
        NodeKind::Special(Special::Fifo) => FileType::Fifo,
        NodeKind::Special(Special::Socket) => FileType::Socket,
        NodeKind::Special(Special::CharDevice(_)) => FileType::CharacterDevice,
        NodeKind::Special(Special::BlockDevice(_)) => FileType::BlockDevice,
    }
}

fn status(attr: &Attr) -> Status {
    Status {
        ino: attr.node,
        mode: file_type(attr.kind).as_raw_mode() | attr.mode,
        uid: attr.uid,
        gid: attr.gid,
        nlink: attr.nlink,
        size: attr.size,
        atime_ns: attr.atime_ns,
        mtime_ns: attr.mtime_ns,
        ctime_ns: attr.ctime_ns,
    }
}

fn time(time: Time) -> Option<SetTime> {
    match time {
        Time::Same => None,
        Time::Now => Some(SetTime::Now),
        Time::At(ns) => Some(SetTime::At(ns)),
    }
}
