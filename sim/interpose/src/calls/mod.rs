//! The C library's calls, under their own names: led into a world, or on to the C library.
//!
//! Functions with a variable number of arguments (`open`, `fcntl`) are defined with as many as they ever have: on the platforms that
//! this is built for (x86-64 and aarch64 Linux) the caller passes them alike.

mod data;
mod dirs;
mod names;
mod status;
mod surroundings;

use std::ffi::{CStr, c_char, c_int};
use std::io;

pub(crate) fn errno(number: c_int) -> io::Error {
    io::Error::from_raw_os_error(number)
}

/// What a call returns: its value, or -1 with `errno` set.
fn returned<T: TryInto<R>, R: From<i8>>(result: io::Result<T>) -> R {
    let error = match result {
        Ok(value) => match value.try_into() {
            Ok(value) => return value,
            Err(_) => libc::EOVERFLOW,
        },
        Err(error) => error.raw_os_error().unwrap_or(libc::EIO),
    };
    // SAFETY: the C library gives the address of this thread's `errno`.
    unsafe { *libc::__errno_location() = error };
    R::from(-1)
}

/// A path that a caller gave, if it is text.
///
/// # Safety
///
/// As for the system calls, `path` must be null or a C string.
unsafe fn text<'a>(path: *const c_char) -> Option<&'a str> {
    if path.is_null() {
        return None;
    }
    // SAFETY: the caller promises it.
    unsafe { CStr::from_ptr(path) }.to_str().ok()
}
