//! The handle goes on after a put of which nobody knows whether it landed, under the next number. Readers pass over numbers at which nothing
//! stands; when the put lands there, every record behind it moves (lance#7547).
//!
//! Breaks `logseq-stable`. Needs: a request that lands late.

use super::{Bucket, BucketHost, Bug};
use asl_host::Host;
use asl_mirrors::AnyEnv;

/// Its name.
pub const NAME: &str = "usable-after-lost-put";
/// What is wrong.
pub const BUG: &str = "the handle goes on after a put of which nobody knows whether it landed";
/// The invariant that it breaks.
pub const BREAKS: &str = "logseq-stable";

/// The host on a bucket.
pub fn host(bucket: Bucket, env: AnyEnv, root: &str) -> impl Host + use<> {
    BucketHost::new(bucket, env, root, Some(Bug::GoesOnAfterLostPut))
}
