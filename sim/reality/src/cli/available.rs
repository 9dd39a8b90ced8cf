//! Whether it can be done here, and the mount namespace in which it is done.

use crate::arm::FileSystem;
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::thread::UnshareFlags;
use std::path::Path;
use std::process::Command;

/// Says what is missing, if anything is.
pub(super) fn check() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("it takes root to mount file systems".to_owned());
    }
    for device in ["/dev/fuse", "/dev/loop-control"] {
        if !Path::new(device).exists() {
            return Err(format!("there is no {device}"));
        }
    }
    match Command::new("losetup").arg("--version").output() {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("cannot run losetup: {error}")),
    }
}

/// Says what is missing for a file system. Whether the kernel has it is seen when it is mounted.
pub(super) fn check_file_system(file_system: FileSystem) -> Result<(), String> {
    match file_system.mkfs() {
        Some(_) => Ok(()),
        None => Err(format!("mkfs.{} is not installed", file_system.as_str())),
    }
}

/// Moves to a mount namespace of our own, which goes with the last of our processes, and all mounts with it. Must be called
/// while there is one thread.
pub(super) fn enter_mount_namespace() -> Result<(), String> {
    unshare_mounts().map_err(|error| format!("cannot make a mount namespace: {error}"))?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(|error| format!("cannot make mounts private: {error}"))
}

#[expect(
    deprecated,
    reason = "its safe form is deprecated because it can unshare descriptors, which is not asked for"
)]
fn unshare_mounts() -> rustix::io::Result<()> {
    rustix::thread::unshare(UnshareFlags::NEWNS)
}
