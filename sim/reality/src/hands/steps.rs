//! Steps as system calls. Each opens what it needs and closes it again.
//!
//! [`Step::Writeback`] is a read past the page cache (`O_DIRECT`), before which the kernel writes the range back and waits
//! for it, as `sync_file_range` does: that call cannot be made here without unsafe code.
//!
//! Not covered: what a file that stays open between steps would change, and mapped memory.

use super::{LOST_AND_FOUND, PULSE};
use asl_sim::world::program::Step;
use rustix::fs::{FallocateFlags, OFlags, fallocate};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

const PAGE_LEN: u64 = 4096;
const PAGES_MAX: u64 = 2;
/// Longer than a second, after which ext4 and btrfs commit as they are mounted.
const SETTLE_MS: u64 = 1_300;

/// Memory that can be read into past the page cache.
#[repr(align(4096))]
struct Aligned([u8; (PAGES_MAX * PAGE_LEN) as usize]);

/// Carries out a step below the root.
pub(super) fn take(root: &Path, step: &Step) -> io::Result<()> {
    let at = |path: &str| root.join(path);
    let writable = |path: &str| OpenOptions::new().write(true).open(at(path));
    match step {
        Step::Create(path) => File::create_new(at(path)).map(drop),
        Step::Mkdir(path) => fs::create_dir(at(path)),
        Step::Write { path, offset, len, letter } => {
            writable(path)?.write_all_at(&vec![*letter; *len as usize], *offset)
        }
        Step::Truncate { path, len } => writable(path)?.set_len(*len),
        Step::Allocate { path, offset, len } => {
            Ok(fallocate(writable(path)?, FallocateFlags::empty(), *offset, *len)?)
        }
        Step::Fsync(path) => writable(path)?.sync_all(),
        Step::Fdatasync(path) => writable(path)?.sync_data(),
        Step::FsyncDir(path) => File::open(at(path))?.sync_all(),
        Step::Rename(from, to) => fs::rename(at(from), at(to)),
        Step::Link(original, name) => fs::hard_link(at(original), at(name)),
        Step::Unlink(path) => fs::remove_file(at(path)),
        Step::Rmdir(path) => fs::remove_dir(at(path)),
        Step::Writeback { path, offset, len } => write_back(&at(path), *offset, *len),
        Step::Sync => {
            rustix::fs::syncfs(File::open(root)?)?;
            Ok(())
        }
        Step::Settle => {
            sleep_ms(SETTLE_MS);
            Ok(())
        }
    }
}

/// Makes what is in every base image: the file whose fsync makes a file system commit.
pub(super) fn prepare(root: &Path) -> io::Result<()> {
    File::create_new(root.join(PULSE))?.sync_all()?;
    File::open(root)?.sync_all()
}

/// Makes the file system commit.
pub(super) fn pulse(root: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(root.join(PULSE))?;
    file.write_all_at(b".", 0)?;
    file.sync_all()
}

/// Writes a page back that the number chooses, or makes the file system commit.
pub(super) fn nudge(root: &Path, number: u64) -> io::Result<()> {
    let mut files = Vec::new();
    find_files(root, &mut files)?;
    let pages: Vec<(&PathBuf, u64)> = files
        .iter()
        .flat_map(|(path, len)| (0..len.div_ceil(PAGE_LEN)).map(move |page| (path, page * PAGE_LEN)))
        .collect();
    match pages.get((number % (pages.len() as u64 + 2)) as usize) {
        Some((path, offset)) => write_back(path, *offset, PAGE_LEN),
        None => pulse(root),
    }
}

fn find_files(directory: &Path, found: &mut Vec<(PathBuf, u64)>) -> io::Result<()> {
    let mut entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    entries.retain(|entry| entry.file_name() != PULSE && entry.file_name() != LOST_AND_FOUND);
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            find_files(&entry.path(), found)?;
        } else {
            found.push((entry.path(), metadata.len()));
        }
    }
    Ok(())
}

fn write_back(path: &Path, offset: u64, len: u64) -> io::Result<()> {
    let direct = i32::try_from(OFlags::DIRECT.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(direct).open(path)?;
    let mut memory = Box::new(Aligned([0; (PAGES_MAX * PAGE_LEN) as usize]));
    let end = (offset + len).next_multiple_of(PAGE_LEN);
    let mut at = offset - offset % PAGE_LEN;
    while at < end {
        let len = (end - at).min(PAGES_MAX * PAGE_LEN);
        file.read_at(&mut memory.0[..len as usize], at)?;
        at += len;
    }
    Ok(())
}

/// Waits.
#[expect(
    clippy::disallowed_methods,
    reason = "the kernel's own time goes by, and nothing can make it go faster"
)]
pub(super) fn sleep_ms(time_ms: u64) {
    std::thread::sleep(Duration::from_millis(time_ms));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_do_what_they_say() {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        let s = str::to_owned;
        let steps = [
            Step::Mkdir(s("d")),
            Step::Create(s("d/f")),
            Step::Write { path: s("d/f"), offset: 2, len: 3, letter: b'a' },
            Step::Fsync(s("d/f")),
            Step::Link(s("d/f"), s("g")),
            Step::Rename(s("d/f"), s("h")),
            Step::Truncate { path: s("h"), len: 4 },
            Step::Rmdir(s("d")),
            Step::FsyncDir(s("")),
            Step::Unlink(s("g")),
            Step::Create(s("i")),
        ];
        for step in &steps {
            take(root.path(), step).expect("no step fails");
        }
        let state = super::super::tree::read(root.path()).expect("it can be read");
        let names: Vec<&String> = state.0.keys().collect();
        assert_eq!(names, ["h", "i"]);
        assert_eq!(fs::read(root.path().join("h")).expect("it is there"), b"\0\0aa");
    }

    #[test]
    fn what_is_no_part_of_a_state_is_not_nudged() {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        prepare(root.path()).expect("the directory is empty");
        let mut found = Vec::new();
        find_files(root.path(), &mut found).expect("it can be listed");
        assert!(found.is_empty());
        nudge(root.path(), 5).expect("there is a pulse");
    }
}
