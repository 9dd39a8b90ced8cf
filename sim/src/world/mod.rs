//! The simulated world: the file system that hosts see, their clock and entropy, and the trace of all that happens.
//!
//! [`fs`] is the file system's state, `seam` how a host in this process reaches it, [`vfs`] how a mount does; [`disk`] is a block device of the same store; clock and entropy are in [`env`]. [`program`] asks the
//! file system from outside which states a crash may leave.

mod blocking;
pub mod disk;
mod effects;
pub(crate) mod env;
pub mod fs;
pub mod program;
mod sandbox;
pub(crate) mod seam;
pub mod vfs;

pub use blocking::Blocking;
pub use disk::SimDisk;
pub use env::SimEnv;
pub use sandbox::Sandbox;
pub use seam::{SimFile, SimFileSystem};
