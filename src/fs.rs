//! The seam to the file system, and its implementation by the operating system.
//!
//! Hosts that keep files are generic over [`FileSystem`], so that the same code runs on a disk and in a simulation. The
//! seam mirrors the system calls, with their meaning and their errors, and adds nothing: a short write is the caller's to
//! finish, an interrupted call the caller's to repeat, and nothing is durable before a sync returns. In particular
//! `sync_data` on a file does not make its name durable: only [`FileSystem::sync_dir`] does (fsync(2)).

use std::ffi::OsString;
use std::fs;
use std::future::Future;
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// How to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// An existing file, for reading.
    Read,
    /// An existing file, for reading and writing.
    ReadWrite,
    /// An existing or a new file, for reading and writing.
    Create,
    /// A new file, for reading and writing; `AlreadyExists` if the name is taken.
    CreateNew,
}

/// What a name or an open file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Length in bytes.
    pub len: u64,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// The inode number: equal for two names or handles of the same file.
    pub inode: u64,
}

/// Files and directories.
pub trait FileSystem: Clone + Send + Sync + 'static {
    /// An open file. Dropping it closes it and releases its lock.
    type File: File;

    /// Opens a file (open(2)).
    fn open(&self, path: &Path, mode: OpenMode) -> impl Future<Output = io::Result<Self::File>> + Send;
    /// Makes a directory (mkdir(2)).
    fn create_dir(&self, path: &Path) -> impl Future<Output = io::Result<()>> + Send;
    /// Removes an empty directory (rmdir(2)).
    fn remove_dir(&self, path: &Path) -> impl Future<Output = io::Result<()>> + Send;
    /// Removes a name (unlink(2)).
    fn unlink(&self, path: &Path) -> impl Future<Output = io::Result<()>> + Send;
    /// Renames, replacing the target atomically (rename(2)).
    fn rename(&self, from: &Path, to: &Path) -> impl Future<Output = io::Result<()>> + Send;
    /// Gives a file another name; `AlreadyExists` if it is taken (link(2)).
    fn link(&self, original: &Path, link: &Path) -> impl Future<Output = io::Result<()>> + Send;
    /// The names in a directory, in no order, without `.` and `..`.
    fn read_dir(&self, path: &Path) -> impl Future<Output = io::Result<Vec<OsString>>> + Send;
    /// What the name is (stat(2)).
    fn metadata(&self, path: &Path) -> impl Future<Output = io::Result<Metadata>> + Send;
    /// Makes all earlier changes of names in the directory durable (fsync(2) on the directory).
    fn sync_dir(&self, path: &Path) -> impl Future<Output = io::Result<()>> + Send;
}

/// An open file.
pub trait File: Send + Sync + 'static {
    /// Reads at an offset; may return fewer bytes than asked for, and 0 at the end (pread(2)).
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> impl Future<Output = io::Result<usize>> + Send;
    /// Writes at an offset; may write fewer bytes than given (pwrite(2)).
    fn write_at(&self, data: &[u8], offset: u64) -> impl Future<Output = io::Result<usize>> + Send;
    /// Makes the content durable, and the size needed to read it (fdatasync(2)).
    fn sync_data(&self) -> impl Future<Output = io::Result<()>> + Send;
    /// Makes the content and all metadata of the file durable; not its name (fsync(2)).
    fn sync_all(&self) -> impl Future<Output = io::Result<()>> + Send;
    /// Cuts or extends, with zeros (ftruncate(2)).
    fn set_len(&self, len: u64) -> impl Future<Output = io::Result<()>> + Send;
    /// Makes sure that there is space for a range, which reads as zeros where nothing was written; extends the file if the
    /// range ends behind it (fallocate(2), mode 0).
    fn allocate(&self, offset: u64, len: u64) -> impl Future<Output = io::Result<()>> + Send;
    /// What the file is (fstat(2)).
    fn metadata(&self) -> impl Future<Output = io::Result<Metadata>> + Send;
    /// Takes the exclusive lock of the file without waiting; false if another handle has it (flock(2)). The lock goes
    /// when the handle is dropped or its process dies.
    fn try_lock(&self) -> impl Future<Output = io::Result<bool>> + Send;
}

/// The operating system's file system. Every call blocks the calling thread inside `poll`: on a busy executor, give a
/// host threads of its own, or run it under the executor's "may block" facility.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsFileSystem;

/// A file of the operating system.
#[derive(Debug)]
pub struct OsFile(fs::File);

impl FileSystem for OsFileSystem {
    type File = OsFile;

    async fn open(&self, path: &Path, mode: OpenMode) -> io::Result<OsFile> {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(mode != OpenMode::Read).mode(0o644);
        options.create(mode == OpenMode::Create).create_new(mode == OpenMode::CreateNew);
        options.open(path).map(OsFile)
    }

    async fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(0o755).create(path)
    }

    async fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    async fn unlink(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    async fn link(&self, original: &Path, link: &Path) -> io::Result<()> {
        fs::hard_link(original, link)
    }

    async fn read_dir(&self, path: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    async fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        fs::metadata(path).map(|metadata| of_std(&metadata))
    }

    async fn sync_dir(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }
}

fn of_std(metadata: &fs::Metadata) -> Metadata {
    Metadata { len: metadata.len(), is_dir: metadata.is_dir(), inode: metadata.ino() }
}

impl File for OsFile {
    async fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    async fn write_at(&self, data: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(data, offset)
    }

    async fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    async fn sync_all(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    async fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    async fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        let mode = rustix::fs::FallocateFlags::empty();
        rustix::fs::fallocate(&self.0, mode, offset, len).map_err(io::Error::from)
    }

    async fn metadata(&self) -> io::Result<Metadata> {
        self.0.metadata().map(|metadata| of_std(&metadata))
    }

    async fn try_lock(&self) -> io::Result<bool> {
        match rustix::fs::flock(&self.0, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Makes a call again for as long as it is interrupted (EINTR). Any call can be, on Linux, and has then done nothing; a host that takes that
/// for a failure refuses work for no reason.
///
/// ```
/// # async fn of<F: asl_host::fs::FileSystem>(files: &F, dir: &std::path::Path) -> std::io::Result<()> {
/// use asl_host::fs::uninterrupted;
///
/// uninterrupted(|| files.sync_dir(dir)).await
/// # }
/// ```
///
/// Errors: what the call says otherwise. [`write_all_at`] and [`read_full_at`] do this already.
pub async fn uninterrupted<T, C: Future<Output = io::Result<T>>>(
    mut call: impl FnMut() -> C,
) -> io::Result<T> {
    loop {
        match call().await {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The same without a future around the call's, which every call of the host here would pay for.
macro_rules! retry {
    ($call:expr) => {
        loop {
            match $call.await {
                Err(error) if std::io::Error::kind(&error) == std::io::ErrorKind::Interrupted => {}
                result => break result,
            }
        }
    };
}
pub(crate) use retry;

/// Writes all of `data`, finishing short writes and repeating interrupted ones.
///
/// Errors: the file system's; a prefix may have been written then. A write of nothing is `WriteZero`.
pub async fn write_all_at<F: File>(file: &F, mut data: &[u8], mut offset: u64) -> io::Result<()> {
    while !data.is_empty() {
        match file.write_at(data, offset).await {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                data = &data[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads until the buffer is full or the file ends, and returns how many bytes were read.
pub async fn read_full_at<F: File>(file: &F, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64).await {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The whole content of a file, from its length now.
pub async fn read_whole<F: File>(file: &F) -> io::Result<Vec<u8>> {
    let len = file.metadata().await?.len;
    let mut content = vec![0; usize::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?];
    let filled = read_full_at(file, &mut content, 0).await?;
    content.truncate(filled);
    Ok(content)
}
