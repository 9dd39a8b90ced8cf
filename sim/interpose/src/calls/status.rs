//! What a name or an open file is: length, kind, inode.
//!
//! Modes and owners are the same for all; times are 0.

use super::{errno, returned, text};
use crate::open::{Open, What, find};
use crate::real::real;
use crate::scope::led;
use asl_host::fs::{File, FileSystem, Metadata};
use std::ffi::{c_char, c_int};
use std::io;
use std::path::Path;

/// What is behind an open descriptor, and the device that it says it is on.
fn of_open(open: &Open) -> io::Result<(Metadata, u64)> {
    let world = &open.scope.world;
    let metadata = match &open.what {
        What::File(file) => world.call(file.metadata())?,
        What::Dir(path) => world.call(world.files().metadata(Path::new(path)))?,
        What::Random => Metadata { len: 0, is_dir: false, inode: u64::MAX },
    };
    Ok((metadata, open.scope.device))
}

fn of_path(path: &str) -> Option<io::Result<(Metadata, u64)>> {
    let (scope, inside) = led(path)?;
    let metadata = scope.world.call(scope.world.files().metadata(Path::new(&inside)));
    Some(metadata.map(|metadata| (metadata, scope.device)))
}

fn mode_of(metadata: &Metadata) -> u32 {
    if metadata.is_dir { libc::S_IFDIR | 0o755 } else { libc::S_IFREG | 0o644 }
}

/// Fills what a caller of stat(2) gave.
///
/// # Safety
///
/// `out` must be valid for a write.
unsafe fn fill(found: io::Result<(Metadata, u64)>, out: *mut libc::stat) -> c_int {
    let filled = found.map(|(metadata, device)| {
        // SAFETY: all zeros is a valid `stat`; the caller promises that `out` can be written.
        unsafe {
            let mut status: libc::stat = std::mem::zeroed();
            status.st_dev = device;
            status.st_ino = metadata.inode;
            status.st_mode = mode_of(&metadata);
            status.st_nlink = 1;
            status.st_size = metadata.len as i64;
            status.st_blksize = 4096;
            status.st_blocks = metadata.len.div_ceil(512) as i64;
            out.write(status);
        }
        0
    });
    returned(filled)
}

macro_rules! by_path {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: *const c_char, out: *mut libc::stat) -> c_int {
            // SAFETY: the caller gave a C string and a place for the answer, as stat(2) asks for.
            match unsafe { text(path) }.and_then(of_path) {
                // SAFETY: as above.
                Some(found) => unsafe { fill(found, out) },
                None => real!($name(path, out) as fn(*const c_char, *mut libc::stat) -> c_int),
            }
        })*
    };
}

by_path!(stat, stat64, lstat, lstat64);

macro_rules! by_descriptor {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(fd: c_int, out: *mut libc::stat) -> c_int {
            match find(fd) {
                // SAFETY: the caller gave a place for the answer, as fstat(2) asks for.
                Some(open) => unsafe { fill(of_open(&open), out) },
                None => real!($name(fd, out) as fn(c_int, *mut libc::stat) -> c_int),
            }
        })*
    };
}

by_descriptor!(fstat, fstat64);

#[unsafe(no_mangle)]
unsafe extern "C" fn statx(
    dir: c_int,
    path: *const c_char,
    flags: c_int,
    mask: u32,
    out: *mut libc::statx,
) -> c_int {
    // SAFETY: the caller gave a C string (or null), as statx(2) asks for.
    let path_text = unsafe { text(path) };
    let found = match (find(dir), path_text) {
        (Some(open), None | Some("")) => Some(of_open(&open)),
        (_, Some(path)) => of_path(path),
        (None, None) => None,
    };
    let Some(found) = found else {
        return real!(statx(dir, path, flags, mask, out)
            as fn(c_int, *const c_char, c_int, u32, *mut libc::statx) -> c_int);
    };
    if out.is_null() {
        return returned(io::Result::<c_int>::Err(errno(libc::EFAULT)));
    }
    let filled = found.map(|(metadata, device)| {
        // SAFETY: all zeros is a valid `statx`; the caller gave a place for the answer.
        unsafe {
            let mut status: libc::statx = std::mem::zeroed();
            status.stx_mask = libc::STATX_BASIC_STATS;
            status.stx_blksize = 4096;
            status.stx_nlink = 1;
            status.stx_mode = mode_of(&metadata) as u16;
            status.stx_ino = metadata.inode;
            status.stx_size = metadata.len;
            status.stx_blocks = metadata.len.div_ceil(512);
            (status.stx_dev_major, status.stx_dev_minor) = (libc::major(device), libc::minor(device));
            out.write(status);
        }
        0
    });
    returned(filled)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn access(path: *const c_char, mode: c_int) -> c_int {
    // SAFETY: the caller gave a C string, as access(2) asks for.
    if let Some(found) = unsafe { text(path) }.and_then(of_path) {
        return returned(found.map(|_| 0));
    }
    real!(access(path, mode) as fn(*const c_char, c_int) -> c_int)
}
