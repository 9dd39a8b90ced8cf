//! What a name or an open file is.

use super::{refused, returned};
use crate::link;
use crate::place::{itself, led, led_at, led_or_itself};
use crate::real::real;
use crate::table::find;
use asl_preload_wire::{Place, Status};
use libc::{AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW};
use std::ffi::{c_char, c_int};

type Stat = libc::stat;
type Stat64 = libc::stat64;
type Extended = libc::statx;

/// What `st_dev` says: the number of no device.
const DEVICE: u64 = 0x000a_5100;
const NS_PER_S: u64 = 1_000_000_000;
const BLOCK_LEN: i64 = 4096;

/// Seconds and nanoseconds.
fn parts(ns: u64) -> (i64, i64) {
    ((ns / NS_PER_S) as i64, (ns % NS_PER_S) as i64)
}

macro_rules! fills {
    ($($name:ident: $type:ident),*) => {
        /// Fills what a caller of stat(2) gave.
        ///
        /// # Safety
        ///
        /// `out` must be valid for a write.
        $(unsafe fn $name(found: Result<Status, c_int>, out: *mut $type) -> c_int {
            returned(found.map(|status| {
                // SAFETY: all zeros is a valid `stat`; the caller promises that `out` can be written.
                unsafe {
                    let mut told: $type = std::mem::zeroed();
                    (told.st_dev, told.st_ino, told.st_mode) = (DEVICE, status.ino, status.mode);
                    (told.st_uid, told.st_gid) = (status.uid, status.gid);
                    told.st_nlink = u64::from(status.nlink).try_into().unwrap_or_default();
                    told.st_size = status.size as i64;
                    told.st_blksize = BLOCK_LEN.try_into().unwrap_or_default();
                    told.st_blocks = status.size.div_ceil(512) as i64;
                    (told.st_atime, told.st_atime_nsec) = parts(status.atime_ns);
                    (told.st_mtime, told.st_mtime_nsec) = parts(status.mtime_ns);
                    (told.st_ctime, told.st_ctime_nsec) = parts(status.ctime_ns);
                    out.write(told);
                }
                0
            }))
        })*
    };
}

fills!(fill: Stat, fill64: Stat64);

/// Whether flags have a link followed.
fn follows(flags: c_int) -> bool {
    flags & AT_SYMLINK_NOFOLLOW == 0
}

macro_rules! by_path {
    ($($name:ident($type:ident, $fill:ident, $follow:literal)),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: *const c_char, out: *mut $type) -> c_int {
            // SAFETY: the caller gave a C string and a place for the answer, as stat(2) asks for.
            match unsafe { led(path) } {
                // SAFETY: as above.
                Some(at) => unsafe { $fill(link::status(at, $follow), out) },
                None => real!($name(path, out) as fn(*const c_char, *mut $type) -> c_int),
            }
        })*
    };
}

by_path!(
    stat(Stat, fill, true),
    stat64(Stat64, fill64, true),
    lstat(Stat, fill, false),
    lstat64(Stat64, fill64, false)
);

macro_rules! by_descriptor {
    ($($name:ident($type:ident, $fill:ident)),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(fd: c_int, out: *mut $type) -> c_int {
            match find(fd) {
                // SAFETY: the caller gave a place for the answer, as fstat(2) asks for.
                Some(file) => unsafe { $fill(link::status(itself(file), true), out) },
                None => real!($name(fd, out) as fn(c_int, *mut $type) -> c_int),
            }
        })*
    };
}

by_descriptor!(fstat(Stat, fill), fstat64(Stat64, fill64));

macro_rules! by_both {
    ($($name:ident($type:ident, $fill:ident)),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(dir: c_int, path: *const c_char, out: *mut $type, flags: c_int) -> c_int {
            // SAFETY: the caller gave a C string and a place for the answer, as fstatat(2) asks for.
            match unsafe { led_or_itself(dir, path, flags) } {
                // SAFETY: as above.
                Some(at) => unsafe { $fill(link::status(at, follows(flags)), out) },
                None => real!($name(dir, path, out, flags) as fn(c_int, *const c_char, *mut $type, c_int) -> c_int),
            }
        })*
    };
}

by_both!(fstatat(Stat, fill), fstatat64(Stat64, fill64));

// What programs call that were built with a C library before 2.33. Its functions need not be there any more; those above do the same.

macro_rules! old {
    ($($name:ident => $now:ident($($arg:ident: $type:ty),*)),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(_version: c_int, $($arg: $type),*) -> c_int {
            // SAFETY: the caller gave what the call of today asks for.
            unsafe { $now($($arg),*) }
        })*
    };
}

old!(
    __xstat => stat(path: *const c_char, out: *mut Stat),
    __xstat64 => stat64(path: *const c_char, out: *mut Stat64),
    __lxstat => lstat(path: *const c_char, out: *mut Stat),
    __lxstat64 => lstat64(path: *const c_char, out: *mut Stat64),
    __fxstat => fstat(fd: c_int, out: *mut Stat),
    __fxstat64 => fstat64(fd: c_int, out: *mut Stat64),
    __fxstatat => fstatat(dir: c_int, path: *const c_char, out: *mut Stat, flags: c_int),
    __fxstatat64 => fstatat64(dir: c_int, path: *const c_char, out: *mut Stat64, flags: c_int)
);

#[unsafe(no_mangle)]
unsafe extern "C" fn statx(
    dir: c_int,
    path: *const c_char,
    flags: c_int,
    mask: u32,
    out: *mut Extended,
) -> c_int {
    // SAFETY: the caller gave a C string (or none), as statx(2) asks for.
    let Some(at) = (unsafe { led_or_itself(dir, path, flags) }) else {
        return real!(statx(dir, path, flags, mask, out)
            as fn(c_int, *const c_char, c_int, u32, *mut Extended) -> c_int);
    };
    if out.is_null() {
        return refused(libc::EFAULT);
    }
    returned(link::status(at, follows(flags)).map(|status| {
        // SAFETY: the caller gave a place for the answer.
        unsafe { out.write(extended(&status)) };
        0
    }))
}

fn extended(status: &Status) -> Extended {
    // SAFETY: all zeros is a valid `statx`.
    let mut told: Extended = unsafe { std::mem::zeroed() };
    told.stx_mask = libc::STATX_BASIC_STATS;
    told.stx_blksize = BLOCK_LEN as u32;
    (told.stx_nlink, told.stx_uid, told.stx_gid) = (status.nlink, status.uid, status.gid);
    (told.stx_mode, told.stx_ino, told.stx_size) = (status.mode as u16, status.ino, status.size);
    told.stx_blocks = status.size.div_ceil(512);
    (told.stx_dev_major, told.stx_dev_minor) = (libc::major(DEVICE), libc::minor(DEVICE));
    for (time, ns) in [
        (&mut told.stx_atime, status.atime_ns),
        (&mut told.stx_mtime, status.mtime_ns),
        (&mut told.stx_ctime, status.ctime_ns),
    ] {
        let (seconds, ns) = parts(ns);
        (time.tv_sec, time.tv_nsec) = (seconds, ns as u32);
    }
    told
}

/// access(2) for something in the world: by its mode and the caller's number, as for somebody who is in no group.
fn may(at: Place, mode: c_int, follow: bool) -> c_int {
    returned(link::status(at, follow).and_then(|status| {
        // SAFETY: it cannot fail.
        let user = unsafe { libc::geteuid() };
        let bits = if user == status.uid { status.mode >> 6 } else { status.mode } & 7;
        let anybody = status.mode & 0o111 != 0 || status.mode & libc::S_IFMT == libc::S_IFDIR;
        let granted = if user == 0 { 6 | u32::from(anybody) } else { bits };
        if mode as u32 & 7 & !granted == 0 { Ok(0) } else { Err(libc::EACCES) }
    }))
}

macro_rules! accesses {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: *const c_char, mode: c_int) -> c_int {
            // SAFETY: the caller gave a C string, as access(2) asks for.
            match unsafe { led(path) } {
                Some(at) => may(at, mode, true),
                None => real!($name(path, mode) as fn(*const c_char, c_int) -> c_int),
            }
        })*
    };
}

accesses!(access, euidaccess, eaccess);

#[unsafe(no_mangle)]
unsafe extern "C" fn faccessat(dir: c_int, path: *const c_char, mode: c_int, flags: c_int) -> c_int {
    // SAFETY: the caller gave a C string, as faccessat(2) asks for.
    match unsafe { led_or_itself(dir, path, flags & AT_EMPTY_PATH) } {
        Some(at) => may(at, mode, follows(flags)),
        None => real!(faccessat(dir, path, mode, flags) as fn(c_int, *const c_char, c_int, c_int) -> c_int),
    }
}

macro_rules! spaces {
    ($($by_path:ident, $by_descriptor:ident, $type:ident, $fill:expr;)*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $by_path(path: *const c_char, out: *mut libc::$type) -> c_int {
            // SAFETY: the caller gave a C string and a place for the answer.
            match unsafe { led(path) } {
                Some(at) => match link::status(at, true) {
                    // SAFETY: as above.
                    Ok(_) => unsafe { space(out, $fill) },
                    Err(number) => refused(number),
                },
                None => real!($by_path(path, out) as fn(*const c_char, *mut libc::$type) -> c_int),
            }
        }

        #[unsafe(no_mangle)]
        unsafe extern "C" fn $by_descriptor(fd: c_int, out: *mut libc::$type) -> c_int {
            match find(fd) {
                // SAFETY: the caller gave a place for the answer.
                Some(_) => unsafe { space(out, $fill) },
                None => real!($by_descriptor(fd, out) as fn(c_int, *mut libc::$type) -> c_int),
            }
        })*
    };
}

/// # Safety
///
/// `out` must be valid for a write, and all zeros a valid value of its type.
unsafe fn space<T>(out: *mut T, fill: impl FnOnce(&mut T, u64, u64)) -> c_int {
    returned(link::space().map(|(total, free)| {
        // SAFETY: the caller promises it.
        unsafe {
            out.write_bytes(0, 1);
            fill(&mut *out, total / BLOCK_LEN as u64, free / BLOCK_LEN as u64);
        }
        0
    }))
}

/// As many files as there may be, as statfs(2) tells it: there is no limit.
const FILES: u64 = 1 << 31;

spaces! {
    statvfs, fstatvfs, statvfs, |told: &mut libc::statvfs, total, free| {
        (told.f_bsize, told.f_frsize, told.f_namemax) = (BLOCK_LEN as u64, BLOCK_LEN as u64, 255);
        (told.f_blocks, told.f_bfree, told.f_bavail) = (total, free, free);
        (told.f_files, told.f_ffree, told.f_favail) = (FILES, FILES, FILES);
    };
    statvfs64, fstatvfs64, statvfs64, |told: &mut libc::statvfs64, total, free| {
        (told.f_bsize, told.f_frsize, told.f_namemax) = (BLOCK_LEN as u64, BLOCK_LEN as u64, 255);
        (told.f_blocks, told.f_bfree, told.f_bavail) = (total, free, free);
        (told.f_files, told.f_ffree, told.f_favail) = (FILES, FILES, FILES);
    };
    statfs, fstatfs, statfs, |told: &mut libc::statfs, total, free| {
        (told.f_bsize, told.f_frsize, told.f_namelen) = (BLOCK_LEN, BLOCK_LEN, 255);
        (told.f_blocks, told.f_bfree, told.f_bavail) = (total, free, free);
        (told.f_files, told.f_ffree) = (FILES, FILES);
    };
    statfs64, fstatfs64, statfs64, |told: &mut libc::statfs64, total, free| {
        (told.f_bsize, told.f_frsize, told.f_namelen) = (BLOCK_LEN, BLOCK_LEN, 255);
        (told.f_blocks, told.f_bfree, told.f_bavail) = (total, free, free);
        (told.f_files, told.f_ffree) = (FILES, FILES);
    };
}

#[unsafe(no_mangle)]
unsafe extern "C" fn name_to_handle_at(
    dir: c_int,
    path: *const c_char,
    handle: *mut u8,
    mount: *mut c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: the caller gave a C string.
    if unsafe { led_at(dir, path) }.is_some() {
        return refused(libc::EOPNOTSUPP);
    }
    real!(name_to_handle_at(dir, path, handle, mount, flags)
        as fn(c_int, *const c_char, *mut u8, *mut c_int, c_int) -> c_int)
}
