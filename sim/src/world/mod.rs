//! The simulated world: the file system that hosts see, their clock and entropy, and the trace of all that happens.
//!
//! [`fs`] is the file system's state, [`seam`] how a host reaches it; clock and entropy are in [`env`].

pub mod fs;
pub(crate) mod env;
pub(crate) mod seam;

pub use env::SimEnv;
pub use seam::{SimFile, SimFileSystem};
