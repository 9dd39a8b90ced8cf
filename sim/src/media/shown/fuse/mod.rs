//! The simulated file system as a mount that any program sees, by FUSE.
//!
//! A thread takes the kernel's requests and hands them on as [`Incoming`], a request of [`crate::media::shown::vfs`] and where its answer
//! goes; whoever holds the other end of the channel carries them out, on its own thread, and answers. The answer may come from
//! any thread and in any order.
//!
//! The kernel keeps as little as it can: entries and attributes are valid for no time, and files are opened for direct I/O, so
//! that each read and write is a call here. What it does keep:
//! - stores to a shared mapping, in its page cache until the mapping is synced, unmapped or read by another call; they are
//!   writes here only then, with the kernel's grid of pages. Kernels before 6.6 refuse shared mappings (ENODEV);
//! - locks of both kinds, which die with their process;
//! - large reads and writes come in pieces of [`WRITE_LEN_MAX`] bytes at most, each a call of its own.
//!
//! After a power cut nothing of that may survive: [`Mount::cut`] has everything answered EIO from then on, and the mount is
//! replaced by another.
//!
//! Linux only; it takes /dev/fuse and the right to mount (`root`, or `unshare --user --map-root-user --mount`), no program and no
//! library.

mod adapter;
mod available;
mod control;
mod mount;
mod reply;
mod serve;
mod watchdog;

pub use available::{Unavailable, available, enter_private_namespace};
pub use control::Control;
pub use mount::Mount;
pub use reply::Reply;
pub use serve::{ServingEnded, serve};
pub use watchdog::{Watchdog, unmount_when_input_ends};

use crate::media::shown::vfs;

/// The most bytes that one call reads or writes.
pub const WRITE_LEN_MAX: u32 = 1 << 20;

/// A request of the kernel's, and where its answer goes.
#[derive(Debug)]
pub struct Incoming {
    /// What is asked.
    pub request: vfs::Request,
    /// Where the answer goes; if it is dropped instead, the answer is EIO.
    pub reply: Reply,
}
