//! The completion of an upload was answered 200, with an error in the body: a bucket begins to answer before it is done. Whoever looks at
//! the status alone takes the block for sealed (scylladb#20517).
//!
//! Breaks `seal-durable`. Needs: an error in the body of such an answer.

use super::{Bucket, BucketHost, Bug};
use asl_host::Host;
use asl_mirrors::AnyEnv;

/// Its name.
pub const NAME: &str = "multipart-200-error";
/// What is wrong.
pub const BUG: &str = "an upload that was answered 200, with an error in the body, is taken for complete";
/// The invariant that it breaks.
pub const BREAKS: &str = "seal-durable";

/// The host on a bucket.
pub fn host(bucket: Bucket, env: AnyEnv, root: &str) -> impl Host + use<> {
    BucketHost::new(bucket, env, root, Some(Bug::LooksAtStatusAlone))
}
