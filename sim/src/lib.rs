//! asl-sim: breaks hosts of append-only stores until they are right.
//!
//! Data flows one way: [`scenario`] -> [`run`] -> [`history`] -> [`check`] (a verdict) -> [`case`] -> [`report`]. A run is a
//! pure function of its scenario and of the decision map ([`decide`]); a [`campaign`] makes many runs in parallel. The
//! hosts under test are [`target`]s; what they see is [`world`], and `runtime` is what moves it.

pub mod campaign;
pub mod case;
pub mod check;
mod chronicle;
pub mod cli;
pub mod conform;
pub mod conformance;
pub mod decide;
pub mod determinism;
pub mod doctor;
pub mod double;
pub mod explain;
pub mod explore;
mod failing;
pub mod fuse;
pub mod fuzz;
pub mod history;
pub mod host;
pub mod hunt;
mod panics;
mod preload;
pub mod process;
mod quantities;
pub mod report;
pub mod run;
mod runtime;
pub mod scenario;
pub mod shrink;
#[cfg(feature = "proptest")]
pub mod strategies;
pub mod surroundings;
pub mod target;
pub mod trace;
pub mod trial;
mod whole_file;
pub mod world;
