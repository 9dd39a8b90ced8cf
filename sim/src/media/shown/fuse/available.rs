//! Whether a file system can be mounted here, and a place to do it where nobody else sees it.

use nix::sched::{CloneFlags, unshare};
use rustix::mount::{MountPropagationFlags, mount_change};
use std::fmt;
use std::fs::OpenOptions;
use std::io;

/// Why nothing can be mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// There is no /dev/fuse.
    NoDevice,
    /// /dev/fuse may not be opened.
    NotForUs,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unavailable::NoDevice => "there is no /dev/fuse",
            Unavailable::NotForUs => "/dev/fuse is not for us",
        })
    }
}

/// Whether /dev/fuse can be opened. Whether one may mount is found out by doing so.
pub fn available() -> Result<(), Unavailable> {
    match OpenOptions::new().read(true).write(true).open("/dev/fuse") {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(Unavailable::NotForUs),
        Err(_) => Err(Unavailable::NoDevice),
    }
}

/// Gives the calling thread, and processes that it starts from now on, mounts of their own: what is mounted then is seen by
/// nobody else and is gone with the last of them, whatever ends them.
///
/// It takes the right to mount.
pub fn enter_private_namespace() -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    Ok(())
}
