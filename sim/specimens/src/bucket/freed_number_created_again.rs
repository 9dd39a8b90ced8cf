//! Whoever opens the store keeps what it found as one object, and removes what that was made of. So their numbers are free again: what was
//! on its way to one of them lands there, and readers put it where it says (slatedb#352).
//!
//! Breaks `logseq-stable`. Needs: a request that lands late, and two more opens.

use super::{Bucket, BucketHost, Bug};
use asl_host::Host;
use asl_mirrors::AnyEnv;

/// Its name.
pub const NAME: &str = "freed-number-created-again";
/// What is wrong.
pub const BUG: &str = "what a checkpoint holds is removed, and its numbers are free again";
/// The invariant that it breaks.
pub const BREAKS: &str = "logseq-stable";

/// The host on a bucket.
pub fn host(bucket: Bucket, env: AnyEnv, root: &str) -> impl Host + use<> {
    BucketHost::new(bucket, env, root, Some(Bug::RemovesEntries))
}
