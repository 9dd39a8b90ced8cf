//! How a host reaches the simulated file system: [`asl_host::fs::FileSystem`], call by call through the runtime.
//!
//! Each call takes some simulated time, during which other tasks go on; it takes effect at one instant at the end of that
//! time, may fail as the scenario has planned, and may be where the processes or the power fail. A call of a process that
//! is dead changes nothing and fails with EIO.

use super::fs::{Ino, errno};
use crate::chronicle::About;
use crate::runtime::{CallKind, Process, Sim};
use asl_host::fs::{File, FileSystem, Metadata, OpenMode};
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The file system as one process sees it.
#[derive(Clone, Debug)]
pub struct SimFileSystem {
    sim: Arc<Sim>,
    process: Process,
}

/// An open file of one process.
#[derive(Debug)]
pub struct SimFile {
    sim: Arc<Sim>,
    process: Process,
    handle: u64,
    ino: Ino,
    writable: bool,
}

impl SimFileSystem {
    pub(crate) fn new(sim: Arc<Sim>, process: Process) -> SimFileSystem {
        SimFileSystem { sim, process }
    }
}

fn text(path: &Path) -> io::Result<&str> {
    path.to_str().ok_or_else(|| errno(super::fs::EINVAL))
}

impl FileSystem for SimFileSystem {
    type File = SimFile;

    async fn open(&self, path: &Path, mode: OpenMode) -> io::Result<SimFile> {
        let kind = match mode {
            OpenMode::Read | OpenMode::ReadWrite => CallKind::Open,
            OpenMode::Create | OpenMode::CreateNew => CallKind::Create,
        };
        let path = text(path)?;
        let about = About::path(if kind == CallKind::Create { "create" } else { "open" }, path);
        let opened = self.sim.perform(self.process, kind, about, |world, call| {
            let key = world.next_inode_key(call);
            let (ino, made) = world.fs.open(path, mode, key, &mut world.decide)?;
            world.note(call, u64::from(ino), 0);
            let handle = world.add_handle(ino);
            world.chronicle_open(handle, ino, path, made);
            Ok((ino, handle))
        });
        let (ino, handle) = opened.await?;
        Ok(SimFile {
            sim: self.sim.clone(),
            process: self.process,
            handle,
            ino,
            writable: mode != OpenMode::Read,
        })
    }

    async fn create_dir(&self, path: &Path) -> io::Result<()> {
        let path = text(path)?;
        let about = About::path("mkdir", path);
        let made = self.sim.perform(self.process, CallKind::Name, about, |world, call| {
            let key = world.next_inode_key(call);
            world.fs.create_dir(path, key, &mut world.decide)?;
            world.chronicle_dir(path);
            Ok(())
        });
        made.await
    }

    async fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let path = text(path)?;
        let about = About::path("rmdir", path);
        let removed = self
            .sim
            .perform(self.process, CallKind::Name, about, |w, _| w.fs.remove_dir(path, &mut w.decide));
        removed.await
    }

    async fn unlink(&self, path: &Path) -> io::Result<()> {
        let path = text(path)?;
        let about = About::path("unlink", path);
        let removed =
            self.sim.perform(self.process, CallKind::Name, about, |w, _| w.fs.unlink(path, &mut w.decide));
        removed.await
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (text(from)?, text(to)?);
        let about = About::paths("rename", from, to);
        let renamed = self
            .sim
            .perform(self.process, CallKind::Name, about, |w, _| w.fs.rename(from, to, &mut w.decide));
        renamed.await
    }

    async fn link(&self, original: &Path, link: &Path) -> io::Result<()> {
        let (original, link) = (text(original)?, text(link)?);
        let about = About::paths("link", original, link);
        let linked = self
            .sim
            .perform(self.process, CallKind::Name, about, |w, _| w.fs.link(original, link, &mut w.decide));
        linked.await
    }

    async fn read_dir(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let path = text(path)?;
        let about = About::path("list", path);
        let listed = self.sim.perform(self.process, CallKind::Look, about, |world, call| {
            let names = world.fs.read_dir(path, &mut world.decide)?;
            world.note(call, names.len() as u64, 0);
            Ok(names)
        });
        Ok(listed.await?.into_iter().map(OsString::from).collect())
    }

    async fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        let path = text(path)?;
        let about = About::path("stat", path);
        let looked = self.sim.perform(self.process, CallKind::Look, about, |world, call| {
            let metadata = world.fs.metadata_at(path, &mut world.decide)?;
            world.note(call, metadata.inode, metadata.len);
            Ok(metadata)
        });
        looked.await
    }

    async fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let path = text(path)?;
        let about = About::path("fsync", path);
        let synced = self.sim.perform(self.process, CallKind::SyncDir, about, |world, call| {
            let ino = world.fs.dir_at(path, &mut world.decide)?;
            world.sync_dir(call, ino)
        });
        synced.await
    }
}

impl SimFile {
    async fn sync(&self, data_only: bool) -> io::Result<()> {
        let about = About::handle(if data_only { "fdatasync" } else { "fsync" }, self.handle);
        let synced = self.sim.perform(self.process, CallKind::Sync, about, |world, call| {
            world.sync_file(call, self.handle, self.ino, data_only)
        });
        synced.await
    }

    fn check_writable(&self) -> io::Result<()> {
        // EBADF, as pwrite(2) has it for a file opened for reading.
        if self.writable { Ok(()) } else { Err(errno(9)) }
    }
}

impl File for SimFile {
    async fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let about = About::handle("read", self.handle).range(offset, buffer.len());
        let read = self.sim.perform(self.process, CallKind::Read, about, |world, call| {
            world.read(call, self.ino, buffer, offset)
        });
        read.await
    }

    async fn write_at(&self, data: &[u8], offset: u64) -> io::Result<usize> {
        self.check_writable()?;
        let about = About::handle("write", self.handle).range(offset, data.len());
        let written = self.sim.perform(self.process, CallKind::Write, about, |world, call| {
            world.write(call, self.ino, data, offset)
        });
        written.await
    }

    async fn sync_data(&self) -> io::Result<()> {
        self.sync(true).await
    }

    async fn sync_all(&self) -> io::Result<()> {
        self.sync(false).await
    }

    async fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_writable()?;
        let about =
            About::handle("ftruncate", self.handle).range(0, usize::try_from(len).unwrap_or(usize::MAX));
        let cut = self
            .sim
            .perform(self.process, CallKind::SetLen, about, |world, call| world.set_len(call, self.ino, len));
        cut.await
    }

    async fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.check_writable()?;
        let about =
            About::handle("fallocate", self.handle).range(offset, usize::try_from(len).unwrap_or(usize::MAX));
        let allocated = self.sim.perform(self.process, CallKind::SetLen, about, |world, call| {
            world.allocate(call, self.ino, (offset, len), false)
        });
        allocated.await
    }

    async fn metadata(&self) -> io::Result<Metadata> {
        let about = About::handle("stat", self.handle);
        let looked = self.sim.perform(self.process, CallKind::Look, about, |world, call| {
            let metadata = world.fs.metadata(self.ino, &mut world.decide);
            world.note(call, metadata.inode, metadata.len);
            Ok(metadata)
        });
        looked.await
    }

    async fn try_lock(&self) -> io::Result<bool> {
        let about = About::handle("flock", self.handle);
        let locked = self.sim.perform(self.process, CallKind::Lock, about, |world, call| {
            let locked = world.fs.try_lock(self.ino, self.handle);
            world.note(call, u64::from(self.ino), u64::from(locked));
            Ok(locked)
        });
        locked.await
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        // During a panic of our own the world may be half changed; there is nothing to release then.
        if let Some(mut world) = self.sim.lock_unless_poisoned()
            && world.is_alive(self.process)
        {
            world.fs.unlock(self.ino, self.handle);
        }
    }
}
