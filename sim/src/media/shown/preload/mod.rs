//! The simulated file system for programs whose C library's calls are led here, by the library that `sim/preload` makes.
//!
//! The library asks over a socket, one message for each system call. A thread reads them ([`Listener`]) and hands them on as
//! [`Incoming`]; whoever holds the other end carries them out on its own thread. [`Calls`] does what a kernel does above a file system:
//! it walks paths, follows links, keeps open files with their positions and flags, and locks. Below that it asks [`crate::media::shown::vfs`],
//! as the mount does, so that what a call comes to, which faults hit it and where a crash comes is said in one place only.
//!
//! Not modelled: permissions, which are told and not checked; the caller's user, who is this process's; who is in which group; extended
//! attributes; shared mappings. Links to absolute paths lead below the same directory or nowhere (EXDEV).

mod calls;
mod files;
mod library;
mod listen;
mod locks;
mod opening;
mod walk;

pub(crate) use calls::Calls;
pub(crate) use library::{Library, find_library};
pub(crate) use listen::{Event, Incoming, Listener, Reply};

// Errors of errno(3) that only a kernel above a file system gives.
const EBADF: i32 = 9;
const EAGAIN: i32 = 11;
const ENXIO: i32 = 6;
const EBUSY: i32 = 16;
const EXDEV: i32 = 18;
const EINVAL: i32 = 22;
const ENAMETOOLONG: i32 = 36;
const ELOOP: i32 = 40;
const EILSEQ: i32 = 84;
const EOPNOTSUPP: i32 = 95;
