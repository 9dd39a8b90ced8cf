//! The entry that shows a block is put with its first bytes, so that the upload can be found again, and readers take the block for sealed.
//!
//! Breaks `open-block-invisible`. Needs: no fault.

use super::{Bucket, BucketHost, Bug};
use asl_host::Host;
use asl_mirrors::AnyEnv;

/// Its name.
pub const NAME: &str = "seal-before-complete";
/// What is wrong.
pub const BUG: &str = "a block is shown with its first bytes, before it is sealed";
/// The invariant that it breaks.
pub const BREAKS: &str = "open-block-invisible";

/// The host on a bucket.
pub fn host(bucket: Bucket, env: AnyEnv, root: &str) -> impl Host + use<> {
    BucketHost::new(bucket, env, root, Some(Bug::ShowsOpenBlocks))
}
