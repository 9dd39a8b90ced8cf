//! What the host does with files, on the seam: whole files that appear all at once and durably.

use asl_host::env::Env;
use asl_host::fs::{File, FileSystem, OpenMode, read_whole, write_all_at};
use std::io::{self, ErrorKind as Io};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The seams.
#[derive(Clone)]
pub(crate) struct Files<F, E> {
    pub(crate) system: F,
    pub(crate) env: Arc<E>,
}

impl<F: FileSystem, E: Env> Files<F, E> {
    pub(crate) async fn exists(&self, path: &Path) -> io::Result<bool> {
        match self.system.metadata(path).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == Io::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn make_dir(&self, dir: &Path) -> io::Result<()> {
        match self.system.create_dir(dir).await {
            Err(error) if error.kind() != Io::AlreadyExists => return Err(error),
            _ => {}
        }
        self.sync_parent(dir).await
    }

    pub(crate) async fn sync_parent(&self, path: &Path) -> io::Result<()> {
        self.system.sync_dir(path.parent().unwrap_or(path)).await
    }

    pub(crate) async fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        read_whole(&self.system.open(path, OpenMode::Read).await?).await
    }

    /// A new file with this content, which is durable; its name is not.
    pub(crate) async fn write_new(&self, path: &Path, content: &[u8]) -> io::Result<F::File> {
        let file = self.system.open(path, OpenMode::CreateNew).await?;
        write_all_at(&file, content, 0).await?;
        file.sync_all().await?;
        Ok(file)
    }

    /// The same under another name, beside this one.
    pub(crate) async fn write_aside(&self, path: &Path, content: &[u8]) -> io::Result<(PathBuf, F::File)> {
        let temporary = path.with_extension(format!("{:016x}.tmp", self.env.random_u64()));
        let file = self.write_new(&temporary, content).await?;
        Ok((temporary, file))
    }

    /// Gives a file a new content, all or nothing, and durably.
    pub(crate) async fn replace(&self, path: &Path, content: &[u8]) -> io::Result<F::File> {
        let (temporary, file) = self.write_aside(path, content).await?;
        self.system.rename(&temporary, path).await?;
        self.sync_parent(path).await?;
        Ok(file)
    }

    /// The lock, unless another process or handle has it.
    pub(crate) async fn lock(&self, path: &Path) -> io::Result<Option<F::File>> {
        let file = self.system.open(path, OpenMode::ReadWrite).await?;
        Ok(file.try_lock().await?.then_some(file))
    }

    /// Removes a directory of files.
    pub(crate) async fn remove(&self, dir: &Path) -> io::Result<()> {
        for name in self.system.read_dir(dir).await? {
            self.system.unlink(&dir.join(name)).await?;
        }
        self.system.remove_dir(dir).await
    }
}
