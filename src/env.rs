//! The seam to clock, entropy and sleep, and its implementation by the operating system.
//!
//! There is no `spawn`: a host that needs work done in the background has a caller do it (a caller leads the group
//! commit), so production code names no runtime and a simulator sees everything that happens.

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a host may ask of its surroundings besides files.
pub trait Env: Send + Sync + 'static {
    /// Wall-clock time in nanoseconds since the Unix epoch. It may stand still, and jump in both directions.
    fn now_ns(&self) -> u64;

    /// Fills the buffer with bytes that no one can predict (in a simulation: that replay exactly).
    fn fill_random(&self, buffer: &mut [u8]);

    /// Waits at least this long.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;

    /// 64 random bits.
    fn random_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_random(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// The operating system's clock and entropy.
///
/// [`Env::sleep`] blocks the calling thread inside `poll`: hosts sleep only for milliseconds, and only to wait for
/// another process. [`TimerEnv`](crate::TimerEnv) has one that does not.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEnv;

impl Env for OsEnv {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where wall time enters")]
    fn now_ns(&self) -> u64 {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Panics if the kernel has no entropy to give, which Linux does not let happen after boot (getrandom(2)).
    fn fill_random(&self, buffer: &mut [u8]) {
        let mut filled = 0;
        while filled < buffer.len() {
            match rustix::rand::getrandom(&mut buffer[filled..], rustix::rand::GetRandomFlags::empty()) {
                Ok(count) => filled += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => panic!("getrandom failed: {error}"),
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place where a thread sleeps")]
    async fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}
