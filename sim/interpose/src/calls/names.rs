//! Calls on names: making, removing, renaming, linking.

use super::{errno, returned, text};
use crate::open::{What, find};
use crate::real::real;
use crate::scope::{Scope, led};
use asl_host::fs::FileSystem;
use std::ffi::{c_char, c_int};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Work on one path of a world, if it leads there.
fn on(path: Option<&str>, work: impl FnOnce(&Scope, &Path) -> io::Result<()>) -> Option<c_int> {
    let (scope, inside) = led(path?)?;
    Some(returned(work(&scope, Path::new(&inside)).map(|()| 0)))
}

/// Work on two paths, of which none or both must lead into a world.
fn on_both(
    first: Option<&str>,
    second: Option<&str>,
    work: impl FnOnce(&Scope, &Path, &Path) -> io::Result<()>,
) -> Option<c_int> {
    let (first, second): (Option<(Arc<Scope>, String)>, _) = (led(first?), led(second?));
    match (first, second) {
        (None, None) => None,
        (Some((scope, first)), Some((_, second))) => {
            Some(returned(work(&scope, Path::new(&first), Path::new(&second)).map(|()| 0)))
        }
        _ => Some(returned(io::Result::<c_int>::Err(errno(libc::EXDEV)))),
    }
}

/// A path, beside a directory's descriptor if it is relative to one of a world.
///
/// # Safety
///
/// `path` must be null or a C string.
unsafe fn text_at(dir: c_int, path: *const c_char) -> Option<String> {
    // SAFETY: the caller promises it.
    let path = unsafe { text(path) }?;
    match find(dir).as_ref().map(|open| &open.what) {
        Some(What::Dir(dir)) if !path.starts_with('/') => {
            Some(format!("{}{}/{path}", crate::ROOT, dir.trim_end_matches('/')))
        }
        _ => Some(path.to_owned()),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mkdir(path: *const c_char, mode: u32) -> c_int {
    // SAFETY: the caller gave a C string, as mkdir(2) asks for.
    let made =
        on(unsafe { text(path) }, |scope, path| scope.world.call(scope.world.files().create_dir(path)));
    made.unwrap_or_else(|| real!(mkdir(path, mode) as fn(*const c_char, u32) -> c_int))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rmdir(path: *const c_char) -> c_int {
    // SAFETY: the caller gave a C string, as rmdir(2) asks for.
    let removed =
        on(unsafe { text(path) }, |scope, path| scope.world.call(scope.world.files().remove_dir(path)));
    removed.unwrap_or_else(|| real!(rmdir(path) as fn(*const c_char) -> c_int))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the caller gave a C string, as unlink(2) asks for.
    let removed = on(unsafe { text(path) }, |scope, path| scope.world.call(scope.world.files().unlink(path)));
    removed.unwrap_or_else(|| real!(unlink(path) as fn(*const c_char) -> c_int))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlinkat(dir: c_int, path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: the caller gave a C string, as unlinkat(2) asks for.
    let full = unsafe { text_at(dir, path) };
    let removed = on(full.as_deref(), |scope, path| {
        let files = scope.world.files();
        if flags & libc::AT_REMOVEDIR != 0 {
            scope.world.call(files.remove_dir(path))
        } else {
            scope.world.call(files.unlink(path))
        }
    });
    removed.unwrap_or_else(|| real!(unlinkat(dir, path, flags) as fn(c_int, *const c_char, c_int) -> c_int))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the caller gave C strings, as rename(2) asks for.
    let (first, second) = unsafe { (text(from), text(to)) };
    let renamed =
        on_both(first, second, |scope, from, to| scope.world.call(scope.world.files().rename(from, to)));
    renamed.unwrap_or_else(|| real!(rename(from, to) as fn(*const c_char, *const c_char) -> c_int))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn link(original: *const c_char, new: *const c_char) -> c_int {
    // SAFETY: the caller gave C strings, as link(2) asks for.
    let (first, second) = unsafe { (text(original), text(new)) };
    let linked = on_both(first, second, |scope, original, new| {
        scope.world.call(scope.world.files().link(original, new))
    });
    linked.unwrap_or_else(|| real!(link(original, new) as fn(*const c_char, *const c_char) -> c_int))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn linkat(
    from: c_int,
    original: *const c_char,
    to: c_int,
    new: *const c_char,
    flags: c_int,
) -> c_int {
    // SAFETY: the caller gave C strings, as linkat(2) asks for.
    let (first, second) = unsafe { (text_at(from, original), text_at(to, new)) };
    let linked = on_both(first.as_deref(), second.as_deref(), |scope, original, new| {
        scope.world.call(scope.world.files().link(original, new))
    });
    linked.unwrap_or_else(|| {
        real!(linkat(from, original, to, new, flags)
            as fn(c_int, *const c_char, c_int, *const c_char, c_int) -> c_int)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn symlink(target: *const c_char, new: *const c_char) -> c_int {
    // SAFETY: the caller gave C strings, as symlink(2) asks for.
    let made = on(unsafe { text(new) }, |_, _| Err(errno(libc::EOPNOTSUPP)));
    made.unwrap_or_else(|| real!(symlink(target, new) as fn(*const c_char, *const c_char) -> c_int))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn chmod(path: *const c_char, mode: u32) -> c_int {
    // SAFETY: the caller gave a C string, as chmod(2) asks for. Modes are not modelled: to set one changes nothing.
    let changed = on(unsafe { text(path) }, |scope, path| {
        scope.world.call(scope.world.files().metadata(path)).map(drop)
    });
    changed.unwrap_or_else(|| real!(chmod(path, mode) as fn(*const c_char, u32) -> c_int))
}
