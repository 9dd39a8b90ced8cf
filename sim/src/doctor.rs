//! What this machine offers to those who try hosts on real disks, what will be skipped for want of the rest, and how that
//! can be had.
//!
//! It looks, and changes nothing. Simulation (`run`, `replay`) needs none of it. Packages are named as Debian does. Not
//! looked into: how much memory and how much space there are, and how fast the disk is.

use crate::surroundings::{
    FileSystem, Namespaces, Syncs, find_program, is_root, kernel_knows, namespaces, user_namespaces,
};
use serde::Serialize;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

/// How well something can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is there.
    Ok,
    /// It is there, and does not do all that it could.
    Limited,
    /// It is not there.
    Missing,
}

impl State {
    /// As it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Limited => "limited",
            State::Missing => "missing",
        }
    }
}

/// Something that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What.
    pub name: &'static str,
    /// How well it can be used.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What is skipped for want of it; null if nothing is.
    pub skipped: Option<String>,
    /// How to get it; null if nothing is missing, or nothing can be done.
    pub remedy: Option<String>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// The operating system, which is always Linux.
    pub os: String,
    /// Its release.
    pub kernel: String,
    /// What processors it runs on.
    pub architecture: String,
    /// How many of them there are for us.
    pub cores: usize,
    /// The directory that was looked at.
    pub location: String,
    /// What file system it is on.
    pub file_system: String,
    /// What that is on; empty if that is not known.
    pub device: String,
    /// What was looked at.
    pub items: Vec<Item>,
}

/// Looks at the machine, and at a directory on it.
pub fn examine(location: &Path) -> io::Result<Findings> {
    let read = |path: &str| {
        fs::read_to_string(path).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
    };
    if !location.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let on = FileSystem::of(location)?;
    let (root, mounts) = (is_root(), namespaces());
    let mut items = vec![of_location(&on), of_user(root), of_mount_namespaces(&mounts), of_user_namespaces()];
    items.push(of_loop_devices(root, &mounts));
    let kinds = [("ext4", "e2fsprogs"), ("xfs", "xfsprogs"), ("btrfs", "btrfs-progs")];
    items.extend(kinds.map(|(name, package)| of_file_system(name, package)));
    items.extend([of_overlay(), of_fuse()]);
    Ok(Findings {
        os: read("/proc/sys/kernel/ostype"),
        kernel: read("/proc/sys/kernel/osrelease"),
        architecture: std::env::consts::ARCH.to_owned(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        location: location.canonicalize()?.display().to_string(),
        file_system: on.name,
        device: on.device,
        items,
    })
}

fn ok(name: &'static str, found: impl Into<String>) -> Item {
    Item { name, state: State::Ok, found: found.into(), skipped: None, remedy: None }
}

fn lacking(
    name: &'static str,
    state: State,
    found: impl Into<String>,
    skipped: impl Into<String>,
    remedy: &str,
) -> Item {
    let remedy = (!remedy.is_empty()).then(|| remedy.to_owned());
    Item { name, state, found: found.into(), skipped: Some(skipped.into()), remedy }
}

const ELSEWHERE: &str = "name a directory on a local disk with --location";

fn of_location(on: &FileSystem) -> Item {
    let found = on.to_string();
    match on.syncs() {
        Syncs::Durable => ok("location", format!("{found}; what is synced is durable")),
        Syncs::Nothing(why) => lacking(
            "location",
            State::Limited,
            format!("{found}; a sync means nothing: {why}"),
            "no case, but none of them says anything about a loss of power",
            ELSEWHERE,
        ),
        Syncs::Depends(what) => lacking(
            "location",
            State::Limited,
            format!("{found}; what a sync means depends on {what}"),
            "no case, but what they say of syncs is not the host's merit alone",
            ELSEWHERE,
        ),
    }
}

fn of_user(root: bool) -> Item {
    if root {
        return ok("user", "root");
    }
    let skipped = "loop devices: a full disk is tried in memory, not with ext4, xfs or btrfs";
    lacking("user", State::Limited, "not root", skipped, "run it as root")
}

fn of_mount_namespaces(mounts: &Namespaces) -> Item {
    match mounts {
        Namespaces::Mount => ok("mount namespaces", "can be made"),
        Namespaces::UserAndMount => ok("mount namespaces", "can be made inside a user namespace"),
        Namespaces::None(why) => lacking(
            "mount namespaces",
            State::Missing,
            format!("cannot be made: {why}"),
            "the cases of a full disk, and for root those of a read-only directory",
            "run it as root, in a container with the capability SYS_ADMIN; unshare is in util-linux",
        ),
    }
}

fn of_user_namespaces() -> Item {
    match user_namespaces() {
        Ok(()) => ok("user namespaces", "can be made"),
        Err(why) => lacking(
            "user namespaces",
            State::Missing,
            format!("cannot be made: {why}"),
            "for users other than root: the cases of a full disk",
            "allow them (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone), or run it as root",
        ),
    }
}

fn of_loop_devices(root: bool, mounts: &Namespaces) -> Item {
    let name = "loop devices";
    let skipped = "full disks with ext4, xfs and btrfs: memory takes their place";
    if !Path::new("/dev/loop-control").exists() {
        let remedy = "modprobe loop; in a container, hand it /dev/loop-control and the devices";
        return lacking(name, State::Missing, "there is no /dev/loop-control", skipped, remedy);
    }
    if find_program("mount").is_none() {
        return lacking(name, State::Missing, "there is no program mount", skipped, "apt-get install mount");
    }
    if root && *mounts == Namespaces::Mount {
        return ok(name, "/dev/loop-control, and the privileges to use it");
    }
    lacking(name, State::Limited, "there, but not for us", skipped, "run it as root")
}

fn of_file_system(name: &'static str, package: &str) -> Item {
    let program = find_program(&format!("mkfs.{name}"));
    let skipped = format!("{name} as a small disk that runs full, and in .ci/mounts");
    match (program, kernel_knows(name)) {
        (Some(program), true) => ok(name, format!("{}, and the kernel has it", program.display())),
        (None, true) => {
            let remedy = format!("apt-get install {package}");
            lacking(name, State::Missing, format!("there is no mkfs.{name}"), skipped, &remedy)
        }
        (_, false) => lacking(
            name,
            State::Missing,
            "the kernel does not have it",
            skipped,
            "a kernel with it, or the module of the running one",
        ),
    }
}

fn of_overlay() -> Item {
    if kernel_knows("overlay") {
        return ok("overlay", "the kernel has it");
    }
    let remedy = "a kernel with it, or the module of the running one";
    lacking("overlay", State::Missing, "the kernel does not have it", "overlay in .ci/mounts", remedy)
}

fn of_fuse() -> Item {
    let name = "/dev/fuse";
    let skipped = "asl-sim mount, and asl-reality";
    match OpenOptions::new().read(true).write(true).open(name) {
        Ok(_) => ok(name, "can be opened"),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            lacking(name, State::Limited, "there, but not for us", skipped, "run it as root")
        }
        Err(error) => {
            let found = format!("cannot be opened: {error}");
            lacking(name, State::Missing, found, skipped, "modprobe fuse; in a container, hand it the device")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn on(name: &str, options: &str) -> FileSystem {
        FileSystem {
            name: name.to_owned(),
            device: "/dev/x".to_owned(),
            mount_point: PathBuf::from("/"),
            options: options.to_owned(),
        }
    }

    #[test]
    fn what_is_missing_comes_with_what_is_skipped_and_a_way_to_get_it() {
        let findings = examine(Path::new("/")).expect("it exists");
        for item in &findings.items {
            assert_eq!(item.state == State::Ok, item.skipped.is_none(), "{item:?}");
            assert_eq!(item.state == State::Ok, item.remedy.is_none(), "{item:?}");
        }
        for kind in [Namespaces::Mount, Namespaces::UserAndMount, Namespaces::None("why".to_owned())] {
            let loops = of_loop_devices(false, &kind);
            assert_ne!(loops.state, State::Ok, "{loops:?}");
        }
    }

    #[test]
    fn a_location_in_memory_is_limited() {
        assert_eq!(of_location(&on("ext4", "rw")).state, State::Ok);
        let memory = of_location(&on("tmpfs", "rw"));
        assert_eq!(memory.state, State::Limited);
        assert!(memory.found.contains("a sync means nothing"), "{}", memory.found);
    }
}
