//! The host that specimens are made from, without any bug: the simulator must find nothing in it.
//!
//! It makes good what the specimens say of it, that nothing else is wrong with them. It is correct in the fault classes
//! `crash` and `error`, and detects damage in class `media`.

use crate::plain::{Plain, Steps};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::FileSystem;

/// Its name.
pub const NAME: &str = "control";
/// What is wrong.
pub const BUG: &str = "none: the host that the specimens are made from";

#[derive(Debug, Default)]
struct Right;

impl Steps for Right {
    const BLOCKS: bool = true;
    const SNAPSHOTS: bool = true;
    const DETECTS_DAMAGE: bool = true;
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Right>::new(fs, env, root)
}
