//! Opening and closing, and what flags do.

use super::calls::{Asked, Caller, O_ACCMODE, O_APPEND, O_RDONLY, bits, number};
use super::files::Open;
use super::walk::Found;
use super::{ELOOP, ENXIO, EOPNOTSUPP};
use crate::media::files::fs::{EIO, EISDIR, ENOTDIR};
use crate::media::shown::vfs::{self, Name, NodeKind, Request, SetAttr};
use asl_preload_wire::{Answer, Place};
use rustix::fs::OFlags;

const O_CREAT: i32 = bits(OFlags::CREATE);
const O_EXCL: i32 = bits(OFlags::EXCL);
const O_TRUNC: i32 = bits(OFlags::TRUNC);
const O_NOFOLLOW: i32 = bits(OFlags::NOFOLLOW);
const O_DIRECTORY: i32 = bits(OFlags::DIRECTORY);
const O_TMPFILE: i32 = bits(OFlags::TMPFILE);
/// Flags that are asked for once, and not kept.
const PASSING: i32 = O_CREAT | O_EXCL | O_TRUNC | bits(OFlags::NOCTTY) | bits(OFlags::CLOEXEC);

impl Caller<'_> {
    pub(super) async fn open(&self, at: &Place, flags: i32, mode: u32) -> Asked<Answer> {
        if flags & O_TMPFILE == O_TMPFILE {
            return Err(EOPNOTSUPP);
        }
        let creates = flags & O_CREAT != 0;
        let is_new = creates && flags & O_EXCL != 0;
        let found = self.walk(at, !is_new && flags & O_NOFOLLOW == 0).await?;
        let open = if is_new || (creates && !found.is_there()) {
            if found.must_be_dir {
                return Err(EISDIR);
            }
            self.create(found.new_name()?, flags, mode, found.names).await?
        } else {
            self.existing(&found, flags).await?
        };
        Ok(number(self.files().add(self.connection, open)))
    }

    async fn create(&self, at: Name, flags: i32, mode: u32, names: Vec<String>) -> Asked<Open> {
        let append = flags & O_APPEND != 0;
        let request = Request::Create { at, mode: mode & 0o7777, append, by: self.calls.owner };
        match self.ask(request).await? {
            vfs::Answer::Created(attr, handle) => {
                Ok(Open::new(attr.node, handle, false, flags & !PASSING, names))
            }
            _ => Err(EIO),
        }
    }

    async fn existing(&self, found: &Found, flags: i32) -> Asked<Open> {
        let attr = found.attr()?;
        let writes = flags & O_ACCMODE != O_RDONLY;
        let request = match attr.kind {
            NodeKind::Symlink => return Err(ELOOP),
            // A mount makes these; its calls do not come here.
            NodeKind::Special(_) => return Err(ENXIO),
            NodeKind::Dir if writes || flags & O_CREAT != 0 => return Err(EISDIR),
            NodeKind::Dir => Request::OpenDir { node: attr.node },
            NodeKind::File if flags & O_DIRECTORY != 0 => return Err(ENOTDIR),
            NodeKind::File => Request::Open { node: attr.node, append: flags & O_APPEND != 0 },
        };
        let vfs::Answer::Opened(handle) = self.ask(request).await? else { return Err(EIO) };
        if writes && flags & O_TRUNC != 0 {
            let cut = self.set(attr, SetAttr { size: Some(0), ..SetAttr::default() }).await;
            if let Err(number) = cut {
                self.ask(Request::Release { handle }).await?;
                return Err(number);
            }
        }
        let is_dir = attr.kind == NodeKind::Dir;
        Ok(Open::new(attr.node, handle, is_dir, flags & !PASSING, found.names.clone()))
    }

    pub(super) async fn close(&self, file: u64) -> Asked<Answer> {
        let handle = self.files().close(self.connection, file)?;
        match handle {
            Some(handle) => self.done(Request::Release { handle }).await,
            None => Ok(Answer::Done {}),
        }
    }

    /// Of the flags that can be changed, only whether writes append changes anything here.
    pub(super) async fn set_flags(&self, file: u64, flags: i32) -> Asked<Answer> {
        let Open { node, handle, flags: before, is_dir, .. } = self.files().get(file)?.clone();
        if !is_dir && (before ^ flags) & O_APPEND != 0 {
            let request = Request::Open { node, append: flags & O_APPEND != 0 };
            let vfs::Answer::Opened(other) = self.ask(request).await? else { return Err(EIO) };
            self.files().get_mut(file)?.handle = other;
            self.ask(Request::Release { handle }).await?;
        }
        self.files().get_mut(file)?.flags = (before & !O_APPEND) | (flags & O_APPEND);
        Ok(Answer::Done {})
    }
}
