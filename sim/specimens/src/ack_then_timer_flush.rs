//! Specimen 7: an append is acknowledged when it is written, and synced when the timer says so.
//!
//! The host declares that what it acknowledges is durable, and syncs at most every two milliseconds (looked at by the
//! next append), at a flush, at a close, and before a new segment. In between, the page cache is all there is.
//!
//! Seen in nats-server#7564. Breaks `append-durable`: the last acknowledged records are gone. Needs: a power loss; a kill
//! loses nothing, which is why tests that kill the process do not find it.

use crate::plain::{Plain, Steps, retry};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem};
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Its name.
pub const NAME: &str = "ack-then-timer-flush";
/// What is wrong.
pub const BUG: &str = "appends are acknowledged when written and synced by a timer";
/// The invariant that it breaks.
pub const BREAKS: &str = "append-durable";

const INTERVAL_NS: u64 = 2_000_000;

#[derive(Debug, Default)]
struct Bug {
    started_ns: OnceLock<u64>,
    /// When the last sync was, counted from `started_ns`.
    synced_ns: AtomicU64,
}

impl Steps for Bug {
    async fn sync_record<F: File, E: Env>(&self, file: &F, env: &E) -> io::Result<()> {
        let now_ns = env.now_ns();
        let elapsed_ns = now_ns.saturating_sub(*self.started_ns.get_or_init(|| now_ns));
        // A clock that was set back looks like a long time.
        if elapsed_ns.wrapping_sub(self.synced_ns.load(Ordering::Relaxed)) < INTERVAL_NS {
            return Ok(());
        }
        retry!(file.sync_data())?;
        self.synced_ns.store(elapsed_ns, Ordering::Relaxed);
        Ok(())
    }

    async fn sync_rest<F: File>(&self, file: &F) -> io::Result<()> {
        retry!(file.sync_data())
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
