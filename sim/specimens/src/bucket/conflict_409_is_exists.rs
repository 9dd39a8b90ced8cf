//! Whoever opens a store that was not closed takes a conflict (409: somebody else is at it, try again) for an object that is there. It
//! finds none, and gives up.
//!
//! The crate `object_store` says `AlreadyExists` of both (its issue 852).
//!
//! Breaks `recovery-available`. Needs: a crash, and a conflict in the open that follows it.

use super::{Bucket, BucketHost, Bug};
use asl_host::Host;
use asl_mirrors::AnyEnv;

/// Its name.
pub const NAME: &str = "conflict-409-is-exists";
/// What is wrong.
pub const BUG: &str =
    "whoever opens a store after a crash takes a conflict (409) for an object that is there";
/// The invariant that it breaks.
pub const BREAKS: &str = "recovery-available";

/// The host on a bucket.
pub fn host(bucket: Bucket, env: AnyEnv, root: &str) -> impl Host + use<> {
    BucketHost::new(bucket, env, root, Some(Bug::ConflictIsTaken))
}
