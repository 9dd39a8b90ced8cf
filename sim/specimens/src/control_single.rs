//! The single-file host that specimens 19 and 20 are made from, without any bug: the simulator must find nothing in it.
//!
//! It is correct in the fault classes `crash` and `error`, and has neither blocks nor snapshots.

use crate::single::{Single, Steps};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::FileSystem;

/// Its name.
pub const NAME: &str = "control-single";
/// What is wrong.
pub const BUG: &str = "none: the host in a single file that some specimens are made from";

#[derive(Debug, Default)]
struct Right;

impl Steps for Right {}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Single::<F, E, Right>::new(fs, env, root)
}
