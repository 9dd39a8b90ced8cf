//! What each request comes to, at the instant it takes effect.

use super::request::{Answer, Attr, Name, NodeKind, Owner, Request, SetAttr, SetTime, Special};
use super::{Open, State};
use crate::executor::Call;
use crate::media::files::fs::{
    EEXIST, EINVAL, EIO, EISDIR, Form, Hole, Ino, New, Owned, Taken, Times, errno,
};
use crate::media::files::{At, Opened};
use std::io;

const EPERM: i32 = 1;
const ENAMETOOLONG: i32 = 36;
const ENODATA: i32 = 61;
const EOPNOTSUPP: i32 = 95;
const SETGID: u32 = 0o2000;
const TYPE_MASK: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FIFO: u32 = 0o010_000;
const SOCKET: u32 = 0o140_000;
const CHAR_DEVICE: u32 = 0o020_000;
const BLOCK_DEVICE: u32 = 0o060_000;
/// Of renameat2(2).
const NO_REPLACE: u32 = 1;
const EXCHANGE: u32 = 2;
/// Of fallocate(2).
const KEEP_SIZE: i32 = 1;
const PUNCH_HOLE: i32 = 2;
const ZERO_RANGE: i32 = 16;
/// Of setxattr(2).
const XATTR_CREATE: i32 = 1;
const XATTR_REPLACE: i32 = 2;
/// The longest name, in bytes.
pub(crate) const NAME_LEN_MAX: usize = 255;
/// What statfs(2) tells where space is not limited, in bytes.
pub(super) const SPACE: u64 = 1 << 40;

impl State {
    /// A request that takes its turn as a call.
    pub(super) fn effect(
        &mut self,
        world: &mut At<'_>,
        call: &Call,
        request: &Request,
    ) -> io::Result<Answer> {
        use Request as R;
        match request {
            R::Lookup { at } => self.look_up(world, call, at),
            R::GetAttr { node } => self.stat(world, call, *node),
            R::SetAttr { node, set } => self.set_attr(world, call, *node, set),
            R::ReadLink { node } => {
                let ino = self.ino(world, *node)?;
                world.note(call, u64::from(ino), 0);
                world.files.fs.link_target(ino, &mut world.executor.decide).map(Answer::Target)
            }
            R::Create { at, mode, append, by } => self.create(world, call, at, (*mode, *append), *by),
            R::MkNod { at, mode, device, by } => {
                let form = form_of(*mode, *device)?;
                self.make_of(world, call, at, (New::File, form), (*mode, *by)).map(Answer::Attr)
            }
            R::MkDir { at, mode, by } => self.make(world, call, at, New::Dir, (*mode, *by)).map(Answer::Attr),
            R::Symlink { at, target, by } => {
                let new = (New::Symlink(target), Form::Symlink);
                self.make_of(world, call, at, new, (0o777, *by)).map(Answer::Attr)
            }
            R::Unlink { at } => self.remove(world, at, false),
            R::RmDir { at } => self.remove(world, at, true),
            R::Rename { from, to, flags } => self.rename(world, from, to, *flags),
            R::Link { node, at } => self.link(world, call, *node, at),
            R::Open { node, append } => self.open_file(world, call, *node, *append),
            R::Read { handle, offset, len } => self.read(world, call, (*handle, *offset), *len),
            R::Write { handle, offset, data } => self.write(world, call, (*handle, *offset), data),
            R::Fsync { handle, data_only } => {
                let ino = self.open(*handle)?.ino;
                world.sync_file(call, Opened { handle: *handle, ino }, *data_only).map(|()| Answer::Done)
            }
            R::FsyncDir { handle } => world.sync_dir(call, self.open(*handle)?.ino).map(|()| Answer::Done),
            R::Fallocate { handle, offset, len, mode } => {
                let ino = self.open(*handle)?.ino;
                fallocate(world, call, ino, (*offset, *len), *mode)?;
                modified(world, ino);
                Ok(Answer::Done)
            }
            R::ReadDir { handle, offset } => self.read_dir(world, Some(call), *handle, *offset),
            R::GetXattr { .. } | R::SetXattr { .. } | R::ListXattr { .. } | R::RemoveXattr { .. } => {
                self.xattr(world, call, request)
            }
            R::Lseek { .. } | R::OpenDir { .. } | R::Flush { .. } | R::Release { .. } | R::StatFs => {
                self.at_once(world, request)
            }
        }
    }

    /// The directory that a name is in, if it can be one.
    fn at(&self, world: &At<'_>, at: &Name) -> io::Result<Ino> {
        if at.name.len() > NAME_LEN_MAX {
            return Err(errno(ENAMETOOLONG));
        }
        self.ino(world, at.parent)
    }

    pub(super) fn attr(&self, world: &mut At<'_>, ino: Ino) -> Attr {
        let metadata = world.files.fs.metadata(ino, &mut world.executor.decide);
        let times = world.files.fs.times(ino);
        let kind = kind_of(world, ino);
        let default = Owned::default();
        let Owned { mode, uid, gid, .. } = world.files.fs.owned(ino).unwrap_or(&default);
        Attr {
            node: self.node(ino),
            kind,
            mode: *mode,
            uid: *uid,
            gid: *gid,
            nlink: self.tree.links(ino),
            size: if kind == NodeKind::Dir { 4096 } else { metadata.len },
            atime_ns: times.accessed_ns,
            mtime_ns: times.modified_ns,
            ctime_ns: times.changed_ns,
        }
    }

    fn look_up(&mut self, world: &mut At<'_>, call: &Call, at: &Name) -> io::Result<Answer> {
        let parent = self.at(world, at)?;
        let ino = match at.name.as_str() {
            "." => parent,
            ".." => self.tree.parent(parent),
            name => world.files.fs.look_up((parent, name), &mut world.executor.decide)?,
        };
        let attr = self.attr(world, ino);
        world.note(call, u64::from(ino), attr.size);
        Ok(Answer::Attr(attr))
    }

    fn stat(&mut self, world: &mut At<'_>, call: &Call, node: u64) -> io::Result<Answer> {
        let ino = self.ino(world, node)?;
        let attr = self.attr(world, ino);
        world.note(call, u64::from(ino), attr.size);
        Ok(Answer::Attr(attr))
    }

    fn set_attr(&mut self, world: &mut At<'_>, call: &Call, node: u64, set: &SetAttr) -> io::Result<Answer> {
        let ino = self.ino(world, node)?;
        if let Some(size) = set.size {
            world.set_len(call, ino, size)?;
            modified(world, ino);
        }
        if set.changes_owned() {
            let mut owned = world.files.fs.owned(ino).cloned().unwrap_or_default();
            owned.mode = set.mode.map_or(owned.mode, |mode| mode & !TYPE_MASK);
            owned.uid = set.uid.unwrap_or(owned.uid);
            owned.gid = set.gid.unwrap_or(owned.gid);
            world.note(call, u64::from(ino), u64::from(owned.mode));
            world.files.fs.set_owned(ino, owned);
        }
        let (mut times, now_ns) = (world.files.fs.times(ino), world.executor.wall_ns());
        let at = |time: SetTime| match time {
            SetTime::Now => now_ns,
            SetTime::At(ns) => ns,
        };
        times.accessed_ns = set.atime.map_or(times.accessed_ns, at);
        times.modified_ns = set.mtime.map_or(times.modified_ns, at);
        times.changed_ns = now_ns;
        world.files.fs.set_times(ino, times);
        Ok(Answer::Attr(self.attr(world, ino)))
    }

    fn make(
        &mut self,
        world: &mut At<'_>,
        call: &Call,
        at: &Name,
        new: New<'_>,
        by: (u32, Owner),
    ) -> io::Result<Attr> {
        self.make_of(world, call, at, (new, Form::Regular), by)
    }

    fn make_of(
        &mut self,
        world: &mut At<'_>,
        call: &Call,
        at: &Name,
        (new, form): (New<'_>, Form),
        (mode, by): (u32, Owner),
    ) -> io::Result<Attr> {
        let parent = self.at(world, at)?;
        let key = world.executor.next_key(call);
        let mut owned = Owned { mode: mode & !TYPE_MASK, uid: by.uid, gid: by.gid, form, ..Owned::default() };
        // A directory with this bit hands on its group, and the bit to directories.
        if let Some(above) = world.files.fs.owned(parent).filter(|above| above.mode & SETGID != 0) {
            owned.gid = above.gid;
            owned.mode |= if new == New::Dir { SETGID } else { 0 };
        }
        let ino =
            world.files.fs.make_at((parent, &at.name), key, new, Some(owned), &mut world.executor.decide)?;
        let now_ns = world.executor.wall_ns();
        world.files.fs.set_times(ino, Times { accessed_ns: now_ns, modified_ns: now_ns, changed_ns: now_ns });
        modified(world, parent);
        self.tree.add(parent, &at.name, ino, new == New::Dir);
        if new == New::Dir {
            world.files.is_named(ino, &self.tree.path(ino));
        }
        world.note(call, u64::from(ino), 0);
        Ok(self.attr(world, ino))
    }

    fn create(
        &mut self,
        world: &mut At<'_>,
        call: &Call,
        at: &Name,
        (mode, append): (u32, bool),
        by: Owner,
    ) -> io::Result<Answer> {
        let attr = self.make(world, call, at, New::File, (mode, by))?;
        let ino = self.ino(world, attr.node)?;
        let handle = self.add_handle(world, ino, append, true);
        Ok(Answer::Created(attr, handle))
    }

    fn add_handle(&mut self, world: &mut At<'_>, ino: Ino, append: bool, made: bool) -> u64 {
        let handle = world.add_handle(ino, &self.tree.path(ino), made);
        self.handles.insert(handle, Open { ino, append, entries: Vec::new() });
        handle
    }

    fn open_file(&mut self, world: &mut At<'_>, call: &Call, node: u64, append: bool) -> io::Result<Answer> {
        let ino = self.ino(world, node)?;
        if world.files.fs.is_dir(ino) {
            return Err(errno(EISDIR));
        }
        world.note(call, u64::from(ino), 0);
        Ok(Answer::Opened(self.add_handle(world, ino, append, false)))
    }

    fn remove(&mut self, world: &mut At<'_>, at: &Name, is_dir: bool) -> io::Result<Answer> {
        let parent = self.at(world, at)?;
        let ino = world.files.fs.look_up((parent, &at.name), &mut world.executor.decide)?;
        if is_dir {
            world.files.fs.remove_dir_at((parent, &at.name), &mut world.executor.decide)?;
        } else {
            world.files.fs.unlink_at((parent, &at.name), &mut world.executor.decide)?;
        }
        self.tree.remove(parent, ino);
        modified(world, parent);
        changed(world, ino);
        Ok(Answer::Done)
    }

    fn rename(&mut self, world: &mut At<'_>, from: &Name, to: &Name, flags: u32) -> io::Result<Answer> {
        let taken = match flags {
            0 => Taken::Replaced,
            NO_REPLACE => Taken::Refused,
            EXCHANGE => Taken::Exchanged,
            _ => return Err(errno(EINVAL)),
        };
        let (from_dir, to_dir) = (self.at(world, from)?, self.at(world, to)?);
        let ino = world.files.fs.look_up((from_dir, &from.name), &mut world.executor.decide)?;
        let target = world.files.fs.look_up((to_dir, &to.name), &mut world.executor.decide).ok();
        world.files.fs.rename_at(
            (from_dir, &from.name),
            (to_dir, &to.name),
            taken,
            &mut world.executor.decide,
        )?;
        if target == Some(ino) {
            return Ok(Answer::Done);
        }
        let paths = [(from_dir, from), (to_dir, to)].map(|(dir, name)| self.tree.path_at(dir, &name.name));
        world.files.is_renamed(&paths[0], &paths[1]);
        self.tree.remove(from_dir, ino);
        if let Some(target) = target {
            self.tree.remove(to_dir, target);
            changed(world, target);
        }
        let is_dir = world.files.fs.is_dir(ino);
        self.tree.add(to_dir, &to.name, ino, is_dir);
        if let Some(target) = target.filter(|_| taken == Taken::Exchanged) {
            let is_dir = world.files.fs.is_dir(target);
            self.tree.add(from_dir, &from.name, target, is_dir);
        }
        changed(world, ino);
        modified(world, from_dir);
        modified(world, to_dir);
        Ok(Answer::Done)
    }

    fn link(&mut self, world: &mut At<'_>, call: &Call, node: u64, at: &Name) -> io::Result<Answer> {
        let (ino, parent) = (self.ino(world, node)?, self.at(world, at)?);
        if world.files.fs.is_dir(ino) {
            return Err(errno(EPERM));
        }
        world.files.fs.link_at(ino, (parent, &at.name), &mut world.executor.decide)?;
        self.tree.add(parent, &at.name, ino, false);
        modified(world, parent);
        changed(world, ino);
        world.note(call, u64::from(ino), 0);
        Ok(Answer::Attr(self.attr(world, ino)))
    }

    fn read(
        &mut self,
        world: &mut At<'_>,
        call: &Call,
        (handle, offset): (u64, u64),
        len: u32,
    ) -> io::Result<Answer> {
        let ino = self.open(handle)?.ino;
        let left = world.files.fs.metadata(ino, &mut world.executor.decide).len.saturating_sub(offset);
        let mut buffer = vec![0; u64::from(len).min(left) as usize];
        let count = world.read(call, ino, &mut buffer, offset)?;
        buffer.truncate(count);
        Ok(Answer::Data(buffer))
    }

    fn write(
        &mut self,
        world: &mut At<'_>,
        call: &Call,
        (handle, offset): (u64, u64),
        data: &[u8],
    ) -> io::Result<Answer> {
        let Open { ino, append, .. } = *self.open(handle)?;
        let offset =
            if append { world.files.fs.metadata(ino, &mut world.executor.decide).len } else { offset };
        let count = world.write(call, ino, data, offset)?;
        modified(world, ino);
        Ok(Answer::Written(count as u32))
    }

    fn xattr(&mut self, world: &mut At<'_>, call: &Call, request: &Request) -> io::Result<Answer> {
        let (Request::GetXattr { node, .. }
        | Request::SetXattr { node, .. }
        | Request::ListXattr { node }
        | Request::RemoveXattr { node, .. }) = request
        else {
            return Err(errno(EIO));
        };
        let ino = self.ino(world, *node)?;
        world.note(call, u64::from(ino), 0);
        let mut owned = world.files.fs.owned(ino).cloned().unwrap_or_default();
        match request {
            Request::GetXattr { name, .. } => {
                return owned.xattrs.remove(name).map(Answer::Data).ok_or_else(|| errno(ENODATA));
            }
            Request::SetXattr { name, value, flags, .. } => match owned.xattrs.get(name) {
                Some(_) if flags & XATTR_CREATE != 0 => return Err(errno(EEXIST)),
                None if flags & XATTR_REPLACE != 0 => return Err(errno(ENODATA)),
                _ => drop(owned.xattrs.insert(name.clone(), value.clone())),
            },
            Request::RemoveXattr { name, .. } => {
                owned.xattrs.remove(name).ok_or_else(|| errno(ENODATA))?;
            }
            _ => return Ok(Answer::Names(owned.xattrs.into_keys().collect())),
        }
        world.files.fs.set_owned(ino, owned);
        changed(world, ino);
        Ok(Answer::Done)
    }
}

fn fallocate(world: &mut At<'_>, call: &Call, ino: Ino, range: (u64, u64), mode: i32) -> io::Result<()> {
    match mode {
        0 => world.allocate(call, ino, range, false),
        KEEP_SIZE => world.allocate(call, ino, range, true),
        _ => {
            let hole = match mode & !KEEP_SIZE {
                PUNCH_HOLE | ZERO_RANGE if mode & KEEP_SIZE != 0 => Hole::KeepsSize,
                ZERO_RANGE => Hole::Extends,
                _ => return Err(errno(EOPNOTSUPP)),
            };
            world.note(call, u64::from(ino), range.0);
            world.note(call, u64::from(ino), range.1);
            world.files.fs.clear(ino, range, hole, &mut world.executor.decide)
        }
    }
}

/// What mknod(2) is to make.
fn form_of(mode: u32, device: u32) -> io::Result<Form> {
    Ok(match mode & TYPE_MASK {
        0 | REGULAR => Form::Regular,
        FIFO => Form::Special(Special::Fifo),
        SOCKET => Form::Special(Special::Socket),
        CHAR_DEVICE => Form::Special(Special::CharDevice(device)),
        BLOCK_DEVICE => Form::Special(Special::BlockDevice(device)),
        _ => return Err(errno(EINVAL)),
    })
}

pub(super) fn kind_of(world: &At<'_>, ino: Ino) -> NodeKind {
    if world.files.fs.is_dir(ino) {
        NodeKind::Dir
    } else {
        match world.files.fs.form(ino) {
            Form::Regular => NodeKind::File,
            Form::Symlink => NodeKind::Symlink,
            Form::Special(special) => NodeKind::Special(special),
        }
    }
}

/// Content or names changed now.
fn modified(world: &mut At<'_>, ino: Ino) {
    let now_ns = world.executor.wall_ns();
    let times = world.files.fs.times(ino);
    world.files.fs.set_times(ino, Times { modified_ns: now_ns, changed_ns: now_ns, ..times });
}

/// Something besides the content changed now.
fn changed(world: &mut At<'_>, ino: Ino) {
    let (now_ns, times) = (world.executor.wall_ns(), world.files.fs.times(ino));
    world.files.fs.set_times(ino, Times { changed_ns: now_ns, ..times });
}
