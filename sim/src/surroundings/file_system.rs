//! Which file system a path is on, and whether a sync there outlives a loss of power.
//!
//! What is said of a sync comes from the type and the options of the mount. Whether the device keeps what it says it has
//! flushed, nobody can see from here.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Types by the number that statfs(2) gives them.
const TYPES: &[(u64, &str)] = &[
    (0xef53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683e, "btrfs"),
    (0x0102_1994, "tmpfs"),
    (0x8584_58f6, "ramfs"),
    (0x794c_7630, "overlay"),
    (0x2fc1_2fc1, "zfs"),
    (0xf2f5_2010, "f2fs"),
    (0xca45_1a4e, "bcachefs"),
    (0x6573_5546, "fuse"),
    (0x6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "ceph"),
    (0x4d44, "vfat"),
    (0x2011_bab0, "exfat"),
    (0xf15f, "ecryptfs"),
    (0x7371_7368, "squashfs"),
    (0xe0f5_e1e2, "erofs"),
];

/// The file system that a path is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSystem {
    /// Its type.
    pub name: String,
    /// What it is on, as the mount names it; empty if that is not known.
    pub device: String,
    /// Where it is mounted.
    pub mount_point: PathBuf,
    /// Options of the mount and of the file system.
    pub options: String,
}

/// Whether what was synced outlives a loss of power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syncs {
    /// As far as the device keeps its word.
    Durable,
    /// Not at all, and why.
    Nothing(&'static str),
    /// It depends, and on what.
    Depends(&'static str),
}

impl fmt::Display for FileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        // File systems in memory are on nothing, and are named twice.
        if self.device.is_empty() || self.device == self.name {
            Ok(())
        } else {
            write!(f, " on {}", self.device)
        }
    }
}

impl FileSystem {
    /// Of a path that exists.
    pub fn of(path: &Path) -> io::Result<FileSystem> {
        let path = path.canonicalize()?;
        let name = type_name(&path)?;
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        // ext2, ext3 and ext4 have one number, and what FUSE serves has a name of its own: the mount says it better.
        Ok(find_mount(&table, &path).unwrap_or(FileSystem {
            name,
            device: String::new(),
            mount_point: PathBuf::new(),
            options: String::new(),
        }))
    }

    /// Whether this option is set.
    fn has(&self, option: &str) -> bool {
        self.options.split(',').any(|set| set == option)
    }

    /// Whether a sync means anything here.
    pub fn syncs(&self) -> Syncs {
        match self.name.as_str() {
            "tmpfs" | "ramfs" => Syncs::Nothing("it is in memory"),
            "overlay" if self.has("volatile") => Syncs::Nothing("it is mounted with volatile"),
            "overlay" => Syncs::Depends("the file system below"),
            _ if self.has("nobarrier") || self.has("barrier=0") => {
                Syncs::Nothing("it is mounted without barriers")
            }
            "nfs" | "nfs4" | "cifs" | "smb2" | "smb3" | "9p" | "ceph" => Syncs::Depends("the server"),
            name if name.starts_with("fuse") => Syncs::Depends("the program that serves it"),
            _ => Syncs::Durable,
        }
    }
}

/// By statfs(2); the number in hex if it has no name here.
fn type_name(path: &Path) -> io::Result<String> {
    let number = rustix::fs::statfs(path)?.f_type.cast_unsigned() & 0xffff_ffff;
    let known = TYPES.iter().find(|(of, _)| *of == number);
    Ok(known.map_or_else(|| format!("type {number:#x}"), |(_, name)| (*name).to_owned()))
}

/// The last of the mounts with the longest mount point above the path, in the words of `proc_pid_mountinfo(5)`.
fn find_mount(table: &str, path: &Path) -> Option<FileSystem> {
    let mounts = table.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(4);
        let (mount_point, options) = (unescaped(left.next()?), left.next()?);
        let mut right = right.splitn(3, ' ');
        let (name, device, more) = (right.next()?, right.next()?, right.next().unwrap_or_default());
        Some(FileSystem {
            name: name.to_owned(),
            device: unescaped(device),
            mount_point: PathBuf::from(mount_point),
            options: format!("{options},{more}"),
        })
    });
    mounts
        .filter(|mount| path.starts_with(&mount.mount_point))
        .max_by_key(|mount| mount.mount_point.components().count())
}

/// Blanks and the like stand as octal numbers there.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
30 22 0:27 / /run rw,nosuid - tmpfs tmpfs rw,size=1024k
31 22 7:0 / /with\\040blank rw - xfs /dev/loop0 rw,nobarrier
32 22 0:30 / /over rw - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w,volatile
33 22 7:1 / /run rw - btrfs /dev/loop1 rw,subvol=/
";

    fn found(path: &str) -> FileSystem {
        find_mount(TABLE, Path::new(path)).expect("it is under one of them")
    }

    #[test]
    fn the_mount_of_a_path_is_the_last_one_with_the_longest_mount_point() {
        for (path, name, device) in [
            ("/", "ext4", "/dev/vda"),
            ("/home/x", "ext4", "/dev/vda"),
            ("/runner", "ext4", "/dev/vda"),
            ("/run/x", "btrfs", "/dev/loop1"),
            ("/with blank", "xfs", "/dev/loop0"),
        ] {
            let mount = found(path);
            assert_eq!((mount.name.as_str(), mount.device.as_str()), (name, device), "{path}");
        }
    }

    #[test]
    fn syncs_are_durable_unless_type_or_options_say_otherwise() {
        assert_eq!(found("/").syncs(), Syncs::Durable);
        assert_eq!(found("/with blank").syncs(), Syncs::Nothing("it is mounted without barriers"));
        assert_eq!(found("/over").syncs(), Syncs::Nothing("it is mounted with volatile"));
        let mut memory = found("/");
        memory.name = "tmpfs".to_owned();
        assert_eq!(memory.syncs(), Syncs::Nothing("it is in memory"));
        memory.name = "fuse.sshfs".to_owned();
        assert_eq!(memory.syncs(), Syncs::Depends("the program that serves it"));
    }

    #[test]
    fn the_root_is_on_some_file_system() {
        assert!(!FileSystem::of(Path::new("/")).expect("it exists").name.is_empty());
        assert!(!type_name(Path::new("/")).expect("it exists").is_empty());
        assert!(FileSystem::of(Path::new("/nothing/here")).is_err());
    }
}
