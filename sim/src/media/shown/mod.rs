//! The simulated files as programs see them, who make system calls: [`vfs`] is what a kernel asks of a file system; [`fuse`] hands on
//! the requests of a mount to it, `preload` those of a library that is loaded into the program.

pub mod fuse;
pub(crate) mod preload;
pub mod vfs;
