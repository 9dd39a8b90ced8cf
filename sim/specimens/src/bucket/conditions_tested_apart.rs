//! The host's appends race for the next number, which is right where conditions are tested with the change and nothing fails. Its bucket tests them
//! before, so that two who create an object at once both did. Two records are acknowledged under one number, and one of them is gone.
//!
//! Servers were seen to do that, and pass every test that makes one request after the other (docs/reference/object-stores.md).
//!
//! Breaks `logseq-stable`. Needs: such a bucket (`--profile not-atomic-conditions`), and two appends at once.

use super::{Bucket, BucketHost, Bug};
use asl_host::Host;
use asl_mirrors::AnyEnv;

/// Its name.
pub const NAME: &str = "conditions-tested-apart";
/// What is wrong.
pub const BUG: &str =
    "the bucket tests conditions before the change: two creators of one object both succeed";
/// The invariant that it breaks.
pub const BREAKS: &str = "logseq-stable";

/// The host on a bucket.
pub fn host(bucket: Bucket, env: AnyEnv, root: &str) -> impl Host + use<> {
    BucketHost::new(bucket, env, root, Some(Bug::TakesNoTurns))
}
