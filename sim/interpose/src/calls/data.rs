//! Opening files, and calls on what is open: reading, writing, sizes, syncs, locks.

use super::{errno, returned, text};
use crate::open::{Open, What, add, find, put, remove};
use crate::real::real;
use crate::scope::{current, led};
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem, OpenMode};
use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::io;
use std::path::Path;
use std::rc::Rc;

fn mode_of(flags: c_int) -> OpenMode {
    match (flags & libc::O_CREAT != 0, flags & libc::O_EXCL != 0, flags & libc::O_ACCMODE) {
        (true, true, _) => OpenMode::CreateNew,
        (true, false, _) => OpenMode::Create,
        (false, _, libc::O_RDONLY) => OpenMode::Read,
        (false, ..) => OpenMode::ReadWrite,
    }
}

/// Opens a file of the world, if the path leads there.
fn open_led(path: &str, flags: c_int) -> Option<io::Result<c_int>> {
    if path == "/dev/urandom" || path == "/dev/random" {
        let scope = current()?;
        let open = Open { scope, what: What::Random, position: Cell::new(0), appends: false };
        return Some(add(Rc::new(open)));
    }
    let (scope, inside) = led(path)?;
    let opened = || {
        let files = scope.world.files();
        let what = if flags & libc::O_DIRECTORY != 0 {
            What::Dir(directory(&scope, &inside)?)
        } else {
            match scope.world.call(files.open(Path::new(&inside), mode_of(flags))) {
                // A directory may be opened for reading.
                Err(error)
                    if error.raw_os_error() == Some(libc::EISDIR)
                        && flags & (libc::O_ACCMODE | libc::O_CREAT) == libc::O_RDONLY =>
                {
                    What::Dir(inside.clone())
                }
                opened => What::File(opened?),
            }
        };
        let open =
            Open { scope: scope.clone(), what, position: Cell::new(0), appends: flags & libc::O_APPEND != 0 };
        if flags & libc::O_TRUNC != 0 && flags & libc::O_ACCMODE != libc::O_RDONLY {
            scope.world.call(open.file()?.set_len(0))?;
        }
        add(Rc::new(open))
    };
    Some(opened())
}

fn directory(scope: &crate::scope::Scope, path: &str) -> io::Result<String> {
    let metadata = scope.world.call(scope.world.files().metadata(Path::new(path)))?;
    if metadata.is_dir { Ok(path.to_owned()) } else { Err(errno(libc::ENOTDIR)) }
}

fn read_at(open: &Open, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    if let What::Random = open.what {
        open.scope.world.env().fill_random(buffer);
        return Ok(buffer.len());
    }
    open.scope.world.call(open.file()?.read_at(buffer, offset))
}

fn write_at(open: &Open, data: &[u8], offset: u64) -> io::Result<usize> {
    open.scope.world.call(open.file()?.write_at(data, offset))
}

fn len(open: &Open) -> io::Result<u64> {
    Ok(open.scope.world.call(open.file()?.metadata())?.len)
}

fn read_on(open: &Open, buffer: &mut [u8]) -> io::Result<usize> {
    let count = read_at(open, buffer, open.position.get())?;
    open.position.set(open.position.get() + count as u64);
    Ok(count)
}

fn write_on(open: &Open, data: &[u8]) -> io::Result<usize> {
    if open.appends {
        open.position.set(len(open)?);
    }
    let count = write_at(open, data, open.position.get())?;
    open.position.set(open.position.get() + count as u64);
    Ok(count)
}

fn seek(open: &Open, offset: i64, whence: c_int) -> io::Result<i64> {
    let from = match whence {
        libc::SEEK_SET => 0,
        libc::SEEK_CUR => open.position.get(),
        libc::SEEK_END => len(open)?,
        _ => return Err(errno(libc::EINVAL)),
    };
    let position = from.checked_add_signed(offset).ok_or_else(|| errno(libc::EINVAL))?;
    open.position.set(position);
    i64::try_from(position).map_err(|_| errno(libc::EOVERFLOW))
}

fn sync(open: &Open, data_only: bool) -> io::Result<c_int> {
    let world = &open.scope.world;
    match &open.what {
        What::Dir(path) => world.call(world.files().sync_dir(Path::new(path)))?,
        What::File(file) if data_only => world.call(file.sync_data())?,
        What::File(file) => world.call(file.sync_all())?,
        What::Random => return Err(errno(libc::EINVAL)),
    }
    Ok(0)
}

fn allocate(open: &Open, mode: c_int, offset: i64, len: i64) -> io::Result<c_int> {
    let (Ok(offset), Ok(len)) = (u64::try_from(offset), u64::try_from(len)) else {
        return Err(errno(libc::EINVAL));
    };
    if mode != 0 {
        return Err(errno(libc::EOPNOTSUPP));
    }
    open.scope.world.call(open.file()?.allocate(offset, len))?;
    Ok(0)
}

fn lock(open: &Open, operation: c_int) -> io::Result<c_int> {
    if operation & libc::LOCK_UN != 0 {
        // It goes with the descriptor, which is all that hosts need.
        return Err(errno(libc::EOPNOTSUPP));
    }
    // A shared lock is not told from an exclusive one.
    if open.scope.world.call(open.file()?.try_lock())? { Ok(0) } else { Err(errno(libc::EWOULDBLOCK)) }
}

macro_rules! opens {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
            // SAFETY: the caller gave a C string, as open(2) asks for.
            match unsafe { text(path) }.and_then(|path| open_led(path, flags)) {
                Some(opened) => returned(opened),
                None => real!($name(path, flags, mode) as fn(*const c_char, c_int, c_int) -> c_int),
            }
        })*
    };
}

opens!(open, open64);

macro_rules! opens_at {
    ($($name:ident),*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(dir: c_int, path: *const c_char, flags: c_int, mode: c_int) -> c_int {
            // SAFETY: the caller gave a C string, as openat(2) asks for.
            let path_text = unsafe { text(path) };
            let inside = path_text.map(|path| match find(dir) {
                Some(open) => match &open.what {
                    What::Dir(dir) => format!("{}{}/{path}", crate::ROOT, dir.trim_end_matches('/')),
                    _ => path.to_owned(),
                },
                None => path.to_owned(),
            });
            match inside.and_then(|path| open_led(&path, flags)) {
                Some(opened) => returned(opened),
                None => real!($name(dir, path, flags, mode) as fn(c_int, *const c_char, c_int, c_int) -> c_int),
            }
        })*
    };
}

opens_at!(openat, openat64);

/// A call on a descriptor: on the file of a world, or on to the C library.
macro_rules! on_descriptor {
    ($($name:ident($($arg:ident: $type:ty),*) -> $out:ty => |$open:ident| $work:expr;)*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(fd: c_int $(, $arg: $type)*) -> $out {
            match find(fd) {
                Some($open) => returned($work),
                None => real!($name(fd $(, $arg)*) as fn(c_int $(, $type)*) -> $out),
            }
        })*
    };
}

/// The bytes that a caller gave.
///
/// # Safety
///
/// `data` must be valid for reads of `len` bytes.
unsafe fn given<'a>(data: *const c_void, len: usize) -> &'a [u8] {
    if len == 0 {
        return &[];
    }
    // SAFETY: the caller promises it.
    unsafe { std::slice::from_raw_parts(data.cast(), len) }
}

/// The bytes that a caller wants filled.
///
/// # Safety
///
/// `buffer` must be valid for writes of `len` bytes; they need not be initialised for the C caller, and are read by nobody here.
unsafe fn wanted<'a>(buffer: *mut c_void, len: usize) -> &'a mut [u8] {
    if len == 0 {
        return &mut [];
    }
    // SAFETY: the caller promises it. They are set before a reference is made to them.
    unsafe {
        buffer.cast::<u8>().write_bytes(0, len);
        std::slice::from_raw_parts_mut(buffer.cast(), len)
    }
}

fn offset_of(offset: i64) -> io::Result<u64> {
    u64::try_from(offset).map_err(|_| errno(libc::EINVAL))
}

on_descriptor! {
    read(buffer: *mut c_void, len: usize) -> isize => |open| {
        // SAFETY: the caller gave so many bytes, as the call's manual page asks for.
        let bytes = unsafe { wanted(buffer, len) };
        read_on(&open, bytes)
    };
    write(data: *const c_void, len: usize) -> isize => |open| {
        // SAFETY: the caller gave so many bytes, as the call's manual page asks for.
        let bytes = unsafe { given(data, len) };
        write_on(&open, bytes)
    };
    pread(buffer: *mut c_void, len: usize, offset: i64) -> isize => |open| {
        // SAFETY: the caller gave so many bytes, as the call's manual page asks for.
        let bytes = unsafe { wanted(buffer, len) };
        offset_of(offset).and_then(|offset| read_at(&open, bytes, offset))
    };
    pread64(buffer: *mut c_void, len: usize, offset: i64) -> isize => |open| {
        // SAFETY: the caller gave so many bytes, as the call's manual page asks for.
        let bytes = unsafe { wanted(buffer, len) };
        offset_of(offset).and_then(|offset| read_at(&open, bytes, offset))
    };
    pwrite(data: *const c_void, len: usize, offset: i64) -> isize => |open| {
        // SAFETY: the caller gave so many bytes, as the call's manual page asks for.
        let bytes = unsafe { given(data, len) };
        offset_of(offset).and_then(|offset| write_at(&open, bytes, offset))
    };
    pwrite64(data: *const c_void, len: usize, offset: i64) -> isize => |open| {
        // SAFETY: the caller gave so many bytes, as the call's manual page asks for.
        let bytes = unsafe { given(data, len) };
        offset_of(offset).and_then(|offset| write_at(&open, bytes, offset))
    };
    lseek(offset: i64, whence: c_int) -> i64 => |open| seek(&open, offset, whence);
    lseek64(offset: i64, whence: c_int) -> i64 => |open| seek(&open, offset, whence);
    ftruncate(len: i64) -> c_int => |open| set_len(&open, len);
    ftruncate64(len: i64) -> c_int => |open| set_len(&open, len);
    fsync() -> c_int => |open| sync(&open, false);
    fdatasync() -> c_int => |open| sync(&open, true);
    fallocate(mode: c_int, offset: i64, len: i64) -> c_int => |open| allocate(&open, mode, offset, len);
    fallocate64(mode: c_int, offset: i64, len: i64) -> c_int => |open| allocate(&open, mode, offset, len);
    flock(operation: c_int) -> c_int => |open| lock(&open, operation);
    // Refused, so that callers fall back on reads and writes.
    copy_file_range(in_at: *mut i64, out: c_int, out_at: *mut i64, len: usize, flags: u32) -> isize =>
        |_open| io::Result::<isize>::Err(errno(libc::EXDEV));
    // Owners and modes are not modelled: to set them changes nothing.
    fchmod(mode: u32) -> c_int => |_open| io::Result::<c_int>::Ok(0);
    fchown(user: u32, group: u32) -> c_int => |_open| io::Result::<c_int>::Ok(0);
}

fn set_len(open: &Open, len: i64) -> io::Result<c_int> {
    open.scope.world.call(open.file()?.set_len(offset_of(len)?))?;
    Ok(0)
}

/// As `posix_fallocate(3)`, which returns its error.
fn posix_allocate(open: &Open, offset: i64, len: i64) -> c_int {
    allocate(open, 0, offset, len).map_or_else(|error| error.raw_os_error().unwrap_or(libc::EIO), |_| 0)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn posix_fallocate(fd: c_int, offset: i64, len: i64) -> c_int {
    if let Some(open) = find(fd) {
        return posix_allocate(&open, offset, len);
    }
    real!(posix_fallocate(fd, offset, len) as fn(c_int, i64, i64) -> c_int)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn posix_fallocate64(fd: c_int, offset: i64, len: i64) -> c_int {
    if let Some(open) = find(fd) {
        return posix_allocate(&open, offset, len);
    }
    real!(posix_fallocate64(fd, offset, len) as fn(c_int, i64, i64) -> c_int)
}

/// Several pieces, one after the other, until one is not done whole.
fn each(
    pieces: &[libc::iovec],
    mut work: impl FnMut(&libc::iovec) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut done = 0;
    for piece in pieces {
        match work(piece) {
            Ok(count) => {
                done += count;
                if count < piece.iov_len {
                    break;
                }
            }
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(done)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn writev(fd: c_int, pieces: *const libc::iovec, count: c_int) -> isize {
    let Some(open) = find(fd) else {
        return real!(writev(fd, pieces, count) as fn(c_int, *const libc::iovec, c_int) -> isize);
    };
    // SAFETY: the caller gave so many pieces, as writev(2) asks for.
    let pieces = unsafe { std::slice::from_raw_parts(pieces, count.max(0) as usize) };
    // One write, as the kernel makes of it.
    let data: Vec<u8> = pieces
        .iter()
        // SAFETY: each piece is valid for reads.
        .flat_map(|piece| unsafe { given(piece.iov_base, piece.iov_len) })
        .copied()
        .collect();
    returned(write_on(&open, &data))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn readv(fd: c_int, pieces: *const libc::iovec, count: c_int) -> isize {
    let Some(open) = find(fd) else {
        return real!(readv(fd, pieces, count) as fn(c_int, *const libc::iovec, c_int) -> isize);
    };
    // SAFETY: the caller gave so many pieces, as readv(2) asks for.
    let pieces = unsafe { std::slice::from_raw_parts(pieces, count.max(0) as usize) };
    // SAFETY: each piece is valid for writes.
    returned(each(pieces, |piece| read_on(&open, unsafe { wanted(piece.iov_base, piece.iov_len) })))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn close(fd: c_int) -> c_int {
    remove(fd);
    real!(close(fd) as fn(c_int) -> c_int)
}

/// Duplicates share the file; record locks always succeed.
#[unsafe(no_mangle)]
unsafe extern "C" fn fcntl(fd: c_int, command: c_int, argument: usize) -> c_int {
    let open = find(fd);
    let locks = [libc::F_SETLK, libc::F_SETLKW, libc::F_OFD_SETLK, libc::F_OFD_SETLKW];
    if open.is_some() && locks.contains(&command) {
        return 0;
    }
    if open.is_some() && [libc::F_GETLK, libc::F_OFD_GETLK].contains(&command) {
        // SAFETY: the caller gave a lock to be filled, as fcntl(2) asks for.
        unsafe { (*(argument as *mut libc::flock)).l_type = libc::F_UNLCK as i16 };
        return 0;
    }
    let result = real!(fcntl(fd, command, argument) as fn(c_int, c_int, usize) -> c_int);
    if let Some(open) = open
        && result >= 0
        && [libc::F_DUPFD, libc::F_DUPFD_CLOEXEC].contains(&command)
    {
        put(result, open);
    }
    result
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fcntl64(fd: c_int, command: c_int, argument: usize) -> c_int {
    // SAFETY: the same call.
    unsafe { fcntl(fd, command, argument) }
}

/// Files of a world cannot be mapped.
#[unsafe(no_mangle)]
unsafe extern "C" fn mmap(
    address: *mut c_void,
    len: usize,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: i64,
) -> *mut c_void {
    if fd >= 0 && find(fd).is_some() {
        let _: c_int = returned(io::Result::<c_int>::Err(errno(libc::ENODEV)));
        return libc::MAP_FAILED;
    }
    real!(mmap(address, len, protection, flags, fd, offset)
        as fn(*mut c_void, usize, c_int, c_int, c_int, i64) -> *mut c_void)
}
