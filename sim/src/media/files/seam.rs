//! How a host reaches the simulated file system: [`asl_host::fs::FileSystem`], call by call through the executor.
//!
//! Each call takes some simulated time, during which other tasks go on; it takes effect at one instant at the end of that
//! time, may fail as the scenario has planned, and may be where the processes or the power fail. A call of a process that
//! is dead changes nothing and fails with EIO.

use super::fs::{EBADF, EINVAL, errno};
use super::request::{Opened, Reply, Request};
use crate::executor::Process;
use crate::media::Sim;
use asl_host::fs::{File, FileSystem, Metadata, OpenMode};
use std::ffi::OsString;
use std::future::Future;
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
    file: Opened,
    writable: bool,
}

/// A reply is what its request asks for.
const OTHER: &str = "a reply to this request";

fn text(path: &Path) -> io::Result<&str> {
    path.to_str().ok_or_else(|| errno(EINVAL))
}

impl SimFileSystem {
    pub(crate) fn new(sim: Arc<Sim>, process: Process) -> SimFileSystem {
        SimFileSystem { sim, process }
    }

    fn ask<'a>(&'a self, request: Request<'a>) -> impl Future<Output = io::Result<Reply>> + 'a {
        self.sim.perform(self.process, request)
    }
}

impl FileSystem for SimFileSystem {
    type File = SimFile;

    async fn open(&self, path: &Path, mode: OpenMode) -> io::Result<SimFile> {
        let path = text(path)?;
        let Reply::Opened(file) = self.ask(Request::Open { path, mode }).await? else {
            unreachable!("{OTHER}")
        };
        let (sim, process) = (self.sim.clone(), self.process);
        Ok(SimFile { sim, process, file, writable: mode != OpenMode::Read })
    }

    async fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.ask(Request::MakeDir { path: text(path)? }).await.map(drop)
    }

    async fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.ask(Request::RemoveDir { path: text(path)? }).await.map(drop)
    }

    async fn unlink(&self, path: &Path) -> io::Result<()> {
        self.ask(Request::Unlink { path: text(path)? }).await.map(drop)
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.ask(Request::Rename { from: text(from)?, to: text(to)? }).await.map(drop)
    }

    async fn link(&self, original: &Path, link: &Path) -> io::Result<()> {
        self.ask(Request::Link { original: text(original)?, link: text(link)? }).await.map(drop)
    }

    async fn read_dir(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let Reply::Names(names) = self.ask(Request::List { path: text(path)? }).await? else {
            unreachable!("{OTHER}")
        };
        Ok(names.into_iter().map(OsString::from).collect())
    }

    async fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        let Reply::Metadata(metadata) = self.ask(Request::StatAt { path: text(path)? }).await? else {
            unreachable!("{OTHER}")
        };
        Ok(metadata)
    }

    async fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.ask(Request::SyncDir { path: text(path)? }).await.map(drop)
    }
}

impl SimFile {
    fn ask<'a>(&'a self, request: Request<'a>) -> impl Future<Output = io::Result<Reply>> + 'a {
        self.sim.perform(self.process, request)
    }

    fn check_writable(&self) -> io::Result<()> {
        // As pwrite(2) has it for a file opened for reading.
        if self.writable { Ok(()) } else { Err(errno(EBADF)) }
    }
}

impl File for SimFile {
    async fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let request = Request::Read { file: self.file, buffer, offset };
        self.ask(request).await.map(Reply::count)
    }

    async fn write_at(&self, data: &[u8], offset: u64) -> io::Result<usize> {
        self.check_writable()?;
        let request = Request::Write { file: self.file, data, offset };
        self.ask(request).await.map(Reply::count)
    }

    async fn sync_data(&self) -> io::Result<()> {
        self.ask(Request::Sync { file: self.file, data_only: true }).await.map(drop)
    }

    async fn sync_all(&self) -> io::Result<()> {
        self.ask(Request::Sync { file: self.file, data_only: false }).await.map(drop)
    }

    async fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_writable()?;
        self.ask(Request::SetLen { file: self.file, len }).await.map(drop)
    }

    async fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.check_writable()?;
        self.ask(Request::Allocate { file: self.file, offset, len }).await.map(drop)
    }

    async fn metadata(&self) -> io::Result<Metadata> {
        let Reply::Metadata(metadata) = self.ask(Request::Stat { file: self.file }).await? else {
            unreachable!("{OTHER}")
        };
        Ok(metadata)
    }

    async fn try_lock(&self) -> io::Result<bool> {
        let Reply::Locked(locked) = self.ask(Request::Lock { file: self.file }).await? else {
            unreachable!("{OTHER}")
        };
        Ok(locked)
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        // During a panic of our own the world may be half changed; there is nothing to release then.
        if let Some(mut world) = self.sim.lock_unless_poisoned()
            && world.is_alive(self.process)
        {
            world.medium.files.fs.unlock(self.file.ino, self.file.handle);
        }
    }
}
