//! The C library's calls, under their own names: led to the simulator, or on to the C library.
//!
//! Functions with a variable number of arguments (`open`, `fcntl`) are defined with as many as they ever have: on the platforms that
//! this is built for (x86-64 and aarch64 Linux) the caller passes them alike.

mod attributes;
mod data;
mod descriptors;
mod names;
mod open;
mod status;
mod vectors;
mod working;

pub(crate) use data::{read_on, seek_to, write_on};
pub(crate) use descriptors::close;
pub(crate) use open::open_at;

use std::ffi::c_int;

/// Sets `errno`.
pub(crate) fn set_errno(number: c_int) {
    // SAFETY: the C library gives the address of this thread's `errno`.
    unsafe { *libc::__errno_location() = number };
}

/// What a call returns: its value, or -1 with `errno` set.
pub(crate) fn returned<T, R: TryFrom<T> + From<i8>>(result: Result<T, c_int>) -> R {
    let number = match result.map(R::try_from) {
        Ok(Ok(value)) => return value,
        Ok(Err(_)) => libc::EOVERFLOW,
        Err(number) => number,
    };
    set_errno(number);
    R::from(-1)
}

/// A call that is refused.
pub(crate) fn refused<R: From<i8>>(number: c_int) -> R {
    set_errno(number);
    R::from(-1)
}

/// A call that is refused, and returns a pointer.
pub(crate) fn refused_pointer<T>(number: c_int) -> *mut T {
    set_errno(number);
    std::ptr::null_mut()
}
