//! How a host reaches the simulated file system: [`asl_host::fs::FileSystem`], call by call through the runtime.
//!
//! Each call takes some simulated time, during which other tasks go on; it takes effect at one instant at the end of that
//! time, may fail as the scenario has planned, and may be where the processes or the power fail. A call of a process that
//! is dead changes nothing and fails with EIO.

use super::fs::{EIO, Ino, errno};
use crate::decide::Question;
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
        let opened = self.sim.perform(self.process, kind, |world, call| {
            let key = world.next_inode_key(call);
            let (ino, _) = world.fs.open(path, mode, key, &mut world.decide)?;
            world.note(call, u64::from(ino), 0);
            Ok((ino, world.add_handle(ino)))
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
        let made = self.sim.perform(self.process, CallKind::Name, |world, call| {
            let key = world.next_inode_key(call);
            world.fs.create_dir(path, key, &mut world.decide)
        });
        made.await
    }

    async fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let path = text(path)?;
        let call =
            self.sim.perform(self.process, CallKind::Name, |w, _| w.fs.remove_dir(path, &mut w.decide));
        call.await
    }

    async fn unlink(&self, path: &Path) -> io::Result<()> {
        let path = text(path)?;
        self.sim.perform(self.process, CallKind::Name, |w, _| w.fs.unlink(path, &mut w.decide)).await
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (text(from)?, text(to)?);
        self.sim.perform(self.process, CallKind::Name, |w, _| w.fs.rename(from, to, &mut w.decide)).await
    }

    async fn link(&self, original: &Path, link: &Path) -> io::Result<()> {
        let (original, link) = (text(original)?, text(link)?);
        self.sim.perform(self.process, CallKind::Name, |w, _| w.fs.link(original, link, &mut w.decide)).await
    }

    async fn read_dir(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let path = text(path)?;
        let listed = self.sim.perform(self.process, CallKind::Look, |world, call| {
            let names = world.fs.read_dir(path, &mut world.decide)?;
            world.note(call, names.len() as u64, 0);
            Ok(names)
        });
        Ok(listed.await?.into_iter().map(OsString::from).collect())
    }

    async fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        let path = text(path)?;
        let looked = self.sim.perform(self.process, CallKind::Look, |world, call| {
            let metadata = world.fs.metadata_at(path, &mut world.decide)?;
            world.note(call, metadata.inode, metadata.len);
            Ok(metadata)
        });
        looked.await
    }

    async fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let path = text(path)?;
        let synced = self.sim.perform(self.process, CallKind::SyncDir, |world, call| {
            let ino = world.fs.dir_at(path, &mut world.decide)?;
            world.note(call, u64::from(ino), 0);
            if call.fails_sync() {
                world.fs.fail_sync(ino, call.mark, call.address(Question::Reverted), &mut world.decide);
                return Err(errno(EIO));
            }
            world.sync(call, ino, false);
            Ok(())
        });
        synced.await
    }
}

impl SimFile {
    async fn sync(&self, data_only: bool) -> io::Result<()> {
        let synced = self.sim.perform(self.process, CallKind::Sync, |world, call| {
            world.note(call, u64::from(self.ino), 0);
            if call.fails_sync() {
                world.fs.fail_sync(self.ino, call.mark, call.address(Question::Reverted), &mut world.decide);
            }
            // Every handle that was open when a sync failed hears of it once (F7).
            let errors = world.fs.sync_errors(self.ino);
            if world.hear_of_errors(self.handle, errors) {
                return Err(errno(EIO));
            }
            world.sync(call, self.ino, data_only);
            Ok(())
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
        let read = self.sim.perform(self.process, CallKind::Read, |world, call| {
            let wanted = call.shortened(buffer.len());
            let count = world.fs.read(self.ino, &mut buffer[..wanted], offset, &mut world.decide)?;
            world.damage_read(call, self.ino, offset, &mut buffer[..count])?;
            world.note_bytes(call, self.ino, offset, &buffer[..count]);
            Ok(count)
        });
        read.await
    }

    async fn write_at(&self, data: &[u8], offset: u64) -> io::Result<usize> {
        self.check_writable()?;
        let written = self.sim.perform(self.process, CallKind::Write, |world, call| {
            let data = &data[..world.written_share(call, offset, data.len())];
            let count = world.fs.write(self.ino, data, offset, &mut world.decide)?;
            world.note_bytes(call, self.ino, offset, &data[..count]);
            Ok(count)
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
        let cut = self.sim.perform(self.process, CallKind::SetLen, |world, call| {
            world.note(call, u64::from(self.ino), len);
            world.fs.set_len(self.ino, len, &mut world.decide)
        });
        cut.await
    }

    async fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.check_writable()?;
        let allocated = self.sim.perform(self.process, CallKind::SetLen, |world, call| {
            world.note(call, u64::from(self.ino), offset);
            world.note(call, u64::from(self.ino), len);
            world.fs.allocate(self.ino, offset, len, &mut world.decide)
        });
        allocated.await
    }

    async fn metadata(&self) -> io::Result<Metadata> {
        let looked = self.sim.perform(self.process, CallKind::Look, |world, call| {
            let metadata = world.fs.metadata(self.ino, &mut world.decide);
            world.note(call, metadata.inode, metadata.len);
            Ok(metadata)
        });
        looked.await
    }

    async fn try_lock(&self) -> io::Result<bool> {
        let locked = self.sim.perform(self.process, CallKind::Lock, |world, call| {
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
