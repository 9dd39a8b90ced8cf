//! asl-sim: breaks hosts of append-only stores until they are right.
//!
//! Data flows one way: [`scenario`] -> [`run`] -> [`history`] -> [`check`] (a verdict) -> [`case`] -> [`report`]. A run is a
//! pure function of its scenario and of the decision map ([`decide`]); a [`campaign`] makes many runs in parallel. The
//! hosts under test are [`target`]s; what they see is [`world`], and `executor` is what moves it.
//!
//! No module imports one that stands above it; `.ci/layers.txt` has the order.
//!
//! | feature | what it adds |
//! |---|---|
//! | `command` (default) | [`cli`]: the command, and every command for hosts of another crate; what it prints |
//! | `programs` (by `command`) | hosts that are programs; the mount that they live on, and the library that is loaded into them |
//! | `specimens` (by `command`) | hosts with one planted bug each, and [`hunt`] |
//! | `vendors` | `conform` on buckets of real object stores, and `probe`; brings an HTTP stack |
//! | `proptest` | `strategies`: runs for property tests |
//! | `madsim` | hosts on tokio; takes `--cfg madsim`, too |

// What only the command or hosts that are programs use is in the library of a build without them, and in no program.
#![cfg_attr(not(feature = "command"), allow(dead_code, unreachable_pub, unused_imports))]

mod base;
pub mod campaign;
pub mod case;
mod catalogue;
pub mod check;
#[cfg(feature = "command")]
pub mod cli;
pub mod conform;
pub mod conformance;
pub mod determinism;
#[cfg(feature = "command")]
pub mod doctor;
pub mod double;
mod executor;
pub mod explain;
pub mod explore;
mod failing;
pub mod fuzz;
pub mod history;
mod hosts;
#[cfg(feature = "specimens")]
pub mod hunt;
mod media;
mod plan;
#[cfg(feature = "programs")]
pub mod process;
pub mod report;
pub mod run;
pub mod scenario;
pub mod shrink;
#[cfg(feature = "proptest")]
pub mod strategies;
pub mod surroundings;
mod tell;
pub mod trial;

pub use base::{decide, trace};
pub use hosts::reference as host;
#[cfg(feature = "programs")]
pub use media::shown::fuse;

/// What can be tested: targets, and those that come with the simulator.
pub mod target {
    #[cfg(feature = "objects")]
    pub use crate::catalogue::object;
    pub use crate::catalogue::{built_in, find, hidden, posix, posix_on_flush, sim, sim_fence, sim_on_flush};
    #[cfg(feature = "vendors")]
    pub use crate::hosts::Bucket;
    pub use crate::hosts::{Disk, Machine, OwnFuture, OwnOperation, Target};
}

/// The simulated world: the file system, the block device and the bucket that hosts see, their clock and entropy.
pub mod world {
    #[cfg(feature = "objects")]
    pub use crate::media::SimObjectStore;
    pub use crate::media::device as disk;
    pub use crate::media::files::{fs, program};
    #[cfg(feature = "programs")]
    pub use crate::media::shown::vfs;
    pub use crate::media::{Blocking, Sandbox, SimDisk, SimEnv, SimFile, SimFileSystem};
}
