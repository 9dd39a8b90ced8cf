//! The claiming host that one specimen is made from, without any bug: the simulator must find nothing in it.
//!
//! It is correct in the fault classes `crash` and `error`, fences off older writers, and has neither blocks nor snapshots.

use crate::claim::{Claim, Steps};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::FileSystem;

/// Its name.
pub const NAME: &str = "control-claim";
/// What is wrong.
pub const BUG: &str = "none: the host that fences off older writers and that a specimen is made from";

#[derive(Debug, Default)]
struct Right;

impl Steps for Right {}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Claim::<F, E, Right>::new(fs, env, root)
}
