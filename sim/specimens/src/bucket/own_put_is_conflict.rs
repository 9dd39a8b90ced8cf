//! A creation whose answer was lost is made once more, and finds that the store exists: it has just made it.
//!
//! A conditional put is not idempotent, and a client that repeats one sees what its first attempt has done (issue 465 of the crate
//! `object_store`).
//!
//! Breaks `error-honest`. Needs: a request that was carried out, and whose answer was lost.

use super::{Bucket, BucketHost, Bug};
use asl_host::Host;
use asl_mirrors::AnyEnv;

/// Its name.
pub const NAME: &str = "own-put-is-conflict";
/// What is wrong.
pub const BUG: &str = "a creation whose answer was lost takes its own object for somebody else's";
/// The invariant that it breaks.
pub const BREAKS: &str = "error-honest";

/// The host on a bucket.
pub fn host(bucket: Bucket, env: AnyEnv, root: &str) -> impl Host + use<> {
    BucketHost::new(bucket, env, root, Some(Bug::DisownsItsCreation))
}
