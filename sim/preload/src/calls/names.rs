//! Names: making, removing, renaming, linking.

use super::{refused, returned, set_errno};
use crate::link::{data, masked, number};
use crate::place::{led, led_at, led_or_itself};
use crate::real::real;
use asl_preload_wire::{Call, Place};
use libc::AT_FDCWD;
use std::ffi::{CStr, c_char, c_int};

/// Two paths: both in the world, neither, or one of each, which is two file systems.
///
/// # Safety
///
/// Both must be C strings.
unsafe fn both(
    (from_dir, from): (c_int, *const c_char),
    (to_dir, to): (c_int, *const c_char),
    work: impl FnOnce(Place, Place) -> Call,
) -> Option<c_int> {
    // SAFETY: the caller promises it.
    match unsafe { (led_at(from_dir, from), led_at(to_dir, to)) } {
        (Some(from), Some(to)) => Some(returned(number(&work(from, to)))),
        (None, None) => None,
        _ => Some(refused(libc::EXDEV)),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mkdir(path: *const c_char, mode: u32) -> c_int {
    // SAFETY: the caller gave a C string.
    match unsafe { led(path) } {
        Some(at) => returned(number(&Call::MakeDir { at, mode: masked(mode) })),
        None => real!(mkdir(path, mode) as fn(*const c_char, u32) -> c_int),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mkdirat(dir: c_int, path: *const c_char, mode: u32) -> c_int {
    // SAFETY: the caller gave a C string.
    match unsafe { led_at(dir, path) } {
        Some(at) => returned(number(&Call::MakeDir { at, mode: masked(mode) })),
        None => real!(mkdirat(dir, path, mode) as fn(c_int, *const c_char, u32) -> c_int),
    }
}

macro_rules! removes {
    ($($name:ident => $is_dir:literal),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: *const c_char) -> c_int {
            // SAFETY: the caller gave a C string.
            match unsafe { led(path) } {
                Some(at) => returned(number(&Call::Remove { at, is_dir: $is_dir })),
                None => real!($name(path) as fn(*const c_char) -> c_int),
            }
        })*
    };
}

removes!(unlink => false, rmdir => true);

#[unsafe(no_mangle)]
unsafe extern "C" fn remove(path: *const c_char) -> c_int {
    // SAFETY: the caller gave a C string.
    let Some(at) = (unsafe { led(path) }) else {
        return real!(remove(path) as fn(*const c_char) -> c_int);
    };
    match number(&Call::Remove { at: at.clone(), is_dir: false }) {
        Err(libc::EISDIR) => returned(number(&Call::Remove { at, is_dir: true })),
        done => returned(done),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlinkat(dir: c_int, path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: the caller gave a C string.
    match unsafe { led_at(dir, path) } {
        Some(at) => returned(number(&Call::Remove { at, is_dir: flags & libc::AT_REMOVEDIR != 0 })),
        None => real!(unlinkat(dir, path, flags) as fn(c_int, *const c_char, c_int) -> c_int),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the caller gave C strings.
    let done =
        unsafe { both((AT_FDCWD, from), (AT_FDCWD, to), |from, to| Call::Rename { from, to, flags: 0 }) };
    done.unwrap_or_else(|| real!(rename(from, to) as fn(*const c_char, *const c_char) -> c_int))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn renameat(
    from_dir: c_int,
    from: *const c_char,
    to_dir: c_int,
    to: *const c_char,
) -> c_int {
    // SAFETY: the caller gave C strings.
    let done =
        unsafe { both((from_dir, from), (to_dir, to), |from, to| Call::Rename { from, to, flags: 0 }) };
    done.unwrap_or_else(|| {
        real!(renameat(from_dir, from, to_dir, to) as fn(c_int, *const c_char, c_int, *const c_char) -> c_int)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn renameat2(
    from_dir: c_int,
    from: *const c_char,
    to_dir: c_int,
    to: *const c_char,
    flags: u32,
) -> c_int {
    // SAFETY: the caller gave C strings.
    let done = unsafe { both((from_dir, from), (to_dir, to), |from, to| Call::Rename { from, to, flags }) };
    done.unwrap_or_else(|| {
        real!(renameat2(from_dir, from, to_dir, to, flags)
            as fn(c_int, *const c_char, c_int, *const c_char, u32) -> c_int)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn link(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the caller gave C strings.
    let done =
        unsafe { both((AT_FDCWD, from), (AT_FDCWD, to), |from, to| Call::Link { from, to, follow: false }) };
    done.unwrap_or_else(|| real!(link(from, to) as fn(*const c_char, *const c_char) -> c_int))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn linkat(
    from_dir: c_int,
    from: *const c_char,
    to_dir: c_int,
    to: *const c_char,
    flags: c_int,
) -> c_int {
    let follow = flags & libc::AT_SYMLINK_FOLLOW != 0;
    // SAFETY: the caller gave C strings.
    let places = unsafe { (led_or_itself(from_dir, from, flags), led_at(to_dir, to)) };
    match places {
        (Some(from), Some(to)) => returned(number(&Call::Link { from, to, follow })),
        (None, None) => real!(linkat(from_dir, from, to_dir, to, flags)
            as fn(c_int, *const c_char, c_int, *const c_char, c_int) -> c_int),
        _ => refused(libc::EXDEV),
    }
}

/// # Safety
///
/// `target` must be a C string.
unsafe fn make_symlink(target: *const c_char, at: Place) -> c_int {
    // SAFETY: the caller promises it.
    let target = unsafe { CStr::from_ptr(target) }.to_bytes().to_vec();
    returned(number(&Call::Symlink { target, at }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn symlink(target: *const c_char, path: *const c_char) -> c_int {
    // SAFETY: the caller gave C strings.
    match unsafe { led(path) } {
        // SAFETY: as above.
        Some(at) => unsafe { make_symlink(target, at) },
        None => real!(symlink(target, path) as fn(*const c_char, *const c_char) -> c_int),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn symlinkat(target: *const c_char, dir: c_int, path: *const c_char) -> c_int {
    // SAFETY: the caller gave C strings.
    match unsafe { led_at(dir, path) } {
        // SAFETY: as above.
        Some(at) => unsafe { make_symlink(target, at) },
        None => real!(symlinkat(target, dir, path) as fn(*const c_char, c_int, *const c_char) -> c_int),
    }
}

/// # Safety
///
/// `buffer` must be valid for writes of `len` bytes.
unsafe fn read_link(at: Place, buffer: *mut c_char, len: usize) -> isize {
    returned(data(&Call::ReadLink { at }).map(|target| {
        let count = target.len().min(len);
        // SAFETY: the caller gave so much room.
        unsafe { buffer.cast::<u8>().copy_from_nonoverlapping(target.as_ptr(), count) };
        count
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn readlink(path: *const c_char, buffer: *mut c_char, len: usize) -> isize {
    // SAFETY: the caller gave a C string, and so much room.
    match unsafe { led(path) } {
        // SAFETY: as above.
        Some(at) => unsafe { read_link(at, buffer, len) },
        None => real!(readlink(path, buffer, len) as fn(*const c_char, *mut c_char, usize) -> isize),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __readlink_chk(
    path: *const c_char,
    buffer: *mut c_char,
    len: usize,
    room: usize,
) -> isize {
    // SAFETY: the caller gave a C string, and so much room.
    match unsafe { led(path) } {
        // SAFETY: as above.
        Some(at) => unsafe { read_link(at, buffer, len.min(room)) },
        None => {
            real!(__readlink_chk(path, buffer, len, room)
                as fn(*const c_char, *mut c_char, usize, usize) -> isize)
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn readlinkat(dir: c_int, path: *const c_char, buffer: *mut c_char, len: usize) -> isize {
    // SAFETY: the caller gave a C string, and so much room.
    match unsafe { led_at(dir, path) } {
        // SAFETY: as above.
        Some(at) => unsafe { read_link(at, buffer, len) },
        None => {
            real!(readlinkat(dir, path, buffer, len) as fn(c_int, *const c_char, *mut c_char, usize) -> isize)
        }
    }
}

macro_rules! devices {
    ($($name:ident($($arg:ident: $type:ty),*)),*) => {
        /// There are no devices and no pipes.
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: *const c_char, $($arg: $type),*) -> c_int {
            // SAFETY: the caller gave a C string.
            if unsafe { led(path) }.is_some() {
                set_errno(libc::EPERM);
                return -1;
            }
            real!($name(path, $($arg),*) as fn(*const c_char, $($type),*) -> c_int)
        })*
    };
}

devices!(mkfifo(mode: u32), mknod(mode: u32, device: u64));
