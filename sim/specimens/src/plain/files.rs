//! Names of a store's files, and small steps that all parts of the plain host take with files.

use asl_host::env::Env;
use asl_host::fs::{FileSystem, OpenMode, read_whole, write_all_at};
use asl_host::{ErrorKind, Operation, StoreError, StoreLocation};
use std::io;
use std::path::{Path, PathBuf};

/// Repeats a call for as long as it is interrupted (EINTR).
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

/// Where a store's files are.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    pub(crate) dir: PathBuf,
    pub(crate) parent: PathBuf,
    pub(crate) lock: PathBuf,
    pub(crate) mark: PathBuf,
    pub(crate) blocks: PathBuf,
    pub(crate) snapshots: PathBuf,
}

impl Paths {
    pub(crate) fn of(location: &StoreLocation) -> Paths {
        let dir = PathBuf::from(location.as_str());
        let parent = dir.parent().map_or_else(|| dir.clone(), Path::to_path_buf);
        Paths {
            lock: dir.join("lock"),
            mark: dir.join("STORE"),
            blocks: dir.join("blocks"),
            snapshots: dir.join("snapshots"),
            parent,
            dir,
        }
    }

    pub(crate) fn segment(&self, first: u64, salt: u64) -> PathBuf {
        self.dir.join(format!("{first:020}-{salt:016x}.log"))
    }

    pub(crate) fn open_block(&self, id: &str) -> PathBuf {
        self.blocks.join(format!("{id}.open"))
    }

    pub(crate) fn sealed_block(&self, id: &str) -> PathBuf {
        self.blocks.join(format!("{id}.sealed"))
    }

    pub(crate) fn manifest(&self, id: &str) -> PathBuf {
        self.snapshots.join(format!("{id}.snap"))
    }

    /// How errors name the store.
    pub(crate) fn name(&self) -> String {
        self.dir.to_string_lossy().into_owned()
    }
}

/// First number and salt of a segment, if this is a segment's name.
pub(crate) fn parse_segment(name: &str) -> Option<(u64, u64)> {
    let (first, salt) = name.strip_suffix(".log")?.split_once('-')?;
    Some((first.parse().ok()?, u64::from_str_radix(salt, 16).ok()?))
}

/// What fails when the operating system refuses something with a file.
pub(crate) fn failed(operation: Operation, path: &Path) -> impl Fn(io::Error) -> StoreError + '_ {
    move |source| StoreError::io(operation, path.to_string_lossy(), source)
}

/// As [`failed`], where `InvalidData` says that what was read is not what was written.
pub(crate) fn failed_or_corrupt(operation: Operation, path: &Path) -> impl Fn(io::Error) -> StoreError + '_ {
    move |source| match source.kind() {
        io::ErrorKind::InvalidData => StoreError::new(ErrorKind::Corrupt, operation, path.to_string_lossy()),
        _ => failed(operation, path)(source),
    }
}

/// A block's checksum.
pub(crate) fn checksum(content: &[u8]) -> [u8; 4] {
    crc32c::crc32c(content).to_le_bytes()
}

/// The names in a directory, sorted.
pub(crate) async fn list<F: FileSystem>(fs: &F, dir: &Path) -> io::Result<Vec<String>> {
    let names = retry!(fs.read_dir(dir))?;
    let mut names: Vec<String> = names.into_iter().map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    Ok(names)
}

/// Makes a file with this content. Neither its content nor its name is durable yet.
pub(crate) async fn write_new<F: FileSystem>(fs: &F, path: &Path, content: &[u8]) -> io::Result<F::File> {
    let file = retry!(fs.open(path, OpenMode::CreateNew))?;
    write_all_at(&file, content, 0).await?;
    Ok(file)
}

/// The whole content of a file, `None` if there is no such file.
pub(crate) async fn read_optional<F: FileSystem>(fs: &F, path: &Path) -> io::Result<Option<Vec<u8>>> {
    match retry!(fs.open(path, OpenMode::Read)) {
        Ok(file) => read_whole(&file).await.map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether there is a file of this name.
pub(crate) async fn exists<F: FileSystem>(fs: &F, path: &Path) -> io::Result<bool> {
    match retry!(fs.metadata(path)) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// 128 random bits as text: never the same twice.
pub(crate) fn random_name(env: &impl Env) -> String {
    format!("{:016x}{:016x}", env.random_u64(), env.random_u64())
}
