//! `FILE`s on files of the simulator's: the C library opens its own without asking anybody, so they are made by fopencookie(3).
//!
//! Buffering is the C library's, and so is what is in a buffer when the process dies: it is lost.

use crate::calls::{close, open_at, read_on, refused_pointer, seek_to, set_errno, write_on};
use crate::place::led;
use crate::real::real;
use crate::table::find;
use asl_preload_wire::AT_POSITION;
use libc::FILE;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::{Mutex, PoisonError};

#[repr(C)]
struct Functions {
    read: Option<unsafe extern "C" fn(*mut c_void, *mut c_char, usize) -> isize>,
    write: Option<unsafe extern "C" fn(*mut c_void, *const c_char, usize) -> isize>,
    seek: Option<unsafe extern "C" fn(*mut c_void, *mut i64, c_int) -> c_int>,
    close: Option<unsafe extern "C" fn(*mut c_void) -> c_int>,
}

unsafe extern "C" {
    fn fopencookie(cookie: *mut c_void, mode: *const c_char, functions: Functions) -> *mut FILE;
}

/// The descriptors behind `FILE`s, for fileno(3).
static FILES: Mutex<Vec<(usize, c_int)>> = Mutex::new(Vec::new());

fn descriptor(cookie: *mut c_void) -> c_int {
    cookie as isize as c_int
}

/// Sets `errno` where a call failed.
fn told<T>(result: Result<T, c_int>) -> Option<T> {
    result.map_err(set_errno).ok()
}

unsafe extern "C" fn read(cookie: *mut c_void, buffer: *mut c_char, len: usize) -> isize {
    let file = find(descriptor(cookie)).ok_or(libc::EBADF);
    // SAFETY: the C library gives so much room.
    told(file.and_then(|file| unsafe { read_on(file, buffer.cast(), len, AT_POSITION) }))
        .map_or(-1, |count| count as isize)
}

/// All of it, or as much as can be written: the C library takes less for an error.
unsafe extern "C" fn write(cookie: *mut c_void, data: *const c_char, len: usize) -> isize {
    let mut done = 0;
    while done < len {
        let written = find(descriptor(cookie)).ok_or(libc::EBADF).and_then(|file| {
            // SAFETY: the C library gives so many bytes.
            unsafe { write_on(file, data.add(done).cast(), len - done, AT_POSITION) }
        });
        match told(written) {
            Some(count @ 1..) => done += count,
            _ => break,
        }
    }
    done as isize
}

unsafe extern "C" fn seek(cookie: *mut c_void, offset: *mut i64, whence: c_int) -> c_int {
    let file = find(descriptor(cookie)).ok_or(libc::EBADF);
    // SAFETY: the C library gives a place for the offset.
    match told(file.and_then(|file| seek_to(file, unsafe { *offset }, whence))) {
        Some(position) => {
            // SAFETY: as above.
            unsafe { *offset = position as i64 };
            0
        }
        None => -1,
    }
}

unsafe extern "C" fn end(cookie: *mut c_void) -> c_int {
    let fd = descriptor(cookie);
    FILES.lock().unwrap_or_else(PoisonError::into_inner).retain(|(_, other)| *other != fd);
    // SAFETY: any number may be closed.
    unsafe { close(fd) }
}

/// A `FILE` on a descriptor of ours, whose mode is a C string.
fn on_descriptor(fd: c_int, mode: *const c_char) -> *mut FILE {
    let functions = Functions { read: Some(read), write: Some(write), seek: Some(seek), close: Some(end) };
    // SAFETY: the functions take what the C library gives them; the cookie is a number.
    let file = unsafe { fopencookie(fd as isize as *mut c_void, mode, functions) };
    if !file.is_null() {
        FILES.lock().unwrap_or_else(PoisonError::into_inner).push((file as usize, fd));
    }
    file
}

/// What fopen(3) opens with.
fn flags_of(mode: &[u8]) -> Option<c_int> {
    let plus = mode.contains(&b'+');
    let access = |without| if plus { libc::O_RDWR } else { without };
    let flags = match mode.first()? {
        b'r' => access(libc::O_RDONLY),
        b'w' => access(libc::O_WRONLY) | libc::O_CREAT | libc::O_TRUNC,
        b'a' => access(libc::O_WRONLY) | libc::O_CREAT | libc::O_APPEND,
        _ => return None,
    };
    Some(if mode.contains(&b'x') { flags | libc::O_EXCL } else { flags })
}

macro_rules! opens {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: *const c_char, mode: *const c_char) -> *mut FILE {
            // SAFETY: the caller gave C strings.
            let Some(at) = (unsafe { led(path) }) else {
                return real!($name(path, mode) as fn(*const c_char, *const c_char) -> *mut FILE);
            };
            // SAFETY: as above.
            let flags = flags_of(unsafe { CStr::from_ptr(mode) }.to_bytes()).ok_or(libc::EINVAL);
            let Some(fd) = told(flags.and_then(|flags| open_at(at, flags, 0o666))) else {
                return std::ptr::null_mut();
            };
            let file = on_descriptor(fd, mode);
            if file.is_null() {
                // SAFETY: any number may be closed.
                unsafe { close(fd) };
            }
            file
        })*
    };
}

opens!(fopen, fopen64);

#[unsafe(no_mangle)]
unsafe extern "C" fn fdopen(fd: c_int, mode: *const c_char) -> *mut FILE {
    match find(fd) {
        Some(_) => on_descriptor(fd, mode),
        None => real!(fdopen(fd, mode) as fn(c_int, *const c_char) -> *mut FILE),
    }
}

macro_rules! again {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: *const c_char, mode: *const c_char, file: *mut FILE) -> *mut FILE {
            // SAFETY: the caller gave a C string, or none.
            if unsafe { led(path) }.is_some() || ours(file).is_some() {
                return refused_pointer(libc::EOPNOTSUPP);
            }
            real!($name(path, mode, file) as fn(*const c_char, *const c_char, *mut FILE) -> *mut FILE)
        })*
    };
}

again!(freopen, freopen64);

fn ours(file: *mut FILE) -> Option<c_int> {
    let files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    files.iter().find(|(other, _)| *other == file as usize).map(|(_, fd)| *fd)
}

macro_rules! numbers {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(file: *mut FILE) -> c_int {
            ours(file).unwrap_or_else(|| real!($name(file) as fn(*mut FILE) -> c_int))
        })*
    };
}

numbers!(fileno, fileno_unlocked);
