//! What is shown while a campaign goes on, and what Ctrl-C does to it.
//!
//! On a terminal there is a bar, elsewhere a line every ten seconds; nothing in the first two seconds.

use crate::base::Stopwatch;
use crate::base::words::{count, duration, per_second, things};
use crate::campaign::Progress;
use crate::shrink;
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
#[cfg(feature = "command")]
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write, stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const TICK: Duration = Duration::from_millis(100);
const BAR_AFTER: Duration = Duration::from_secs(2);
const LINE_EVERY: Duration = Duration::from_secs(10);
const STOPPING: &str = "stopping after the runs in hand; press Ctrl-C again to stop at once";

/// The first Ctrl-C ends the campaign in good order, the second one at once.
#[cfg(feature = "command")]
pub(crate) fn stop_on_interrupt(progress: &Arc<Progress>) {
    stop_by(progress.clone(), |progress| &progress.stop);
}

/// The first Ctrl-C sets a flag, the second one ends the program at once.
#[cfg(feature = "command")]
pub(crate) fn stop_by<T: Send + Sync + 'static>(
    shared: Arc<T>,
    flag: impl Fn(&T) -> &AtomicBool + Send + 'static,
) {
    let handler = move || {
        if flag(&shared).swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(crate::base::Status::Interrupted.code()));
        }
    };
    // It fails only if there is a handler already, or no signals; then Ctrl-C does what it does without us.
    let _ = ctrlc::set_handler(handler);
}

/// When a campaign ends if nothing ends it before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    /// So many runs; none if only the time counts.
    pub(crate) runs: Option<u64>,
    /// Runs that another process made before.
    pub(crate) runs_before: u64,
    /// After so much time.
    pub(crate) time: Option<Duration>,
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

/// What is shown of work that goes on.
pub(crate) struct View<'a> {
    /// Set when it is to end early.
    pub(crate) stop: &'a AtomicBool,
    /// How far it is after so much time, in thousandths.
    pub(crate) share: &'a (dyn Fn(Duration) -> u64 + Sync),
    /// The same, and what else is known, in words.
    pub(crate) state: &'a (dyn Fn(Duration) -> String + Sync),
}

/// Makes the runs of a campaign, and shows how far it is.
pub(crate) fn watched<T>(progress: &Progress, goal: Goal, watch: Stopwatch, work: impl FnOnce() -> T) -> T {
    let share = |elapsed| {
        let share = goal.progress(progress.runs.load(Ordering::Relaxed), elapsed);
        share.map_or(0, |(share, _)| share)
    };
    let state = |elapsed| state(progress, goal, elapsed);
    watched_by(&View { stop: &progress.stop, share: &share, state: &state }, watch, work)
}

/// Does the work, and shows how far it is.
pub(crate) fn watched_by<T>(view: &View<'_>, watch: Stopwatch, work: impl FnOnce() -> T) -> T {
    let (working, finished) = bounded::<()>(0);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            #[cfg(feature = "command")]
            if stderr().is_terminal() {
                return show_bar(view, watch, &finished);
            }
            show_lines(view, watch, &finished);
        });
        let result = work();
        drop(working);
        result
    })
}

fn still_working(finished: &Receiver<()>) -> bool {
    finished.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout)
}

#[cfg(feature = "command")]
fn show_bar(view: &View<'_>, watch: Stopwatch, finished: &Receiver<()>) {
    let mut bar: Option<ProgressBar> = None;
    let mut told = false;
    while still_working(finished) {
        if view.stop.load(Ordering::Relaxed) && !told {
            told = true;
            match &bar {
                None => drop(writeln!(stderr(), "{STOPPING}")),
                Some(bar) => bar.suspend(|| drop(writeln!(stderr(), "\n{STOPPING}"))),
            }
        }
        if watch.elapsed() >= BAR_AFTER {
            let bar = bar.get_or_insert_with(|| ProgressBar::new(1000).with_style(bar_style()));
            bar.set_position((view.share)(watch.elapsed()));
            bar.set_message((view.state)(watch.elapsed()));
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

#[cfg(feature = "command")]
fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("[{bar:12}] {msg}").expect("the template is right").progress_chars("=> ")
}

fn show_lines(view: &View<'_>, watch: Stopwatch, finished: &Receiver<()>) {
    let mut next = LINE_EVERY;
    let mut told = false;
    while still_working(finished) {
        if view.stop.load(Ordering::Relaxed) && !told {
            told = true;
            let _ = writeln!(stderr(), "{STOPPING}");
        }
        if watch.elapsed() >= next {
            next += LINE_EVERY;
            let _ = writeln!(stderr(), "{}", (view.state)(watch.elapsed()));
        }
    }
}

fn state(progress: &Progress, goal: Goal, elapsed: Duration) -> String {
    let (runs, failed) = (progress.runs.load(Ordering::Relaxed), progress.failed.load(Ordering::Relaxed));
    let failures = things(failed, "failure", "failures");
    let speed = count(per_second(runs, elapsed));
    let all = goal.runs.map_or_else(String::new, |all| format!("/{}", count(all)));
    let done = format!("{}{all} runs, {speed}/s, {failures}", count(runs + goal.runs_before));
    match goal.progress(runs, elapsed) {
        Some((_, left)) => format!("{done}, {} left", duration(left)),
        None => done,
    }
}

/// Makes a run smaller, and shows how far that is: on a terminal in a line that is written over, elsewhere in one every ten
/// seconds. `stop` ends it, besides the progress's own.
pub(crate) fn watch_shrinking<T>(
    progress: &shrink::Progress,
    stop: Option<&AtomicBool>,
    work: impl FnOnce() -> T,
) -> T {
    let (working, finished) = bounded::<()>(0);
    std::thread::scope(|scope| {
        scope.spawn(move || show_shrinking(progress, stop, &finished));
        let result = work();
        drop(working);
        result
    })
}

fn show_shrinking(progress: &shrink::Progress, stop: Option<&AtomicBool>, finished: &Receiver<()>) {
    let on_terminal = stderr().is_terminal();
    let watch = Stopwatch::start();
    let mut next = if on_terminal { TICK * 3 } else { LINE_EVERY };
    let mut shown = false;
    while still_working(finished) {
        if stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            progress.stop.store(true, Ordering::Relaxed);
        }
        if watch.elapsed() < next {
            continue;
        }
        next += if on_terminal { TICK } else { LINE_EVERY };
        let state = shrinking_state(progress);
        // Standard error may be closed; then there is nobody to tell.
        let _ = if on_terminal {
            shown = true;
            write!(stderr(), "\r\x1b[K{state}")
        } else {
            writeln!(stderr(), "{state}")
        };
    }
    if shown {
        let _ = write!(stderr(), "\r\x1b[K");
    }
}

fn shrinking_state(progress: &shrink::Progress) -> String {
    let [before, now, tries] =
        [&progress.ops_before, &progress.ops_now, &progress.tries].map(|count| count.load(Ordering::Relaxed));
    let tries = things(tries, "smaller run tried", "smaller runs tried");
    let stopping = if progress.stop.load(Ordering::Relaxed) { ", stopping" } else { "" };
    format!("{} -> {}, {tries}{stopping}", count(before), things(now, "operation", "operations"))
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
