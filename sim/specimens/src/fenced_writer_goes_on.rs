//! A writer that was fenced off tries again: where its entry was claimed by somebody else, it reads what is there, and writes its
//! own behind that.
//!
//! That is how a client of an object store treats a conflict that it takes for one of two equals, and how retries in an HTTP client
//! treat one that they should hand on. Nothing is lost by it; but the process that has the store now is not alone in it, which is all
//! that an open is for.
//!
//! Breaks `single-writer`. Needs: a second process that opens the store, and no fault.

use crate::claim::{Claim, Steps};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::FileSystem;

/// Its name.
pub const NAME: &str = "fenced-writer-goes-on";
/// What is wrong.
pub const BUG: &str = "a writer that was fenced off reads what is there and writes on";
/// The invariant that it breaks.
pub const BREAKS: &str = "single-writer";

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    const TRIES_AGAIN: bool = true;
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Claim::<F, E, Bug>::new(fs, env, root)
}
