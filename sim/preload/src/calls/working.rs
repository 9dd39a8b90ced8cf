//! The working directory, real paths, and what the process masks out of modes.

use super::{refused, returned, set_errno};
use crate::link::{self, data, set_umask};
use crate::place::{cwd, itself, led, set_cwd, world};
use crate::real::real;
use crate::table::find;
use asl_preload_wire::{Call, Place};
use std::ffi::{c_char, c_int};

#[unsafe(no_mangle)]
unsafe extern "C" fn umask(mask: u32) -> u32 {
    set_umask(mask & 0o777);
    real!(umask(mask) as fn(u32) -> u32)
}

/// Goes to a directory of the world. The kernel is not told.
fn go(at: Place) -> Result<u64, c_int> {
    let status = link::status(at.clone(), true)?;
    if status.mode & libc::S_IFMT != libc::S_IFDIR {
        return Err(libc::ENOTDIR);
    }
    set_cwd(Some(data(&Call::RealPath { at })?));
    Ok(0)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn chdir(path: *const c_char) -> c_int {
    // SAFETY: the caller gave a C string.
    if let Some(at) = unsafe { led(path) } {
        return returned(go(at));
    }
    let result = real!(chdir(path) as fn(*const c_char) -> c_int);
    if result == 0 {
        set_cwd(None);
    }
    result
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fchdir(fd: c_int) -> c_int {
    if let Some(file) = find(fd) {
        return returned(go(itself(file)));
    }
    let result = real!(fchdir(fd) as fn(c_int) -> c_int);
    if result == 0 {
        set_cwd(None);
    }
    result
}

/// The whole path of something in the world.
fn whole(inside: &[u8]) -> Vec<u8> {
    let root = world().and_then(|world| world.root.as_deref()).unwrap_or_default();
    [root, inside].concat()
}

/// Puts a path into the caller's buffer, or into a new one.
///
/// # Safety
///
/// `buffer` must be null or have room for `len` bytes.
unsafe fn put_path(path: &[u8], buffer: *mut c_char, len: usize) -> *mut c_char {
    let out = if buffer.is_null() {
        // SAFETY: it may fail, and then it is null.
        unsafe { libc::malloc(len.max(path.len() + 1)).cast() }
    } else if path.len() < len {
        buffer
    } else {
        set_errno(libc::ERANGE);
        return std::ptr::null_mut();
    };
    if out.is_null() {
        return out;
    }
    // SAFETY: there is so much room.
    unsafe {
        out.cast::<u8>().copy_from_nonoverlapping(path.as_ptr(), path.len());
        out.add(path.len()).write(0);
    }
    out
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getcwd(buffer: *mut c_char, len: usize) -> *mut c_char {
    match cwd() {
        // SAFETY: the caller gave so much room, or none.
        Some(inside) => unsafe { put_path(&whole(&inside), buffer, len) },
        None => real!(getcwd(buffer, len) as fn(*mut c_char, usize) -> *mut c_char),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __getcwd_chk(buffer: *mut c_char, len: usize, room: usize) -> *mut c_char {
    // SAFETY: the caller gave so much room, or none.
    unsafe { getcwd(buffer, len.min(room)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn get_current_dir_name() -> *mut c_char {
    match cwd() {
        // SAFETY: a new buffer is wanted.
        Some(inside) => unsafe { put_path(&whole(&inside), std::ptr::null_mut(), 0) },
        None => real!(get_current_dir_name() as fn() -> *mut c_char),
    }
}

/// # Safety
///
/// `resolved` must be null or have room for `PATH_MAX` bytes.
unsafe fn real_path(at: Place, resolved: *mut c_char) -> *mut c_char {
    match data(&Call::RealPath { at }) {
        // SAFETY: the caller promises it.
        Ok(inside) => unsafe { put_path(&whole(&inside), resolved, libc::PATH_MAX as usize) },
        Err(number) => {
            set_errno(number);
            std::ptr::null_mut()
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn realpath(path: *const c_char, resolved: *mut c_char) -> *mut c_char {
    // SAFETY: the caller gave a C string.
    match unsafe { led(path) } {
        // SAFETY: the caller gave enough room, or none.
        Some(at) => unsafe { real_path(at, resolved) },
        None => real!(realpath(path, resolved) as fn(*const c_char, *mut c_char) -> *mut c_char),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __realpath_chk(path: *const c_char, resolved: *mut c_char, _room: usize) -> *mut c_char {
    // SAFETY: the caller gave enough room, or none.
    unsafe { realpath(path, resolved) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn canonicalize_file_name(path: *const c_char) -> *mut c_char {
    // SAFETY: the caller gave a C string; a new buffer is wanted.
    unsafe { realpath(path, std::ptr::null_mut()) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn chroot(path: *const c_char) -> c_int {
    // SAFETY: the caller gave a C string.
    match unsafe { led(path) } {
        Some(_) => refused(libc::EPERM),
        None => real!(chroot(path) as fn(*const c_char) -> c_int),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pathconf(path: *const c_char, name: c_int) -> i64 {
    // SAFETY: the caller gave C strings.
    match unsafe { led(path) } {
        Some(_) => real!(pathconf(c"/".as_ptr(), name) as fn(*const c_char, c_int) -> i64),
        None => real!(pathconf(path, name) as fn(*const c_char, c_int) -> i64),
    }
}
