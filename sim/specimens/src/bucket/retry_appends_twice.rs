//! A record whose answer was lost is put once more; where its number is taken by then, under the next one. It was taken by its own
//! object, and the record stands twice.
//!
//! A client library that repeats what it takes for a failed write, and a writer that has moved on by then, do that together
//! (slatedb#819).
//!
//! Breaks `log-prefix`. Needs: a request that was carried out, and whose answer was lost.

use super::{Bucket, BucketHost, Bug};
use asl_host::Host;
use asl_mirrors::AnyEnv;

/// Its name.
pub const NAME: &str = "retry-appends-twice";
/// What is wrong.
pub const BUG: &str = "a record whose answer was lost is put once more, behind its own object";
/// The invariant that it breaks.
pub const BREAKS: &str = "log-prefix";

/// The host on a bucket.
pub fn host(bucket: Bucket, env: AnyEnv, root: &str) -> impl Host + use<> {
    BucketHost::new(bucket, env, root, Some(Bug::PutsBehindItsOwn))
}
