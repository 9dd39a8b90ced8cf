//! Whoever opens the store puts its entry without a condition: it replaces a record that was put there since it looked, and that
//! its writer was told is there.
//!
//! It works as long as nobody opens a store that somebody writes to, and what a stalled opener sends arrives before the next one begins
//! (lance#6432).
//!
//! Breaks `append-durable`. Needs: a second process that opens the store, or a request that lands late.

use super::{Bucket, BucketHost, Bug};
use asl_host::Host;
use asl_mirrors::AnyEnv;

/// Its name.
pub const NAME: &str = "plain-put-log";
/// What is wrong.
pub const BUG: &str = "the entry of whoever opens the store is put without a condition";
/// The invariant that it breaks.
pub const BREAKS: &str = "append-durable";

/// The host on a bucket.
pub fn host(bucket: Bucket, env: AnyEnv, root: &str) -> impl Host + use<> {
    BucketHost::new(bucket, env, root, Some(Bug::PutsPlainly))
}
