//! Files that are written whole or not at all, for whoever reads them while we may be killed.
//!
//! A file gets its name when its content is durable. Until then it has none, where the file system can do that (`O_TMPFILE`, open(2)), so
//! that nothing is left behind by a kill; where it cannot, and where another file is replaced, it has a temporary name for a while.
//!
//! Not done: the name is not made durable.

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};
use rustix::io::Errno;
use std::fs::{File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Whoever may read and write it, as far as the umask lets them.
const FOR_ALL: u32 = 0o666;

/// Writes a file, whole or not at all. One that is there already is replaced, unless it is the same.
///
/// # Errors
///
/// What the operating system says: then nothing has changed.
pub(crate) fn publish_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if is_there(path, bytes) {
        return Ok(());
    }
    let dir = directory(path);
    match write_unnamed(dir, path, bytes) {
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::EXIST | Errno::NOENT) => {}
        written => return Ok(written?),
    }
    let for_all = Permissions::from_mode(FOR_ALL);
    let mut file = tempfile::Builder::new().permissions(for_all).tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Whether there is a file with this content. What is no file is not read: a pipe would wait for somebody to write.
fn is_there(path: &Path, bytes: &[u8]) -> bool {
    let may_be = path.metadata().is_ok_and(|there| there.is_file() && there.len() == bytes.len() as u64);
    may_be && std::fs::read(path).is_ok_and(|there| there == bytes)
}

/// The directory that a file at this path is in.
pub(crate) fn directory(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a file that gets its name at the end, which no other file may have.
fn write_unnamed(dir: &Path, path: &Path, bytes: &[u8]) -> Result<(), Errno> {
    let told = |error: io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    if path.exists() {
        return Err(Errno::EXIST);
    }
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let mut file = File::from(open(dir, flags, Mode::from_raw_mode(FOR_ALL))?);
    file.write_all(bytes).map_err(told)?;
    file.sync_all().map_err(told)?;
    let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(CWD, unnamed.as_str(), CWD, path, AtFlags::SYMLINK_FOLLOW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{FileType, mknodat};

    fn names(dir: &Path) -> Vec<String> {
        let entries = dir.read_dir().expect("a directory");
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect()
    }

    #[test]
    fn a_file_is_written_and_replaced_and_nothing_else_is_there() {
        let dir = tempfile::tempdir().expect("there is room");
        let path = dir.path().join("file");
        for content in [&b"first"[..], b"second, and longer", b""] {
            publish_file(&path, content).expect("it is written");
            assert_eq!(std::fs::read(&path).expect("it is there"), content);
            assert_eq!(names(dir.path()), ["file"]);
        }
        let mode = path.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o444, 0o444, "{mode:o}");
    }

    /// A report was to be written where a pipe was, and the command waited for ever for somebody to write into that.
    #[test]
    fn a_pipe_that_nobody_writes_into_is_replaced_and_not_waited_for() {
        let dir = tempfile::tempdir().expect("there is room");
        let path = dir.path().join("pipe");
        mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(FOR_ALL), 0).expect("a pipe");
        publish_file(&path, b"text").expect("it is written");
        assert_eq!(std::fs::read(&path).expect("it is a file now"), b"text");
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let dir = tempfile::tempdir().expect("there is room");
        let missing =
            publish_file(&dir.path().join("missing/file"), b"x").expect_err("there is no such place");
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert!(publish_file(dir.path(), b"x").is_err(), "a directory is no file");
        assert!(names(dir.path()).is_empty());
    }
}
