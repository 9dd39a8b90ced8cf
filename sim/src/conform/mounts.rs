//! Mounts in a process that has a mount namespace of its own: nobody else sees them, and they are gone with the process,
//! even if it is killed. Loop devices are given back with them.
//!
//! Nothing here may be called in a process that shares its mounts with others.

use crate::surroundings::{FileSystem, find_program, is_root, kernel_knows};
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change, mount_remount};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How large an image has to be for its file system, in MiB, and how it is made.
const KINDS: [(&str, u64, &[&str]); 3] =
    [("ext4", 24, &["-q", "-F", "-m", "0"]), ("xfs", 304, &["-q", "-f"]), ("btrfs", 128, &["-q", "-f"])];
/// What memory is taken as a disk if there is no file system to be made, in bytes.
const MEMORY_LEN: u64 = 8 << 20;

/// A small disk.
#[derive(Debug)]
pub(super) struct SmallDisk {
    /// Where it is mounted.
    pub(super) root: PathBuf,
    /// What it is.
    pub(super) about: String,
    ballast: PathBuf,
}

impl SmallDisk {
    /// Mounts one over a directory that exists: of the file system that the directory is on, of ext4, or of memory,
    /// whichever can be had. What was in the directory is not seen as long as it is there.
    pub(super) fn mount_at(dir: &Path) -> Result<SmallDisk, String> {
        let here = FileSystem::of(dir).map_or_else(|_| String::new(), |found| found.name);
        keep_to_ourselves()?;
        // What images are made of is memory too, so that a kill leaves nothing behind.
        mount_memory(dir, 1 << 30)?;
        let root = dir.join("disk");
        fs::create_dir(&root).map_err(|error| error.to_string())?;
        let mut kinds: Vec<_> =
            KINDS.into_iter().filter(|(name, ..)| *name == here || *name == "ext4").collect();
        kinds.sort_by_key(|(name, ..)| *name != here);
        let about = match kinds.into_iter().find_map(|kind| mount_image(kind, dir, &root)) {
            Some(name) => format!("on a loop device with {name}"),
            None => {
                mount_memory(&root, MEMORY_LEN)?;
                "on tmpfs".to_owned()
            }
        };
        let ballast = root.join("ballast");
        Ok(SmallDisk { root, about, ballast })
    }

    /// Takes all space but about this many bytes.
    pub(super) fn fill(&self, spare: u64) {
        fs::create_dir_all(&self.ballast).expect("there is room for a directory");
        let mut piece = 64 << 20;
        for number in 0.. {
            let free = self.free();
            piece = piece.min(free.saturating_sub(spare));
            if piece < 4096 {
                return;
            }
            let name = self.ballast.join(number.to_string());
            let filled = File::create(name).and_then(|file| {
                fallocate(file, FallocateFlags::empty(), 0, piece)?;
                Ok(())
            });
            // What a file system says is free it does not always give away in one piece, or at all.
            if filled.is_err() {
                piece /= 2;
            }
        }
    }

    /// Gives the space back.
    pub(super) fn empty(&self) {
        fs::remove_dir_all(&self.ballast).expect("what was taken can be given back");
        rustix::fs::sync();
    }

    fn free(&self) -> u64 {
        statvfs(&self.root).map_or(0, |found| found.f_bavail * found.f_frsize)
    }
}

/// Whatever was shared with others is so no longer.
fn keep_to_ourselves() -> Result<(), String> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(told("cannot have mounts of its own"))
}

fn told(what: &'static str) -> impl Fn(Errno) -> String {
    move |error| format!("{what}: {error}")
}

fn mount_memory(at: &Path, len: u64) -> Result<(), String> {
    let options = std::ffi::CString::new(format!("size={len},mode=0755")).expect("there is no zero in it");
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", at, "tmpfs", flags, options.as_c_str()).map_err(told("cannot mount memory"))
}

/// Makes an image and mounts it, if the privileges and the programs for it are there. Its name if that was done.
fn mount_image(kind: (&'static str, u64, &[&str]), dir: &Path, root: &Path) -> Option<&'static str> {
    let (name, len_mib, options) = kind;
    if !is_root() || !kernel_knows(name) {
        return None;
    }
    let (make, mount) = (find_program(&format!("mkfs.{name}"))?, find_program("mount")?);
    let image = dir.join(format!("{name}.image"));
    File::create(&image).and_then(|file| file.set_len(len_mib << 20)).ok()?;
    let mounted = runs(Command::new(make).args(options).arg(&image))
        && runs(Command::new(mount).args(["-t", name, "-o", "loop"]).arg(&image).arg(root));
    mounted.then_some(name)
}

fn runs(command: &mut Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// A directory that can be made read-only and writable again, whoever we are.
#[derive(Debug)]
pub(super) struct Switch<'a>(&'a Path);

impl Switch<'_> {
    /// Over a directory that exists.
    pub(super) fn over(dir: &Path) -> Result<Switch<'_>, String> {
        keep_to_ourselves()?;
        mount_bind(dir, dir).map_err(told("cannot mount a directory over itself"))?;
        Ok(Switch(dir))
    }

    pub(super) fn set_read_only(&self, read_only: bool) -> io::Result<()> {
        let mut flags = MountFlags::BIND;
        flags.set(MountFlags::RDONLY, read_only);
        let plain = mount_remount(self.0, flags, c"");
        // What was mounted with less than all rights keeps its limits inside a user namespace.
        let limits = MountFlags::NOSUID | MountFlags::NODEV;
        Ok(plain.or_else(|_| mount_remount(self.0, flags | limits, c""))?)
    }
}
