//! Calls on what is open: reading, writing, positions, sizes, syncs.

use super::{refused, returned};
use crate::link::{ask, number};
use crate::place::{itself, led};
use crate::real::real;
use crate::table::find;
use asl_preload_wire::{AT_POSITION, Answer, Call, DATA_LEN_MAX};
use std::ffi::{c_char, c_int, c_void};

/// Reads at most one message's worth at a time, until there is no more or the buffer is full.
///
/// # Safety
///
/// `buffer` must be valid for writes of `len` bytes.
pub(crate) unsafe fn read_on(
    file: u64,
    buffer: *mut c_void,
    len: usize,
    offset: i64,
) -> Result<usize, c_int> {
    let mut done = 0;
    loop {
        let piece = (len - done).min(DATA_LEN_MAX);
        let offset = if offset == AT_POSITION { offset } else { offset.saturating_add(done as i64) };
        let data = match ask(&Call::Read { file, offset, len: piece as u32 }) {
            Ok(Answer::Data { data }) if data.len() <= piece => data,
            Err(number) if done == 0 => return Err(number),
            _ => return if done == 0 { Err(libc::EIO) } else { Ok(done) },
        };
        // SAFETY: the caller gave so much room.
        unsafe { buffer.cast::<u8>().add(done).copy_from_nonoverlapping(data.as_ptr(), data.len()) };
        done += data.len();
        if data.len() < piece || done == len {
            return Ok(done);
        }
    }
}

/// Writes in pieces as large as a message may be.
///
/// # Safety
///
/// `data` must be valid for reads of `len` bytes.
pub(crate) unsafe fn write_on(
    file: u64,
    data: *const c_void,
    len: usize,
    offset: i64,
) -> Result<usize, c_int> {
    // SAFETY: the caller promises it.
    let data = if len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len) } };
    let mut done = 0;
    loop {
        let piece = &data[done..len.min(done + DATA_LEN_MAX)];
        let offset = if offset == AT_POSITION { offset } else { offset.saturating_add(done as i64) };
        match number(&Call::Write { file, offset, data: piece.to_vec() }) {
            Ok(count) => done += (count as usize).min(piece.len()),
            Err(number) if done == 0 => return Err(number),
            Err(_) => return Ok(done),
        }
        if done == len || !done.is_multiple_of(DATA_LEN_MAX) {
            return Ok(done);
        }
    }
}

pub(crate) fn seek_to(file: u64, offset: i64, whence: c_int) -> Result<u64, c_int> {
    number(&Call::Seek { file, offset, whence })
}

/// A call on a descriptor: on a file of the simulator's, or on to the C library.
macro_rules! on_descriptor {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) -> $out:ty => |$file:ident| $work:expr;)*) => {
        $($(#[$doc])* #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(fd: c_int $(, $arg: $type)*) -> $out {
            match crate::table::find(fd) {
                Some($file) => $work,
                None => crate::real::real!($name(fd $(, $arg)*) as fn(c_int $(, $type)*) -> $out),
            }
        })*
    };
}
pub(super) use on_descriptor;

/// # Safety
///
/// As for pread(2).
unsafe fn pread_on(file: u64, buffer: *mut c_void, len: usize, offset: i64) -> isize {
    if offset < 0 {
        return refused::<isize>(libc::EINVAL);
    }
    // SAFETY: the caller promises it.
    returned(unsafe { read_on(file, buffer, len, offset) })
}

/// # Safety
///
/// As for pwrite(2).
unsafe fn pwrite_on(file: u64, data: *const c_void, len: usize, offset: i64) -> isize {
    if offset < 0 {
        return refused::<isize>(libc::EINVAL);
    }
    // SAFETY: the caller promises it.
    returned(unsafe { write_on(file, data, len, offset) })
}

fn set_len(file: u64, len: i64) -> c_int {
    let len = u64::try_from(len).map_err(|_| libc::EINVAL);
    returned(len.and_then(|len| number(&Call::SetLen { at: itself(file), len })))
}

fn allocate(file: u64, mode: c_int, offset: i64, len: i64) -> Result<u64, c_int> {
    match (u64::try_from(offset), u64::try_from(len)) {
        (Ok(offset), Ok(len @ 1..)) => number(&Call::Allocate { file, mode, offset, len }),
        _ => Err(libc::EINVAL),
    }
}

/// As `posix_fallocate(3)`, which returns its error.
fn posix_allocate(file: u64, offset: i64, len: i64) -> c_int {
    allocate(file, 0, offset, len).map_or_else(|number| number, |_| 0)
}

on_descriptor! {
    // SAFETY: of all that follow, the caller gave so many bytes, as the call's manual page asks for.
    read(buffer: *mut c_void, len: usize) -> isize => |file| returned(unsafe { read_on(file, buffer, len, AT_POSITION) });
    __read_chk(buffer: *mut c_void, len: usize, room: usize) -> isize =>
        // SAFETY: as above.
        |file| returned(unsafe { read_on(file, buffer, checked(len, room), AT_POSITION) });
    // SAFETY: as above.
    pread(buffer: *mut c_void, len: usize, offset: i64) -> isize => |file| unsafe { pread_on(file, buffer, len, offset) };
    // SAFETY: as above.
    pread64(buffer: *mut c_void, len: usize, offset: i64) -> isize => |file| unsafe { pread_on(file, buffer, len, offset) };
    __pread_chk(buffer: *mut c_void, len: usize, offset: i64, room: usize) -> isize =>
        // SAFETY: as above.
        |file| unsafe { pread_on(file, buffer, checked(len, room), offset) };
    __pread64_chk(buffer: *mut c_void, len: usize, offset: i64, room: usize) -> isize =>
        // SAFETY: as above.
        |file| unsafe { pread_on(file, buffer, checked(len, room), offset) };
    // SAFETY: as above.
    write(data: *const c_void, len: usize) -> isize => |file| returned(unsafe { write_on(file, data, len, AT_POSITION) });
    // SAFETY: as above.
    pwrite(data: *const c_void, len: usize, offset: i64) -> isize => |file| unsafe { pwrite_on(file, data, len, offset) };
    // SAFETY: as above.
    pwrite64(data: *const c_void, len: usize, offset: i64) -> isize => |file| unsafe { pwrite_on(file, data, len, offset) };
    lseek(offset: i64, whence: c_int) -> i64 => |file| returned(seek_to(file, offset, whence));
    lseek64(offset: i64, whence: c_int) -> i64 => |file| returned(seek_to(file, offset, whence));
    fsync() -> c_int => |file| returned(number(&Call::Sync { file, data_only: false }));
    fdatasync() -> c_int => |file| returned(number(&Call::Sync { file, data_only: true }));
    // It promises nothing about what a crash leaves.
    sync_file_range(_offset: i64, _len: i64, _flags: u32) -> c_int => |_file| 0;
    posix_fadvise(_offset: i64, _len: i64, _advice: c_int) -> c_int => |_file| 0;
    posix_fadvise64(_offset: i64, _len: i64, _advice: c_int) -> c_int => |_file| 0;
    readahead(_offset: i64, _len: usize) -> isize => |_file| 0;
    // All that there is of the file system.
    syncfs() -> c_int => |_file| refused(libc::EOPNOTSUPP);
    ftruncate(len: i64) -> c_int => |file| set_len(file, len);
    ftruncate64(len: i64) -> c_int => |file| set_len(file, len);
    fallocate(mode: c_int, offset: i64, len: i64) -> c_int => |file| returned(allocate(file, mode, offset, len));
    fallocate64(mode: c_int, offset: i64, len: i64) -> c_int => |file| returned(allocate(file, mode, offset, len));
    posix_fallocate(offset: i64, len: i64) -> c_int => |file| posix_allocate(file, offset, len);
    posix_fallocate64(offset: i64, len: i64) -> c_int => |file| posix_allocate(file, offset, len);
}

/// What a fortified program has the C library check.
fn checked(len: usize, room: usize) -> usize {
    assert!(len <= room, "the program reads more than its buffer holds");
    len
}

macro_rules! by_path {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: *const c_char, len: i64) -> c_int {
            // SAFETY: the caller gave a C string, as truncate(2) asks for.
            let Some(at) = (unsafe { led(path) }) else {
                return real!($name(path, len) as fn(*const c_char, i64) -> c_int);
            };
            let len = u64::try_from(len).map_err(|_| libc::EINVAL);
            returned(len.and_then(|len| number(&Call::SetLen { at, len })))
        })*
    };
}

by_path!(truncate, truncate64);

// Refused, so that callers fall back on reads and writes.

#[unsafe(no_mangle)]
unsafe extern "C" fn copy_file_range(
    from: c_int,
    from_at: *mut i64,
    to: c_int,
    to_at: *mut i64,
    len: usize,
    flags: u32,
) -> isize {
    if find(from).or(find(to)).is_some() {
        return refused::<isize>(libc::EXDEV);
    }
    real!(copy_file_range(from, from_at, to, to_at, len, flags)
        as fn(c_int, *mut i64, c_int, *mut i64, usize, u32) -> isize)
}

macro_rules! sends {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(to: c_int, from: c_int, offset: *mut i64, len: usize) -> isize {
            if find(from).or(find(to)).is_some() {
                return refused::<isize>(libc::EINVAL);
            }
            real!($name(to, from, offset, len) as fn(c_int, c_int, *mut i64, usize) -> isize)
        })*
    };
}

sends!(sendfile, sendfile64);

macro_rules! maps {
    ($($name:ident),*) => {
        /// Files of the simulator's cannot be mapped.
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(
            address: *mut c_void,
            len: usize,
            protection: c_int,
            flags: c_int,
            fd: c_int,
            offset: i64,
        ) -> *mut c_void {
            if fd >= 0 && flags & libc::MAP_ANONYMOUS == 0 && find(fd).is_some() {
                super::set_errno(libc::ENODEV);
                return libc::MAP_FAILED;
            }
            // Not by the C library's function, which may not be looked up before there is any memory.
            // SAFETY: the kernel checks the arguments, which are the caller's.
            unsafe { libc::syscall(libc::SYS_mmap, address, len, protection, flags, fd, offset) as *mut c_void }
        })*
    };
}

maps!(mmap, mmap64);
