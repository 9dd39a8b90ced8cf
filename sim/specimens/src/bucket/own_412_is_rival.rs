//! A record whose answer was lost is put once more. Its number is taken, and the writer says that somebody else has the store: it was
//! its own first attempt (icechunk#2099).
//!
//! Breaks `error-honest`. Needs: a request that was carried out, and whose answer was lost.

use super::{Bucket, BucketHost, Bug};
use asl_host::Host;
use asl_mirrors::AnyEnv;

/// Its name.
pub const NAME: &str = "own-412-is-rival";
/// What is wrong.
pub const BUG: &str = "a record whose answer was lost takes its own object for a rival's";
/// The invariant that it breaks.
pub const BREAKS: &str = "error-honest";

/// The host on a bucket.
pub fn host(bucket: Bucket, env: AnyEnv, root: &str) -> impl Host + use<> {
    BucketHost::new(bucket, env, root, Some(Bug::DisownsItsRecord))
}
