//! Which paths lead into the simulated file system.

use crate::real::real;
use crate::table;
use asl_preload_wire::{CHILD, Place, ROOT, SOCKET};
use std::ffi::{CStr, c_char, c_int};
use std::sync::{Mutex, OnceLock, PoisonError};

/// What the simulator has told in the environment.
#[derive(Debug)]
pub(crate) struct World {
    /// The directory below which everything is simulated; it is not there on the real disk. Nothing is, where it is not set.
    pub(crate) root: Option<Vec<u8>>,
    /// The name of the directory that it is in, which no other path has in it.
    unique: Vec<u8>,
    pub(crate) socket: Vec<u8>,
    pub(crate) child: u64,
}

fn variable(name: &str) -> Option<Vec<u8>> {
    let name = std::ffi::CString::new(name).ok()?;
    // SAFETY: the name is a C string; what is returned is one, or null.
    unsafe {
        let value = libc::getenv(name.as_ptr());
        (!value.is_null()).then(|| CStr::from_ptr(value).to_bytes().to_vec())
    }
}

/// The simulator's world, if there is one.
pub(crate) fn world() -> Option<&'static World> {
    static WORLD: OnceLock<Option<World>> = OnceLock::new();
    let told = || {
        let child = String::from_utf8(variable(CHILD)?).ok()?.parse().ok()?;
        let root = variable(ROOT);
        let parent = root.as_deref().and_then(|root| root.rsplit(|byte| *byte == b'/').nth(1));
        let unique = parent.unwrap_or_default().to_vec();
        Some(World { root, unique, socket: variable(SOCKET)?, child })
    };
    WORLD.get_or_init(told).as_ref()
}

/// The working directory, by its path in the world, if it is there.
static INSIDE: Mutex<Option<Vec<u8>>> = Mutex::new(None);

pub(crate) fn cwd() -> Option<Vec<u8>> {
    INSIDE.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

pub(crate) fn set_cwd(path: Option<Vec<u8>>) {
    *INSIDE.lock().unwrap_or_else(PoisonError::into_inner) = path;
}

/// The part behind the root, if the path leads there without any detour.
fn behind<'a>(root: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    path.strip_prefix(root).filter(|rest| rest.first().is_none_or(|byte| *byte == b'/'))
}

/// A path without dots and double slashes.
fn normal(path: &[u8]) -> Vec<u8> {
    let mut names: Vec<&[u8]> = Vec::new();
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names.iter().flat_map(|name| [b"/", *name]).flatten().copied().collect()
}

fn contains(path: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && path.windows(part.len()).any(|window| window == part)
}

fn real_cwd() -> Option<Vec<u8>> {
    let mut buffer = vec![0_u8; libc::PATH_MAX as usize];
    let found =
        real!(getcwd(buffer.as_mut_ptr().cast(), buffer.len()) as fn(*mut c_char, usize) -> *mut c_char);
    let len = buffer.iter().position(|byte| *byte == 0)?;
    buffer.truncate(len);
    (!found.is_null()).then_some(buffer)
}

fn of_text(path: &[u8]) -> Option<Place> {
    let world = world()?;
    let root = world.root.as_deref()?;
    if path.first() == Some(&b'/') {
        if let Some(rest) = behind(root, path) {
            return Some(Place { dir: 0, path: rest.to_vec() });
        }
    } else if let Some(mut inside) = cwd().filter(|_| !path.is_empty()) {
        inside.push(b'/');
        inside.extend(path);
        return Some(Place { dir: 0, path: inside });
    }
    if !contains(path, &world.unique) {
        return None;
    }
    // A detour, or a path from a working directory above.
    let whole = if path.first() == Some(&b'/') {
        normal(path)
    } else {
        normal(&[&real_cwd()?, b"/" as &[u8], path].concat())
    };
    behind(root, &whole).map(|rest| Place { dir: 0, path: rest.to_vec() })
}

/// Where a path leads to, seen from a directory, if that is in the world. An empty path is not.
///
/// # Safety
///
/// As for the system calls, `path` must be null or a C string.
pub(crate) unsafe fn led_at(dir: c_int, path: *const c_char) -> Option<Place> {
    if path.is_null() {
        return None;
    }
    // SAFETY: the caller promises it.
    let path = unsafe { CStr::from_ptr(path) }.to_bytes();
    let is_relative = !matches!(path.first(), None | Some(b'/'));
    match table::find(dir) {
        Some(dir) if is_relative => Some(Place { dir, path: path.to_vec() }),
        _ if is_relative && dir != libc::AT_FDCWD => None,
        _ => of_text(path),
    }
}

/// Where a path leads to, if that is in the world.
///
/// # Safety
///
/// As for the system calls, `path` must be null or a C string.
pub(crate) unsafe fn led(path: *const c_char) -> Option<Place> {
    // SAFETY: the caller promises it.
    unsafe { led_at(libc::AT_FDCWD, path) }
}

/// The same where an empty path (or none) and `AT_EMPTY_PATH` stand for the descriptor itself.
///
/// # Safety
///
/// As for the system calls, `path` must be null or a C string.
pub(crate) unsafe fn led_or_itself(dir: c_int, path: *const c_char, flags: c_int) -> Option<Place> {
    // SAFETY: the caller promises it.
    let is_empty = path.is_null() || unsafe { *path } == 0;
    if is_empty && flags & libc::AT_EMPTY_PATH != 0 {
        return table::find(dir).map(itself);
    }
    // SAFETY: the caller promises it.
    unsafe { led_at(dir, path) }
}

/// An open file, as a place.
pub(crate) fn itself(file: u64) -> Place {
    Place { dir: file, path: Vec::new() }
}
