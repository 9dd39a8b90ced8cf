//! asl-reality: checks asl-sim's model of crash states against the kernel's own ext4, xfs and btrfs.
//!
//! A [`disk`] in memory, served by FUSE, with a loop device on it, sees every write and every flush of a real file system
//! ([`recording`]). From what it saw, [`crash`] makes the media that losses of power could leave; the kernel mounts each one
//! and recovers ([`lab`]), and what is then there must be among the states that the model allows ([`judge`]). [`examine`]
//! does that for many programs, [`report`] says what came of it.
//!
//! With the feature `vendors`, `bucket` holds the model of buckets against real object stores.
//!
//! What a seed settles: the programs, and of each recording the crash points. What it does not: the recording itself, which is
//! the kernel's doing and differs from run to run.
//!
//! Not checked: other file systems and mount options, several processes at once, files that stay open, what a kernel does
//! only under memory pressure or after minutes, and whether states that the model allows do occur.

pub mod arm;
#[cfg(feature = "vendors")]
pub mod bucket;
pub mod cli;
pub mod crash;
pub mod disk;
pub mod examine;
pub mod finding;
pub mod hands;
pub mod image;
pub mod judge;
pub mod lab;
pub mod recording;
pub mod report;
