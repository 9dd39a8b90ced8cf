//! That a store was destroyed and created again stands in objects of their own, and not in the log. So the log's next number is free all the
//! while, and what was on its way to the old store lands in the new one.
//!
//! Breaks `log-prefix`. Needs: a request that lands after its store was destroyed and created again.

use super::{Bucket, BucketHost, Bug};
use asl_host::Host;
use asl_mirrors::AnyEnv;

/// Its name.
pub const NAME: &str = "late-put-into-new-store";
/// What is wrong.
pub const BUG: &str = "that a store was destroyed and created again stands elsewhere, and not in its log";
/// The invariant that it breaks.
pub const BREAKS: &str = "log-prefix";

/// The host on a bucket.
pub fn host(bucket: Bucket, env: AnyEnv, root: &str) -> impl Host + use<> {
    BucketHost::new(bucket, env, root, Some(Bug::LivesElsewhere))
}
