//! Files and directories, whatever their type.

use asl_host::fs::{File, FileSystem, Metadata, OpenMode};
use std::ffi::OsString;
use std::fmt;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

/// A future of a call, boxed.
type Called<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// [`FileSystem`], object-safe.
trait MirrorFiles: Send + Sync {
    fn open<'a>(&'a self, path: &'a Path, mode: OpenMode) -> Called<'a, AnyFile>;
    fn create_dir<'a>(&'a self, path: &'a Path) -> Called<'a, ()>;
    fn remove_dir<'a>(&'a self, path: &'a Path) -> Called<'a, ()>;
    fn unlink<'a>(&'a self, path: &'a Path) -> Called<'a, ()>;
    fn rename<'a>(&'a self, from: &'a Path, to: &'a Path) -> Called<'a, ()>;
    fn link<'a>(&'a self, original: &'a Path, link: &'a Path) -> Called<'a, ()>;
    fn read_dir<'a>(&'a self, path: &'a Path) -> Called<'a, Vec<OsString>>;
    fn metadata<'a>(&'a self, path: &'a Path) -> Called<'a, Metadata>;
    fn sync_dir<'a>(&'a self, path: &'a Path) -> Called<'a, ()>;
}

/// [`File`], object-safe.
trait MirrorFile: Send + Sync {
    fn read_at<'a>(&'a self, buffer: &'a mut [u8], offset: u64) -> Called<'a, usize>;
    fn write_at<'a>(&'a self, data: &'a [u8], offset: u64) -> Called<'a, usize>;
    fn sync_data(&self) -> Called<'_, ()>;
    fn sync_all(&self) -> Called<'_, ()>;
    fn set_len(&self, len: u64) -> Called<'_, ()>;
    fn allocate(&self, offset: u64, len: u64) -> Called<'_, ()>;
    fn metadata(&self) -> Called<'_, Metadata>;
    fn try_lock(&self) -> Called<'_, bool>;
}

macro_rules! mirror {
    ($(#[$attribute:meta])* $mirror:ident, $bound:ident, $($name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        $(#[$attribute])*
        impl<T: $bound> $mirror for T {
            $(fn $name<'a>(&'a self, $($arg: $type),*) -> Called<'a, $out> {
                Box::pin($bound::$name(self, $($arg),*))
            })*
            mirror!(@extra $mirror);
        }
    };
    (@extra MirrorFile) => {};
    (@extra MirrorFiles) => {
        fn open<'a>(&'a self, path: &'a Path, mode: OpenMode) -> Called<'a, AnyFile> {
            Box::pin(async move { Ok(AnyFile(Box::new(FileSystem::open(self, path, mode).await?))) })
        }
    };
}

mirror! { MirrorFiles, FileSystem,
    create_dir(path: &'a Path) -> ();
    remove_dir(path: &'a Path) -> ();
    unlink(path: &'a Path) -> ();
    rename(from: &'a Path, to: &'a Path) -> ();
    link(original: &'a Path, link: &'a Path) -> ();
    read_dir(path: &'a Path) -> Vec<OsString>;
    metadata(path: &'a Path) -> Metadata;
    sync_dir(path: &'a Path) -> ();
}

mirror! {
    #[expect(clippy::elidable_lifetime_names, reason = "where an argument borrows, the lifetime has to have a name")]
    MirrorFile, File,
    read_at(buffer: &'a mut [u8], offset: u64) -> usize;
    write_at(data: &'a [u8], offset: u64) -> usize;
    sync_data() -> ();
    sync_all() -> ();
    set_len(len: u64) -> ();
    allocate(offset: u64, len: u64) -> ();
    metadata() -> Metadata;
    try_lock() -> bool;
}

/// A file system whose type is not known.
#[derive(Clone)]
pub struct AnyFiles(Arc<dyn MirrorFiles>);

/// An open file of one.
pub struct AnyFile(Box<dyn MirrorFile>);

impl fmt::Debug for AnyFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyFiles")
    }
}

impl fmt::Debug for AnyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyFile")
    }
}

impl AnyFiles {
    /// This one.
    pub fn new(files: impl FileSystem) -> AnyFiles {
        AnyFiles(Arc::new(files))
    }
}

/// The way back: each call of the trait is the mirror's.
macro_rules! back {
    ($($name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        $(async fn $name(&self, $($arg: $type),*) -> io::Result<$out> {
            self.0.$name($($arg),*).await
        })*
    };
}

impl FileSystem for AnyFiles {
    type File = AnyFile;

    back! {
        open(path: &Path, mode: OpenMode) -> AnyFile;
        create_dir(path: &Path) -> ();
        remove_dir(path: &Path) -> ();
        unlink(path: &Path) -> ();
        rename(from: &Path, to: &Path) -> ();
        link(original: &Path, link: &Path) -> ();
        read_dir(path: &Path) -> Vec<OsString>;
        metadata(path: &Path) -> Metadata;
        sync_dir(path: &Path) -> ();
    }
}

impl File for AnyFile {
    back! {
        read_at(buffer: &mut [u8], offset: u64) -> usize;
        write_at(data: &[u8], offset: u64) -> usize;
        sync_data() -> ();
        sync_all() -> ();
        set_len(len: u64) -> ();
        allocate(offset: u64, len: u64) -> ();
        metadata() -> Metadata;
        try_lock() -> bool;
    }
}
