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

/// Does the work, and shows how far it is.
pub(super) fn watched<T>(progress: &Progress, seeds: u64, watch: Stopwatch, work: impl FnOnce() -> T) -> T {
    let (working, finished) = bounded::<()>(0);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if stderr().is_terminal() {
                show_bar(progress, seeds, watch, &finished);
            } else {
                show_lines(progress, seeds, watch, &finished);
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

fn show_bar(progress: &Progress, seeds: u64, watch: Stopwatch, finished: &Receiver<()>) {
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
            let bar = bar.get_or_insert_with(|| ProgressBar::new(seeds).with_style(bar_style()));
            bar.set_position(progress.runs.load(Ordering::Relaxed));
            bar.set_message(state(progress, seeds, watch));
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("[{bar:12}] {msg}").expect("the template is right").progress_chars("=> ")
}

fn show_lines(progress: &Progress, seeds: u64, watch: Stopwatch, finished: &Receiver<()>) {
    let mut next = LINE_EVERY;
    let mut told = false;
    while still_working(finished) {
        if progress.stop.load(Ordering::Relaxed) && !told {
            told = true;
            let _ = writeln!(stderr(), "{STOPPING}");
        }
        if watch.elapsed() >= next {
            next += LINE_EVERY;
            let _ = writeln!(stderr(), "{}", state(progress, seeds, watch));
        }
    }
}

fn state(progress: &Progress, seeds: u64, watch: Stopwatch) -> String {
    let (runs, failed) = (progress.runs.load(Ordering::Relaxed), progress.failed.load(Ordering::Relaxed));
    let elapsed = watch.elapsed();
    let failures = things(failed, "failure", "failures");
    let speed = count(per_second(runs, elapsed));
    let done = format!("{}/{} runs, {speed}/s, {failures}", count(runs), count(seeds));
    if runs == 0 {
        return done;
    }
    let left_ms = elapsed.as_millis() * u128::from(seeds.saturating_sub(runs)) / u128::from(runs);
    let left = Duration::from_millis(u64::try_from(left_ms).unwrap_or(u64::MAX));
    format!("{done}, {} left", duration(left))
}
