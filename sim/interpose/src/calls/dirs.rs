//! Listing directories: opendir(3) and what goes with it.

use super::{errno, returned, text};
use crate::open::{Open, What, add, find, remove};
use crate::real::real;
use crate::scope::led;
use asl_host::fs::FileSystem;
use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_int};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::rc::Rc;

/// A directory that is being listed. Callers hold its address, as that of a `DIR`.
struct Listing {
    fd: c_int,
    names: std::vec::IntoIter<Vec<u8>>,
    entry: libc::dirent64,
}

thread_local! {
    static LISTINGS: RefCell<Vec<*mut Listing>> = const { RefCell::new(Vec::new()) };
}

fn is_ours(listing: *mut Listing) -> bool {
    LISTINGS.try_with(|all| all.borrow().contains(&listing)).unwrap_or(false)
}

/// Begins to list a directory, by this descriptor of it, or by one of its own.
fn begin(path: &str, fd: Option<c_int>) -> Option<io::Result<*mut Listing>> {
    let (scope, inside) = led(path)?;
    let listed = || {
        let mut names = scope.world.call(scope.world.files().read_dir(Path::new(&inside)))?;
        names.sort_unstable();
        let what = What::Dir(inside.clone());
        let open = Open { scope: scope.clone(), what, position: Cell::new(0), appends: false };
        let fd = match fd {
            Some(fd) => fd,
            None => add(Rc::new(open))?,
        };
        let names: Vec<Vec<u8>> = names.into_iter().map(OsStringExt::into_vec).collect();
        // SAFETY: all zeros is a valid `dirent64`.
        let entry = unsafe { std::mem::zeroed() };
        let listing = Listing { fd, names: names.into_iter(), entry };
        let listing = Box::into_raw(Box::new(listing));
        LISTINGS.with(|all| all.borrow_mut().push(listing));
        Ok(listing)
    };
    Some(listed())
}

#[unsafe(no_mangle)]
unsafe extern "C" fn opendir(path: *const c_char) -> *mut Listing {
    // SAFETY: the caller gave a C string, as opendir(3) asks for.
    match unsafe { text(path) }.and_then(|path| begin(path, None)) {
        Some(Ok(listing)) => listing,
        Some(Err(error)) => {
            let _: c_int = returned(io::Result::<c_int>::Err(error));
            std::ptr::null_mut()
        }
        None => real!(opendir(path) as fn(*const c_char) -> *mut Listing),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fdopendir(fd: c_int) -> *mut Listing {
    let path = find(fd).map(|open| match &open.what {
        What::Dir(path) => Ok(format!("{}{path}", crate::ROOT)),
        _ => Err(errno(libc::ENOTDIR)),
    });
    let Some(path) = path else { return real!(fdopendir(fd) as fn(c_int) -> *mut Listing) };
    let begun = path.and_then(|path| begin(&path, Some(fd)).unwrap_or_else(|| Err(errno(libc::EBADF))));
    match begun {
        // It takes the descriptor over, which callers may go on to name: `std::fs::remove_dir_all` unlinks by it.
        Ok(listing) => listing,
        Err(error) => {
            let _: c_int = returned(io::Result::<c_int>::Err(error));
            std::ptr::null_mut()
        }
    }
}

macro_rules! reads {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(listing: *mut Listing) -> *mut libc::dirent64 {
            if !is_ours(listing) {
                return real!($name(listing) as fn(*mut Listing) -> *mut libc::dirent64);
            }
            // SAFETY: it is one that `begin` made and `closedir` has not freed, and callers of readdir(3) have it to themselves.
            next(unsafe { &mut *listing })
        })*
    };
}

reads!(readdir, readdir64);

/// The next entry, in the place that the listing keeps for it; null at the end.
fn next(listing: &mut Listing) -> *mut libc::dirent64 {
    let Some(name) = listing.names.next() else { return std::ptr::null_mut() };
    let entry = &mut listing.entry;
    entry.d_ino = 1;
    entry.d_type = libc::DT_UNKNOWN;
    entry.d_reclen = size_of::<libc::dirent64>() as u16;
    let fits = name.len().min(entry.d_name.len() - 1);
    for (to, from) in entry.d_name.iter_mut().zip(name[..fits].iter().chain([&0])) {
        *to = *from as c_char;
    }
    entry
}

#[unsafe(no_mangle)]
unsafe extern "C" fn closedir(listing: *mut Listing) -> c_int {
    if !is_ours(listing) {
        return real!(closedir(listing) as fn(*mut Listing) -> c_int);
    }
    LISTINGS.with(|all| all.borrow_mut().retain(|&other| other != listing));
    // SAFETY: it is one that `begin` made, and is freed once.
    let listing = unsafe { Box::from_raw(listing) };
    remove(listing.fd);
    real!(close(listing.fd) as fn(c_int) -> c_int)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn dirfd(listing: *mut Listing) -> c_int {
    if !is_ours(listing) {
        return real!(dirfd(listing) as fn(*mut Listing) -> c_int);
    }
    // SAFETY: it is one that `begin` made and `closedir` has not freed.
    unsafe { (*listing).fd }
}
