//! Opening files.

use super::returned;
use crate::link::{masked, number};
use crate::place::{led, led_at};
use crate::real::real;
use crate::table;
use asl_preload_wire::{Call, Place};
use std::ffi::{c_char, c_int};

/// Opens a file of the simulator's.
pub(crate) fn open_at(at: Place, flags: c_int, mode: u32) -> Result<c_int, c_int> {
    table::add(number(&Call::Open { at, flags, mode: masked(mode) })?)
}

macro_rules! opens {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: *const c_char, flags: c_int, mode: u32) -> c_int {
            // SAFETY: the caller gave a C string, as open(2) asks for.
            match unsafe { led(path) } {
                Some(at) => returned(open_at(at, flags, mode)),
                None => real!($name(path, flags, mode) as fn(*const c_char, c_int, u32) -> c_int),
            }
        })*
    };
}

opens!(open, open64);

macro_rules! opens_at {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(dir: c_int, path: *const c_char, flags: c_int, mode: u32) -> c_int {
            // SAFETY: the caller gave a C string, as openat(2) asks for.
            match unsafe { led_at(dir, path) } {
                Some(at) => returned(open_at(at, flags, mode)),
                None => real!($name(dir, path, flags, mode) as fn(c_int, *const c_char, c_int, u32) -> c_int),
            }
        })*
    };
}

opens_at!(openat, openat64);

macro_rules! creates {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: *const c_char, mode: u32) -> c_int {
            // SAFETY: the caller gave a C string, as creat(2) asks for.
            match unsafe { led(path) } {
                Some(at) => returned(open_at(at, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode)),
                None => real!($name(path, mode) as fn(*const c_char, u32) -> c_int),
            }
        })*
    };
}

creates!(creat, creat64);

// What fortified programs call where nothing can be made.

macro_rules! fortified {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: *const c_char, flags: c_int) -> c_int {
            // SAFETY: the caller gave a C string, as open(2) asks for.
            match unsafe { led(path) } {
                Some(at) => returned(open_at(at, flags, 0)),
                None => real!($name(path, flags) as fn(*const c_char, c_int) -> c_int),
            }
        })*
    };
}

fortified!(__open_2, __open64_2);

macro_rules! fortified_at {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(dir: c_int, path: *const c_char, flags: c_int) -> c_int {
            // SAFETY: the caller gave a C string, as openat(2) asks for.
            match unsafe { led_at(dir, path) } {
                Some(at) => returned(open_at(at, flags, 0)),
                None => real!($name(dir, path, flags) as fn(c_int, *const c_char, c_int) -> c_int),
            }
        })*
    };
}

fortified_at!(__openat_2, __openat64_2);
