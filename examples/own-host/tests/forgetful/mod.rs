//! A file system on which directories are not synced, whatever is asked: a host on it has that bug, without a change to its code.

use asl_host::fs::{FileSystem, Metadata, OpenMode};
use std::ffi::OsString;
use std::io;
use std::path::Path;

/// The file system, and what it forgets.
#[derive(Clone)]
pub struct Forgetful<F>(pub F);

impl<F: FileSystem> FileSystem for Forgetful<F> {
    type File = F::File;

    async fn open(&self, path: &Path, mode: OpenMode) -> io::Result<F::File> {
        self.0.open(path, mode).await
    }

    async fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.0.create_dir(path).await
    }

    async fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.0.remove_dir(path).await
    }

    async fn unlink(&self, path: &Path) -> io::Result<()> {
        self.0.unlink(path).await
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to).await
    }

    async fn link(&self, original: &Path, link: &Path) -> io::Result<()> {
        self.0.link(original, link).await
    }

    async fn read_dir(&self, path: &Path) -> io::Result<Vec<OsString>> {
        self.0.read_dir(path).await
    }

    async fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        self.0.metadata(path).await
    }

    async fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }
}
