//! Work with a deadline, on a thread of its own: a panic in it is caught, and when it does not end it is left to itself.

use crate::base::panics;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How often it is looked whether to stop.
const TICK: Duration = Duration::from_millis(20);
/// How long work may go on after it is to stop: what it has made can be removed only when it has ended.
const GRACE: Duration = Duration::from_secs(2);
/// Longer texts of panics lose their middle: at the beginning they say what was wrong, at the end where.
const TEXT_CHARS_MAX: usize = 500;

/// How work ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended<T> {
    /// It came to an end.
    Done(T),
    /// It panicked, and said this, in one line.
    Panicked(String),
    /// It had not ended at the deadline. Its thread goes on.
    Hung,
    /// It was to stop, and what came of it does not matter. Its thread goes on if it had not ended soon after.
    Stopped,
}

/// Does the work on a thread of this name, and waits for it, no longer than the deadline and until `stop` is set.
///
/// # Panics
///
/// If there is no thread to be had.
pub fn within<T: Send + 'static>(
    deadline: Duration,
    stop: &AtomicBool,
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Ended<T> {
    let (sender, ended) = mpsc::channel();
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
        // Nobody receives it after the deadline.
        let _ = sender.send(panics::caught(work));
    });
    drop(thread.expect("there are threads to be had"));
    let mut left = deadline;
    loop {
        let wait = left.min(TICK);
        match ended.recv_timeout(wait) {
            Ok(Ok(output)) => return Ended::Done(output),
            Ok(Err(text)) => return Ended::Panicked(in_one_line(&text)),
            Err(RecvTimeoutError::Disconnected) => return Ended::Panicked("the thread is gone".to_owned()),
            Err(RecvTimeoutError::Timeout) if stop.load(Ordering::Relaxed) => {
                // Ended or not, it is not asked for any longer.
                let _ = ended.recv_timeout(GRACE);
                return Ended::Stopped;
            }
            Err(RecvTimeoutError::Timeout) if left <= TICK => return Ended::Hung,
            Err(RecvTimeoutError::Timeout) => left -= wait,
        }
    }
}

/// A panic's text, which may have several lines and be very long.
pub(super) fn in_one_line(text: &str) -> String {
    let text = text.strip_prefix("assertion `left == right` failed: ").unwrap_or(text);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let chars: Vec<char> = lines.join(", ").chars().collect();
    let half = TEXT_CHARS_MAX / 2;
    if chars.len() <= TEXT_CHARS_MAX {
        return chars.into_iter().collect();
    }
    let (begin, end) = (&chars[..half], &chars[chars.len() - half..]);
    format!("{} ... {}", begin.iter().collect::<String>(), end.iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_of_work_is_told() {
        let (go, long) = (AtomicBool::new(false), Duration::from_mins(1));
        assert_eq!(within(long, &go, "work", || 7), Ended::Done(7));
        let Ended::Panicked(text) = within(long, &go, "work", || panic!("{} is wrong", "this")) else {
            panic!("it panicked")
        };
        assert!(text.starts_with("this is wrong"), "{text}");
        assert_eq!(within(TICK * 2, &go, "work", thread::park), Ended::Hung);
        assert_eq!(within(long, &AtomicBool::new(true), "work", thread::park), Ended::Stopped);
    }

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        assert_eq!(
            in_one_line("assertion `left == right` failed: why\n  left: 1\n right: 2"),
            "why, left: 1, right: 2"
        );
        let long = in_one_line(&format!("why{}where", "x".repeat(9_000)));
        assert!(long.len() < 600 && long.starts_with("why") && long.ends_with("where"), "{long}");
    }
}
