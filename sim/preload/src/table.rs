//! The descriptors that stand for files of the simulator's.

use crate::link;
use asl_preload_wire::Call;
use std::ffi::c_int;
use std::sync::atomic::{AtomicU64, Ordering};

/// Descriptors beyond this cannot be files of the simulator's.
const DESCRIPTORS_MAX: usize = 1 << 16;

/// The number of the open file, by descriptor; 0 if it is none of ours.
static FILES: [AtomicU64; DESCRIPTORS_MAX] = [const { AtomicU64::new(0) }; DESCRIPTORS_MAX];

/// The open file behind a descriptor, if it is the simulator's.
pub(crate) fn find(fd: c_int) -> Option<u64> {
    let slot = usize::try_from(fd).ok().and_then(|at| FILES.get(at))?;
    Some(slot.load(Ordering::Acquire)).filter(|file| *file != 0)
}

/// Gives an open file a descriptor.
pub(crate) fn add(file: u64) -> Result<c_int, c_int> {
    let flags = libc::O_PATH | libc::O_CLOEXEC;
    // SAFETY: the path is a C string.
    let fd = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, c"/".as_ptr(), flags) } as c_int;
    let number = if fd < 0 { link::errno() } else { libc::EMFILE };
    if fd < 0 || !put(fd, file) {
        close_raw(fd);
        let _ = link::ask(&Call::Close { file });
        return Err(number);
    }
    Ok(fd)
}

/// Says that a descriptor, which the kernel has given out, stands for a file. False if its number is too large.
pub(crate) fn put(fd: c_int, file: u64) -> bool {
    let slot = usize::try_from(fd).ok().and_then(|at| FILES.get(at));
    slot.map(|slot| slot.store(file, Ordering::Release)).is_some()
}

/// Forgets a descriptor, and says which file it stood for.
///
/// A child that shares our memory (vfork) until it is another program must not take ours away.
pub(crate) fn take(fd: c_int) -> Option<u64> {
    find(fd)?;
    if link::is_foreign() {
        return None;
    }
    let slot = usize::try_from(fd).ok().and_then(|at| FILES.get(at))?;
    Some(slot.swap(0, Ordering::AcqRel)).filter(|file| *file != 0)
}

/// The descriptors in a range that are ours.
pub(crate) fn within(first: u32, last: u32) -> impl Iterator<Item = c_int> {
    let end = (last as usize).saturating_add(1).min(DESCRIPTORS_MAX);
    (first as usize..end).map(|fd| fd as c_int).filter(|fd| find(*fd).is_some())
}

/// Closes what the kernel knows of a descriptor.
pub(crate) fn close_raw(fd: c_int) -> c_int {
    // SAFETY: the kernel checks the number.
    unsafe { libc::syscall(libc::SYS_close, fd) as c_int }
}
