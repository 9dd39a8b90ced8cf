//! A writer looks where the log ends before each append, and puts its record behind whatever stands there: a fence too.
//!
//! Nothing is lost, and nobody is ever fenced off (slatedb#271).
//!
//! Breaks `single-writer`. Needs: a second process that opens the store, and no fault.

use super::{Bucket, BucketHost, Bug};
use asl_host::Host;
use asl_mirrors::AnyEnv;

/// Its name.
pub const NAME: &str = "fence-without-read";
/// What is wrong.
pub const BUG: &str =
    "a writer looks where the log ends before each append, and never whether it was fenced off";
/// The invariant that it breaks.
pub const BREAKS: &str = "single-writer";

/// The host on a bucket.
pub fn host(bucket: Bucket, env: AnyEnv, root: &str) -> impl Host + use<> {
    BucketHost::new(bucket, env, root, Some(Bug::LooksForTheEnd))
}
