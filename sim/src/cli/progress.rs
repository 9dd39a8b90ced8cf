//! What is shown while a campaign goes on, and what Ctrl-C does to it.
//!
//! On a terminal there is a bar, elsewhere a line every ten seconds; nothing in the first two seconds.

use crate::campaign::{Progress, Stopwatch};
use crate::report::layout::{count, duration, per_second, things};
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write, stderr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(100);
const BAR_AFTER: Duration = Duration::from_secs(2);
const LINE_EVERY: Duration = Duration::from_secs(10);
const STOPPING: &str = "stopping after the runs in hand; press Ctrl-C again to stop at once";

/// The first Ctrl-C ends the campaign in good order, the second one at once.
pub(super) fn stop_on_interrupt(progress: &Arc<Progress>) {
    let progress = progress.clone();
    let handler = move || {
        if progress.stop.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(super::Status::Interrupted.code()));
        }
    };
    // It fails only if there is a handler already, or no signals; then Ctrl-C does what it does without us.
    let _ = ctrlc::set_handler(handler);
}

/// When a campaign ends if nothing ends it before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    /// So many runs; none if only the time counts.
    pub(super) runs: Option<u64>,
    /// Runs that another process made before.
    pub(super) runs_before: u64,
    /// After so much time.
    pub(super) time: Option<Duration>,
}

impl Goal {
    /// How far the campaign is, in thousandths, and how long it will take from here. The nearer of two ends counts.
    fn progress(&self, runs: u64, elapsed: Duration) -> Option<(u64, Duration)> {
        let left = |done: u128, whole: u128| {
            let left_ms = elapsed.as_millis() * whole.saturating_sub(done) / done.max(1);
            let share = (done * 1000 / whole.max(1)).min(1000) as u64;
            (share, Duration::from_millis(u64::try_from(left_ms).unwrap_or(u64::MAX)))
        };
        let of_runs =
            self.runs.map(|all| left(u128::from(runs), u128::from(all.saturating_sub(self.runs_before))));
        let of_time = self.time.map(|time| left(elapsed.as_millis(), time.as_millis()));
        [of_runs.filter(|_| runs > 0), of_time].into_iter().flatten().min_by_key(|&(_, left)| left)
    }
}

/// Does the work, and shows how far it is.
pub(super) fn watched<T>(progress: &Progress, goal: Goal, watch: Stopwatch, work: impl FnOnce() -> T) -> T {
    let (working, finished) = bounded::<()>(0);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if stderr().is_terminal() {
                show_bar(progress, goal, watch, &finished);
            } else {
                show_lines(progress, goal, watch, &finished);
            }
        });
        let result = work();
        drop(working);
        result
    })
}

fn still_working(finished: &Receiver<()>) -> bool {
    finished.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout)
}

fn show_bar(progress: &Progress, goal: Goal, watch: Stopwatch, finished: &Receiver<()>) {
    let mut bar: Option<ProgressBar> = None;
    let mut told = false;
    while still_working(finished) {
        if progress.stop.load(Ordering::Relaxed) && !told {
            told = true;
            match &bar {
                None => drop(writeln!(stderr(), "{STOPPING}")),
                Some(bar) => bar.suspend(|| drop(writeln!(stderr(), "\n{STOPPING}"))),
            }
        }
        if watch.elapsed() >= BAR_AFTER {
            let bar = bar.get_or_insert_with(|| ProgressBar::new(1000).with_style(bar_style()));
            let share = goal.progress(progress.runs.load(Ordering::Relaxed), watch.elapsed());
            bar.set_position(share.map_or(0, |(share, _)| share));
            bar.set_message(state(progress, goal, watch));
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("[{bar:12}] {msg}").expect("the template is right").progress_chars("=> ")
}

fn show_lines(progress: &Progress, goal: Goal, watch: Stopwatch, finished: &Receiver<()>) {
    let mut next = LINE_EVERY;
    let mut told = false;
    while still_working(finished) {
        if progress.stop.load(Ordering::Relaxed) && !told {
            told = true;
            let _ = writeln!(stderr(), "{STOPPING}");
        }
        if watch.elapsed() >= next {
            next += LINE_EVERY;
            let _ = writeln!(stderr(), "{}", state(progress, goal, watch));
        }
    }
}

fn state(progress: &Progress, goal: Goal, watch: Stopwatch) -> String {
    let (runs, failed) = (progress.runs.load(Ordering::Relaxed), progress.failed.load(Ordering::Relaxed));
    let elapsed = watch.elapsed();
    let failures = things(failed, "failure", "failures");
    let speed = count(per_second(runs, elapsed));
    let all = goal.runs.map_or_else(String::new, |all| format!("/{}", count(all)));
    let done = format!("{}{all} runs, {speed}/s, {failures}", count(runs + goal.runs_before));
    match goal.progress(runs, elapsed) {
        Some((_, left)) => format!("{done}, {} left", duration(left)),
        None => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_of_two_ends_says_how_long_it_will_take() {
        let goal = |runs, time| Goal { runs, runs_before: 100, time };
        let (minute, ten_s) = (Some(Duration::from_mins(1)), Duration::from_secs(10));
        let left = |goal: Goal| goal.progress(100, ten_s);
        assert_eq!(left(goal(Some(500), None)), Some((250, Duration::from_secs(30))));
        assert_eq!(left(goal(None, minute)), Some((166, Duration::from_secs(50))));
        assert_eq!(left(goal(Some(500), minute)), Some((250, Duration::from_secs(30))));
        assert_eq!(goal(Some(500), None).progress(0, ten_s), None);
    }
}
