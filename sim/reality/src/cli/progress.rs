//! What is shown while it goes on, and what Ctrl-C does to it.
//!
//! On a terminal there is a bar, elsewhere a line every ten seconds; nothing in the first two seconds.

use crate::examine::Progress;
use asl_sim::campaign::Stopwatch;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write, stderr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

const TICK: Duration = Duration::from_millis(100);
const BAR_AFTER: Duration = Duration::from_secs(2);
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The first Ctrl-C ends it in good order after the crash image or the program in hand, the second one at once.
pub(super) fn stop_on_interrupt(progress: &Arc<Progress>) {
    let progress = progress.clone();
    let handler = move || {
        if progress.stop.swap(true, Ordering::Relaxed) {
            // The process that mounts cleans up when we are gone.
            std::process::exit(i32::from(super::Status::Interrupted.code()));
        }
        let _ = writeln!(stderr(), "\nstopping in good order; press Ctrl-C again to stop at once");
    };
    // It fails only if there is a handler already, or no signals; then Ctrl-C does what it does without us.
    let _ = ctrlc::set_handler(handler);
}

/// Does the work on an arm, and shows how far it is.
pub(super) fn watched<T>(arm: &str, progress: &Progress, crash_points: u64, work: impl FnOnce() -> T) -> T {
    progress.crash_points.store(0, Ordering::Relaxed);
    let (working, finished) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || show(arm, progress, crash_points, &finished));
        let result = work();
        drop(working);
        result
    })
}

fn show(arm: &str, progress: &Progress, crash_points: u64, finished: &Receiver<()>) {
    let watch = Stopwatch::start();
    let style = ProgressStyle::with_template("[{bar:12}] {msg}").expect("the template is right");
    let on_terminal = stderr().is_terminal();
    let mut bar: Option<ProgressBar> = None;
    let mut next_line = LINE_EVERY;
    while finished.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        let done = progress.crash_points.load(Ordering::Relaxed);
        let state = || {
            let findings = progress.findings.load(Ordering::Relaxed);
            format!("{arm}: {done}/{crash_points} crash points, {findings} findings")
        };
        if on_terminal && watch.elapsed() >= BAR_AFTER {
            let new = || ProgressBar::new(crash_points).with_style(style.clone().progress_chars("=> "));
            let bar = bar.get_or_insert_with(new);
            bar.set_position(done);
            bar.set_message(state());
        } else if !on_terminal && watch.elapsed() >= next_line {
            next_line += LINE_EVERY;
            let _ = writeln!(stderr(), "{}", state());
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}
