//! Descriptors: closing and duplicating them, their flags, locks.

use super::{refused, returned, set_errno};
use crate::link::{self, ask, ask_for_lock, is_foreign, number};
use crate::real::real;
use crate::table::{close_raw, find, put, take, within};
use asl_preload_wire::{Answer, Call};
use libc::{F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_SETLKW};
use std::ffi::c_int;

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn close(fd: c_int) -> c_int {
    if link::is_ours(fd) {
        // Whoever closes all that there is does not mean this one.
        return 0;
    }
    if let Some(file) = take(fd) {
        let _ = ask(&Call::Close { file });
        return close_raw(fd);
    }
    real!(close(fd) as fn(c_int) -> c_int)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn close_range(first: u32, last: u32, flags: c_int) -> c_int {
    if flags & libc::CLOSE_RANGE_CLOEXEC as c_int != 0 || is_foreign() || link::descriptor().is_none() {
        return real!(close_range(first, last, flags) as fn(u32, u32, c_int) -> c_int);
    }
    for fd in within(first, last) {
        // SAFETY: any number may be closed.
        unsafe { close(fd) };
    }
    let raw = |first: u32, last: u32| -> c_int {
        if first > last {
            return 0;
        }
        // SAFETY: any numbers may be closed.
        unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) as c_int }
    };
    match link::descriptor().map(|fd| fd as u32) {
        Some(ours) if (first..=last).contains(&ours) => {
            if ours > first {
                raw(first, ours - 1);
            }
            raw(ours + 1, last)
        }
        _ => raw(first, last),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn closefrom(first: c_int) {
    // SAFETY: any numbers may be closed.
    unsafe { close_range(first.max(0) as u32, u32::MAX, 0) };
}

/// The kernel has made a duplicate of a descriptor: it stands for the same file.
fn duplicated(file: Option<u64>, new: c_int) -> c_int {
    if let Some(file) = file
        && new >= 0
        && !is_foreign()
    {
        if !put(new, file) {
            close_raw(new);
            return refused(libc::EMFILE);
        }
        let _ = ask(&Call::Dup { file });
    }
    new
}

#[unsafe(no_mangle)]
unsafe extern "C" fn dup(fd: c_int) -> c_int {
    duplicated(find(fd), real!(dup(fd) as fn(c_int) -> c_int))
}

/// Before a descriptor's number is taken by another.
fn make_room(new: c_int) {
    if link::is_ours(new) && !is_foreign() {
        link::move_away();
    }
}

/// What a descriptor stood for whose number was taken.
fn replaced(fd: c_int, new: c_int, before: Option<u64>, result: c_int) -> c_int {
    if result < 0 || fd == new {
        return result;
    }
    if !is_foreign()
        && let Some(file) = before
    {
        put(new, 0);
        let _ = ask(&Call::Close { file });
    }
    duplicated(find(fd), result)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn dup2(fd: c_int, new: c_int) -> c_int {
    make_room(new);
    let before = find(new);
    let result = real!(dup2(fd, new) as fn(c_int, c_int) -> c_int);
    replaced(fd, new, before, result)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn dup3(fd: c_int, new: c_int, flags: c_int) -> c_int {
    make_room(new);
    let before = find(new);
    let result = real!(dup3(fd, new, flags) as fn(c_int, c_int, c_int) -> c_int);
    replaced(fd, new, before, result)
}

/// A record lock.
///
/// # Safety
///
/// `lock` must be valid, as for fcntl(2).
unsafe fn record_lock(file: u64, command: c_int, lock: *mut libc::flock) -> Result<u64, c_int> {
    // SAFETY: the caller promises it.
    let lock = unsafe { &mut *lock };
    let (begin, len) = range(file, lock)?;
    let of_file = [F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW].contains(&command);
    let query = [libc::F_GETLK, F_OFD_GETLK].contains(&command);
    let waits = [F_SETLKW, F_OFD_SETLKW].contains(&command);
    let call = Call::Lock { file, of_file, query, kind: c_int::from(lock.l_type), begin, len };
    match ask_for_lock(&call, waits)? {
        Answer::Held { held: Some(held) } => {
            lock.l_type = if held.exclusive { libc::F_WRLCK } else { libc::F_RDLCK } as i16;
            lock.l_whence = libc::SEEK_SET as i16;
            (lock.l_start, lock.l_len, lock.l_pid) = (held.begin as i64, held.len as i64, held.pid);
        }
        _ if query => lock.l_type = libc::F_UNLCK as i16,
        _ => {}
    }
    Ok(0)
}

/// What a lock covers: where it begins, and its length, 0 if it has no end.
fn range(file: u64, lock: &libc::flock) -> Result<(u64, u64), c_int> {
    let from = match c_int::from(lock.l_whence) {
        libc::SEEK_SET => 0,
        libc::SEEK_CUR => super::seek_to(file, 0, libc::SEEK_CUR)? as i64,
        libc::SEEK_END => link::status(crate::place::itself(file), true)?.size as i64,
        _ => return Err(libc::EINVAL),
    };
    let (begin, len) = (from.saturating_add(lock.l_start), lock.l_len);
    let begin = if len < 0 { begin.saturating_add(len) } else { begin };
    u64::try_from(begin).map(|begin| (begin, len.unsigned_abs())).map_err(|_| libc::EINVAL)
}

/// # Safety
///
/// As for fcntl(2).
unsafe fn control(fd: c_int, command: c_int, argument: usize) -> Option<c_int> {
    let file = find(fd)?;
    Some(match command {
        libc::F_GETFL => returned(number(&Call::GetFlags { file })),
        libc::F_SETFL => returned(number(&Call::SetFlags { file, flags: argument as c_int })),
        libc::F_GETLK | libc::F_SETLK | F_SETLKW | F_OFD_GETLK | F_OFD_SETLK | F_OFD_SETLKW => {
            // SAFETY: the caller gave a lock, as fcntl(2) asks for.
            returned(unsafe { record_lock(file, command, argument as *mut libc::flock) })
        }
        _ => return None,
    })
}

macro_rules! controls {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(fd: c_int, command: c_int, argument: usize) -> c_int {
            // SAFETY: the caller gave what fcntl(2) asks for.
            if let Some(result) = unsafe { control(fd, command, argument) } {
                return result;
            }
            let result = real!($name(fd, command, argument) as fn(c_int, c_int, usize) -> c_int);
            if [libc::F_DUPFD, libc::F_DUPFD_CLOEXEC].contains(&command) {
                return duplicated(find(fd), result);
            }
            result
        })*
    };
}

controls!(fcntl, fcntl64);

#[unsafe(no_mangle)]
unsafe extern "C" fn flock(fd: c_int, operation: c_int) -> c_int {
    let Some(file) = find(fd) else { return real!(flock(fd, operation) as fn(c_int, c_int) -> c_int) };
    let waits = operation & libc::LOCK_NB == 0;
    returned(ask_for_lock(&Call::Flock { file, operation }, waits).map(|_| 0))
}

macro_rules! lockf {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(fd: c_int, command: c_int, len: i64) -> c_int {
            let Some(file) = find(fd) else {
                return real!($name(fd, command, len) as fn(c_int, c_int, i64) -> c_int);
            };
            // SAFETY: all zeros is a valid lock.
            let mut lock: libc::flock = unsafe { std::mem::zeroed() };
            (lock.l_type, lock.l_whence, lock.l_len) = (libc::F_WRLCK as i16, libc::SEEK_CUR as i16, len);
            let command = match command {
                libc::F_LOCK => F_SETLKW,
                libc::F_TLOCK => libc::F_SETLK,
                libc::F_TEST => libc::F_GETLK,
                libc::F_ULOCK => {
                    lock.l_type = libc::F_UNLCK as i16;
                    libc::F_SETLK
                }
                _ => return refused(libc::EINVAL),
            };
            // SAFETY: it is a lock.
            let done = unsafe { record_lock(file, command, &raw mut lock) };
            if command == libc::F_GETLK && done.is_ok() && lock.l_type != libc::F_UNLCK as i16 {
                set_errno(libc::EACCES);
                return -1;
            }
            returned(done)
        })*
    };
}

lockf!(lockf, lockf64);
