//! The one place that looks at the clock. A probe is of a real bucket: nothing here is simulated.

use std::time::{Duration, Instant};

#[expect(
    clippy::disallowed_methods,
    reason = "a probe measures a real bucket, and its bounds are in real time"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Time that passes, and a bound on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    began: Instant,
    bound: Duration,
}

impl Stopwatch {
    pub(crate) fn bounded(bound: Duration) -> Stopwatch {
        Stopwatch { began: now(), bound }
    }

    pub(crate) fn unbounded() -> Stopwatch {
        Stopwatch::bounded(Duration::MAX)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        now().saturating_duration_since(self.began)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.elapsed() >= self.bound
    }

    pub(crate) fn elapsed_ms(&self) -> u64 {
        self.elapsed().as_millis() as u64
    }
}

/// A duration as people read it.
pub(crate) fn seconds(duration: Duration) -> String {
    if duration >= Duration::from_secs(10) || duration.subsec_millis() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}
