//! The end of the log is what a list shows. Where lists are behind, the last records are not seen, and the store goes on without them.
//!
//! S3's lists show everything since 2020; those of other stores need not, and caches in front of any of them do not.
//!
//! Breaks `append-durable`. Needs: a bucket whose lists are behind (`--profile stale-list`).

use super::{Bucket, BucketHost, Bug};
use asl_host::Host;
use asl_mirrors::AnyEnv;

/// Its name.
pub const NAME: &str = "list-is-truth";
/// What is wrong.
pub const BUG: &str = "the end of the log is what a list shows";
/// The invariant that it breaks.
pub const BREAKS: &str = "append-durable";

/// The host on a bucket.
pub fn host(bucket: Bucket, env: AnyEnv, root: &str) -> impl Host + use<> {
    BucketHost::new(bucket, env, root, Some(Bug::ListIsTruth))
}
