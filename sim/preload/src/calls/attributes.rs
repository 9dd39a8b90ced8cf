//! Modes, owners, times, and extended attributes, which are refused.

use super::{refused, returned};
use crate::link::number;
use crate::place::{itself, led, led_at, led_or_itself};
use crate::real::real;
use crate::table::find;
use asl_preload_wire::{Call, Place, Time};
use libc::{AT_SYMLINK_NOFOLLOW, timespec, timeval, utimbuf};
use std::ffi::{c_char, c_int, c_void};

const NS_PER_S: u64 = 1_000_000_000;
const NS_PER_US: u64 = 1_000;

#[unsafe(no_mangle)]
unsafe extern "C" fn chmod(path: *const c_char, mode: u32) -> c_int {
    // SAFETY: the caller gave a C string.
    match unsafe { led(path) } {
        Some(at) => returned(number(&Call::SetMode { at, mode })),
        None => real!(chmod(path, mode) as fn(*const c_char, u32) -> c_int),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fchmod(fd: c_int, mode: u32) -> c_int {
    match find(fd) {
        Some(file) => returned(number(&Call::SetMode { at: itself(file), mode })),
        None => real!(fchmod(fd, mode) as fn(c_int, u32) -> c_int),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fchmodat(dir: c_int, path: *const c_char, mode: u32, flags: c_int) -> c_int {
    // SAFETY: the caller gave a C string.
    match unsafe { led_at(dir, path) } {
        Some(_) if flags & AT_SYMLINK_NOFOLLOW != 0 => refused(libc::EOPNOTSUPP),
        Some(at) => returned(number(&Call::SetMode { at, mode })),
        None => real!(fchmodat(dir, path, mode, flags) as fn(c_int, *const c_char, u32, c_int) -> c_int),
    }
}

macro_rules! owners {
    ($($name:ident => $follow:literal),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: *const c_char, uid: u32, gid: u32) -> c_int {
            // SAFETY: the caller gave a C string.
            match unsafe { led(path) } {
                Some(at) => returned(number(&Call::SetOwner { at, follow: $follow, uid, gid })),
                None => real!($name(path, uid, gid) as fn(*const c_char, u32, u32) -> c_int),
            }
        })*
    };
}

owners!(chown => true, lchown => false);

#[unsafe(no_mangle)]
unsafe extern "C" fn fchown(fd: c_int, uid: u32, gid: u32) -> c_int {
    match find(fd) {
        Some(file) => returned(number(&Call::SetOwner { at: itself(file), follow: true, uid, gid })),
        None => real!(fchown(fd, uid, gid) as fn(c_int, u32, u32) -> c_int),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fchownat(dir: c_int, path: *const c_char, uid: u32, gid: u32, flags: c_int) -> c_int {
    let follow = flags & AT_SYMLINK_NOFOLLOW == 0;
    // SAFETY: the caller gave a C string.
    match unsafe { led_or_itself(dir, path, flags) } {
        Some(at) => returned(number(&Call::SetOwner { at, follow, uid, gid })),
        None => {
            real!(fchownat(dir, path, uid, gid, flags) as fn(c_int, *const c_char, u32, u32, c_int) -> c_int)
        }
    }
}

/// A time since 1970; what is before that is 1970.
fn at(seconds: i64, ns: u64) -> Time {
    Time::At(u64::try_from(seconds).unwrap_or(0).saturating_mul(NS_PER_S).saturating_add(ns))
}

fn of_spec(time: &timespec) -> Time {
    match time.tv_nsec {
        libc::UTIME_NOW => Time::Now,
        libc::UTIME_OMIT => Time::Same,
        ns => at(time.tv_sec, ns.unsigned_abs()),
    }
}

/// Both times, of a list of two; now if there is none.
///
/// # Safety
///
/// `times` must be null or point to two of them.
unsafe fn two<T>(times: *const T, of: impl Fn(&T) -> Time) -> (Time, Time) {
    if times.is_null() {
        return (Time::Now, Time::Now);
    }
    // SAFETY: the caller promises it.
    unsafe { (of(&*times), of(&*times.add(1))) }
}

fn set_times(at: Place, follow: bool, (atime, mtime): (Time, Time)) -> c_int {
    returned(number(&Call::SetTimes { at, follow, atime, mtime }))
}

fn of_value(time: &timeval) -> Time {
    at(time.tv_sec, time.tv_usec.unsigned_abs() * NS_PER_US)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn utimensat(
    dir: c_int,
    path: *const c_char,
    times: *const timespec,
    flags: c_int,
) -> c_int {
    let found = if path.is_null() {
        // Without a path the descriptor itself is meant.
        find(dir).map(itself)
    } else {
        // SAFETY: the caller gave a C string.
        unsafe { led_or_itself(dir, path, flags) }
    };
    match found {
        // SAFETY: the caller gave two times or none.
        Some(at) => set_times(at, flags & AT_SYMLINK_NOFOLLOW == 0, unsafe { two(times, of_spec) }),
        None => {
            real!(utimensat(dir, path, times, flags)
                as fn(c_int, *const c_char, *const timespec, c_int) -> c_int)
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn futimens(fd: c_int, times: *const timespec) -> c_int {
    match find(fd) {
        // SAFETY: the caller gave two times or none.
        Some(file) => set_times(itself(file), true, unsafe { two(times, of_spec) }),
        None => real!(futimens(fd, times) as fn(c_int, *const timespec) -> c_int),
    }
}

macro_rules! times_of_path {
    ($($name:ident => $follow:literal),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: *const c_char, times: *const timeval) -> c_int {
            // SAFETY: the caller gave a C string.
            match unsafe { led(path) } {
                // SAFETY: the caller gave two times or none.
                Some(at) => set_times(at, $follow, unsafe { two(times, of_value) }),
                None => real!($name(path, times) as fn(*const c_char, *const timeval) -> c_int),
            }
        })*
    };
}

times_of_path!(utimes => true, lutimes => false);

#[unsafe(no_mangle)]
unsafe extern "C" fn futimes(fd: c_int, times: *const timeval) -> c_int {
    match find(fd) {
        // SAFETY: the caller gave two times or none.
        Some(file) => set_times(itself(file), true, unsafe { two(times, of_value) }),
        None => real!(futimes(fd, times) as fn(c_int, *const timeval) -> c_int),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn utime(path: *const c_char, times: *const utimbuf) -> c_int {
    // SAFETY: the caller gave a C string.
    let Some(place) = (unsafe { led(path) }) else {
        return real!(utime(path, times) as fn(*const c_char, *const utimbuf) -> c_int);
    };
    // SAFETY: the caller gave times or none.
    let both = unsafe { times.as_ref() }
        .map_or((Time::Now, Time::Now), |times| (at(times.actime, 0), at(times.modtime, 0)));
    set_times(place, true, both)
}

macro_rules! attributes_of_path {
    ($($name:ident($($arg:ident: $type:ty),*) -> $out:ty),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: *const c_char, $($arg: $type),*) -> $out {
            // SAFETY: the caller gave a C string.
            if unsafe { led(path) }.is_some() {
                return refused::<$out>(libc::EOPNOTSUPP);
            }
            real!($name(path, $($arg),*) as fn(*const c_char, $($type),*) -> $out)
        })*
    };
}

attributes_of_path!(
    getxattr(name: *const c_char, value: *mut c_void, len: usize) -> isize,
    lgetxattr(name: *const c_char, value: *mut c_void, len: usize) -> isize,
    setxattr(name: *const c_char, value: *const c_void, len: usize, flags: c_int) -> c_int,
    lsetxattr(name: *const c_char, value: *const c_void, len: usize, flags: c_int) -> c_int,
    listxattr(list: *mut c_char, len: usize) -> isize,
    llistxattr(list: *mut c_char, len: usize) -> isize,
    removexattr(name: *const c_char) -> c_int,
    lremovexattr(name: *const c_char) -> c_int
);

super::data::on_descriptor! {
    fgetxattr(name: *const c_char, value: *mut c_void, len: usize) -> isize => |_file| refused::<isize>(libc::EOPNOTSUPP);
    fsetxattr(name: *const c_char, value: *const c_void, len: usize, flags: c_int) -> c_int =>
        |_file| refused(libc::EOPNOTSUPP);
    flistxattr(list: *mut c_char, len: usize) -> isize => |_file| refused::<isize>(libc::EOPNOTSUPP);
    fremovexattr(name: *const c_char) -> c_int => |_file| refused(libc::EOPNOTSUPP);
}
