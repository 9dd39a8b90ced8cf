//! Listing directories: opendir(3) and what goes with it.
//!
//! A `DIR` of ours is not one of the C library's, so every function that takes one is here.

use crate::calls::{close, open_at, set_errno};
use crate::link::entries;
use crate::place::{led, led_at};
use crate::real::real;
use crate::table::find;
use asl_preload_wire::{Entry, Place};
use libc::dirent64;
use std::ffi::{c_char, c_int, c_long, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// A directory that is being listed. Callers hold its address, as that of a `DIR`.
pub(crate) struct Listing {
    fd: c_int,
    /// What has been fetched, and how much of it was given out.
    fetched: Vec<Entry>,
    given: usize,
    /// Where to go on behind what was given out.
    offset: u64,
    entry: dirent64,
}

/// All that are open, by address.
static LISTINGS: Mutex<Vec<usize>> = Mutex::new(Vec::new());
/// How many there are: while there are none, nobody has to look.
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn is_ours(listing: *mut Listing) -> bool {
    COUNT.load(Ordering::Acquire) > 0
        && LISTINGS.lock().unwrap_or_else(PoisonError::into_inner).contains(&(listing as usize))
}

fn list(fd: c_int) -> *mut Listing {
    // SAFETY: all zeros is a valid `dirent64`.
    let entry = unsafe { std::mem::zeroed() };
    let listing = Listing { fd, fetched: Vec::new(), given: 0, offset: 0, entry };
    let listing = Box::into_raw(Box::new(listing));
    LISTINGS.lock().unwrap_or_else(PoisonError::into_inner).push(listing as usize);
    COUNT.fetch_add(1, Ordering::Release);
    listing
}

fn open_listing(at: Place) -> *mut Listing {
    match open_at(at, libc::O_RDONLY | libc::O_DIRECTORY, 0) {
        Ok(fd) => list(fd),
        Err(number) => {
            set_errno(number);
            null_mut()
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn opendir(path: *const c_char) -> *mut Listing {
    // SAFETY: the caller gave a C string.
    match unsafe { led(path) } {
        Some(at) => open_listing(at),
        None => real!(opendir(path) as fn(*const c_char) -> *mut Listing),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fdopendir(fd: c_int) -> *mut Listing {
    match find(fd) {
        Some(file) => match entries(file, 0) {
            Ok(_) => list(fd),
            Err(number) => {
                set_errno(number);
                null_mut()
            }
        },
        None => real!(fdopendir(fd) as fn(c_int) -> *mut Listing),
    }
}

/// The next entry; null at the end, or with `errno` set.
fn next(listing: &mut Listing) -> *mut dirent64 {
    if listing.given == listing.fetched.len() {
        let Some(file) = find(listing.fd) else {
            set_errno(libc::EBADF);
            return null_mut();
        };
        match entries(file, listing.offset) {
            Ok(fetched) => (listing.fetched, listing.given) = (fetched, 0),
            Err(number) => {
                set_errno(number);
                return null_mut();
            }
        }
    }
    let Some(entry) = listing.fetched.get(listing.given) else { return null_mut() };
    listing.given += 1;
    listing.offset = entry.offset;
    fill(&mut listing.entry, entry);
    &raw mut listing.entry
}

fn fill(told: &mut dirent64, entry: &Entry) {
    let len = entry.name.len().min(told.d_name.len() - 1);
    (told.d_ino, told.d_off, told.d_type) = (entry.ino, entry.offset as i64, entry.kind);
    told.d_reclen = size_of::<dirent64>() as u16;
    for (to, from) in told.d_name.iter_mut().zip(&entry.name[..len]) {
        *to = *from as c_char;
    }
    told.d_name[len] = 0;
}

/// A call on a listing: on one of ours, or on to the C library.
macro_rules! on_listing {
    ($($name:ident($($arg:ident: $type:ty),*) -> $out:ty => |$listing:ident| $work:expr;)*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(listing: *mut Listing $(, $arg: $type)*) -> $out {
            if is_ours(listing) {
                // SAFETY: it is one of ours, and nobody else uses it meanwhile, as the call's manual page asks for.
                let $listing = unsafe { &mut *listing };
                return $work;
            }
            real!($name(listing $(, $arg)*) as fn(*mut Listing $(, $type)*) -> $out)
        })*
    };
}

/// # Safety
///
/// Both must be valid for writes.
unsafe fn next_into(listing: &mut Listing, entry: *mut dirent64, out: *mut *mut dirent64) -> c_int {
    set_errno(0);
    let found = next(listing);
    // SAFETY: the caller promises it.
    unsafe {
        if found.is_null() {
            *out = null_mut();
            return *libc::__errno_location();
        }
        entry.copy_from_nonoverlapping(found, 1);
        *out = entry;
    }
    0
}

// On the platforms that this is built for, `dirent` is what `dirent64` is.
on_listing! {
    readdir() -> *mut dirent64 => |listing| next(listing);
    readdir64() -> *mut dirent64 => |listing| next(listing);
    readdir_r(entry: *mut dirent64, out: *mut *mut dirent64) -> c_int =>
        // SAFETY: the caller gave places for the answer.
        |listing| unsafe { next_into(listing, entry, out) };
    readdir64_r(entry: *mut dirent64, out: *mut *mut dirent64) -> c_int =>
        // SAFETY: the caller gave places for the answer.
        |listing| unsafe { next_into(listing, entry, out) };
    dirfd() -> c_int => |listing| listing.fd;
    rewinddir() -> () => |listing| go_to(listing, 0);
    seekdir(offset: c_long) -> () => |listing| go_to(listing, offset as u64);
    telldir() -> c_long => |listing| listing.offset as c_long;
}

fn go_to(listing: &mut Listing, offset: u64) {
    listing.fetched.clear();
    (listing.given, listing.offset) = (0, offset);
}

#[unsafe(no_mangle)]
unsafe extern "C" fn closedir(listing: *mut Listing) -> c_int {
    if !is_ours(listing) {
        return real!(closedir(listing) as fn(*mut Listing) -> c_int);
    }
    LISTINGS.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| *other != listing as usize);
    COUNT.fetch_sub(1, Ordering::Release);
    // SAFETY: it is one of ours, and the caller does not use it any more.
    unsafe { close(Box::from_raw(listing).fd) }
}

type Filter = Option<unsafe extern "C" fn(*const dirent64) -> c_int>;
type Order = Option<unsafe extern "C" fn(*mut *const dirent64, *mut *const dirent64) -> c_int>;

/// # Safety
///
/// As for scandir(3).
unsafe fn scan(listing: *mut Listing, out: *mut *mut *mut dirent64, filter: Filter, order: Order) -> c_int {
    if listing.is_null() {
        return -1;
    }
    let mut found: Vec<*mut dirent64> = Vec::new();
    set_errno(0);
    // SAFETY: it is one of ours; what is copied is an entry, into memory that is as large as one; the caller gave functions that take such.
    unsafe {
        loop {
            let entry = next(&mut *listing);
            if entry.is_null() {
                break;
            }
            if filter.is_none_or(|filter| filter(entry) != 0) {
                let copy: *mut dirent64 = libc::malloc(size_of::<dirent64>()).cast();
                copy.copy_from_nonoverlapping(entry, 1);
                found.push(copy);
            }
        }
        let number = *libc::__errno_location();
        closedir(listing);
        if number != 0 {
            for entry in found {
                libc::free(entry.cast());
            }
            set_errno(number);
            return -1;
        }
        if let Some(order) = order {
            found.sort_by(|a, b| {
                order((&raw const *a).cast_mut().cast(), (&raw const *b).cast_mut().cast()).cmp(&0)
            });
        }
        let list: *mut *mut dirent64 = libc::malloc(size_of::<*mut c_void>() * found.len().max(1)).cast();
        list.copy_from_nonoverlapping(found.as_ptr(), found.len());
        *out = list;
    }
    found.len() as c_int
}

macro_rules! scans {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: *const c_char, out: *mut *mut *mut dirent64, filter: Filter, order: Order) -> c_int {
            // SAFETY: the caller gave what scandir(3) asks for.
            match unsafe { led(path) } {
                // SAFETY: as above.
                Some(at) => unsafe { scan(open_listing(at), out, filter, order) },
                None => real!($name(path, out, filter, order)
                    as fn(*const c_char, *mut *mut *mut dirent64, Filter, Order) -> c_int),
            }
        })*
    };
}

scans!(scandir, scandir64);

macro_rules! scans_at {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(
            dir: c_int,
            path: *const c_char,
            out: *mut *mut *mut dirent64,
            filter: Filter,
            order: Order,
        ) -> c_int {
            // SAFETY: the caller gave what scandirat(3) asks for.
            match unsafe { led_at(dir, path) } {
                // SAFETY: as above.
                Some(at) => unsafe { scan(open_listing(at), out, filter, order) },
                None => real!($name(dir, path, out, filter, order)
                    as fn(c_int, *const c_char, *mut *mut *mut dirent64, Filter, Order) -> c_int),
            }
        })*
    };
}

scans_at!(scandirat, scandirat64);
