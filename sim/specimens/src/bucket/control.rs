//! The host on a bucket, in which nothing is wrong.

use super::{Bucket, BucketHost};
use asl_host::Host;
use asl_mirrors::AnyEnv;

/// Its name.
pub const NAME: &str = "control-bucket";
/// What it is.
pub const BUG: &str = "no bug: a log of objects, each created under the next number";

/// The host on a bucket.
pub fn host(bucket: Bucket, env: AnyEnv, root: &str) -> impl Host + use<> {
    BucketHost::new(bucket, env, root, None)
}
