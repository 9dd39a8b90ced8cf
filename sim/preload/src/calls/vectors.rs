//! Reads and writes of several pieces at once: one call each, as the kernel makes of them.

use super::data::{read_on, write_on};
use super::{refused, returned};
use crate::real::real;
use crate::table::find;
use asl_preload_wire::AT_POSITION;
use libc::iovec;
use std::ffi::c_int;

/// # Safety
///
/// As for readv(2).
unsafe fn pieces<'a>(pieces: *const iovec, count: c_int) -> &'a [iovec] {
    match usize::try_from(count) {
        // SAFETY: the caller promises it.
        Ok(count @ 1..) => unsafe { std::slice::from_raw_parts(pieces, count) },
        _ => &[],
    }
}

/// # Safety
///
/// As for preadv(2).
unsafe fn read_pieces(file: u64, all: *const iovec, count: c_int, offset: i64) -> Result<usize, c_int> {
    // SAFETY: the caller promises it.
    let all = unsafe { pieces(all, count) };
    let mut bytes = vec![0_u8; all.iter().map(|piece| piece.iov_len).sum()];
    // SAFETY: the buffer is as long as is said.
    let count = unsafe { read_on(file, bytes.as_mut_ptr().cast(), bytes.len(), offset) }?;
    let mut rest = &bytes[..count];
    for piece in all {
        let (now, later) = rest.split_at(piece.iov_len.min(rest.len()));
        // SAFETY: the caller gave pieces of these lengths.
        unsafe { piece.iov_base.cast::<u8>().copy_from_nonoverlapping(now.as_ptr(), now.len()) };
        rest = later;
    }
    Ok(count)
}

/// # Safety
///
/// As for pwritev(2).
unsafe fn write_pieces(file: u64, all: *const iovec, count: c_int, offset: i64) -> Result<usize, c_int> {
    let mut bytes = Vec::new();
    // SAFETY: the caller promises it, of the list and of each piece.
    for piece in unsafe { pieces(all, count) }.iter().filter(|piece| piece.iov_len > 0) {
        // SAFETY: as above.
        bytes.extend_from_slice(unsafe {
            std::slice::from_raw_parts(piece.iov_base.cast::<u8>(), piece.iov_len)
        });
    }
    // SAFETY: the bytes are there.
    unsafe { write_on(file, bytes.as_ptr().cast(), bytes.len(), offset) }
}

macro_rules! at_position {
    ($($name:ident => $work:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(fd: c_int, all: *const iovec, count: c_int) -> isize {
            match find(fd) {
                // SAFETY: the caller gave what the call's manual page asks for.
                Some(file) => returned(unsafe { $work(file, all, count, AT_POSITION) }),
                None => real!($name(fd, all, count) as fn(c_int, *const iovec, c_int) -> isize),
            }
        })*
    };
}

at_position!(readv => read_pieces, writev => write_pieces);

macro_rules! at_offset {
    ($($name:ident => $work:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(fd: c_int, all: *const iovec, count: c_int, offset: i64) -> isize {
            match find(fd) {
                Some(_) if offset < 0 => refused::<isize>(libc::EINVAL),
                // SAFETY: the caller gave what the call's manual page asks for.
                Some(file) => returned(unsafe { $work(file, all, count, offset) }),
                None => real!($name(fd, all, count, offset) as fn(c_int, *const iovec, c_int, i64) -> isize),
            }
        })*
    };
}

at_offset!(preadv => read_pieces, preadv64 => read_pieces, pwritev => write_pieces, pwritev64 => write_pieces);

macro_rules! with_flags {
    ($($name:ident => $work:ident),*) => {
        /// With flags that change how it is done, and not what; others are refused.
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(fd: c_int, all: *const iovec, count: c_int, offset: i64, flags: c_int) -> isize {
            match find(fd) {
                Some(_) if flags & !libc::RWF_HIPRI != 0 => refused::<isize>(libc::EOPNOTSUPP),
                Some(_) if offset < AT_POSITION => refused::<isize>(libc::EINVAL),
                // SAFETY: the caller gave what the call's manual page asks for.
                Some(file) => returned(unsafe { $work(file, all, count, offset) }),
                None => real!($name(fd, all, count, offset, flags)
                    as fn(c_int, *const iovec, c_int, i64, c_int) -> isize),
            }
        })*
    };
}

with_flags!(preadv2 => read_pieces, preadv64v2 => read_pieces, pwritev2 => write_pieces, pwritev64v2 => write_pieces);
