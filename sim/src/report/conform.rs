//! What a conform prints: a heading for each group, a line for each check, and what came of it all.

use crate::base::words::{duration, program, things, wrapped};
use crate::conform::{Checked, Medium, Outcome, Report};
use crate::surroundings::Syncs;
use crate::tell::style::{BAD, BOLD, DIM, GOOD, WARN};
use serde::Serialize;
use std::time::Duration;

/// Where the sentence of a check begins in its line.
const INDENT: usize = 21;

/// A line of JSON. Fields may be added; none is renamed or taken away.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Line<'a> {
    Start {
        target: &'a str,
        location: &'a str,
        /// Empty on a bucket.
        file_system: &'a str,
        /// Empty on a bucket.
        device: &'a str,
        /// The URL that all lies below, on a bucket.
        prefix: Option<&'a str>,
        cases: usize,
    },
    Case {
        group: &'a str,
        name: &'a str,
        /// `passed`, `failed` or `skipped`.
        result: &'a str,
        /// Why it failed or was skipped, or what it was carried out on.
        reason: Option<&'a str>,
        /// Whether it failed because it did not end.
        hung: bool,
        elapsed_s: f64,
    },
    Summary {
        passed: usize,
        failed: usize,
        skipped: usize,
        hangs: usize,
        elapsed_s: f64,
        interrupted: bool,
    },
}

/// A sentence from a name.
pub(crate) fn sentence(name: &str) -> String {
    name.replace('_', " ")
}

/// What is tried, where, and what a sync means there.
pub(crate) fn heading(target: &str, location: &str, medium: Medium<'_>, columns: usize) -> String {
    let first = format!("{BOLD}target{BOLD:#} {target}  {BOLD}location{BOLD:#} {location}");
    let (first, note) = match medium {
        Medium::FileSystem(on) => {
            let first = format!("{first}  {BOLD}file system{BOLD:#} {on}\n");
            match on.syncs() {
                Syncs::Durable => return first,
                Syncs::Nothing(why) => (first, format!("nothing outlives a loss of power here: {why}")),
                Syncs::Depends(what) => {
                    (first, format!("whether a sync outlives a loss of power depends on {what}"))
                }
            }
        }
        Medium::Bucket(prefix) => {
            let note = format!(
                "all that is made lies below {prefix}, and is removed at the end; after a kill -9 it stays"
            );
            (format!("{first}\n"), note)
        }
    };
    format!("{first}{DIM}{}{DIM:#}\n", wrapped(&note, 0, columns))
}

/// The line above the checks of a group.
pub(crate) fn group(name: &str, about: &str) -> String {
    format!("\n{BOLD}{name}{BOLD:#}{DIM}: {about}{DIM:#}\n")
}

fn milliseconds(elapsed: Duration) -> String {
    format!("{} ms", elapsed.as_millis())
}

/// The line of a check, and if it did not pass, those that say why.
pub(crate) fn line(checked: &Checked, deadline: Duration, again: &str, columns: usize) -> String {
    let more = |text: &str| format!("{:INDENT$}{}\n", "", wrapped(text, INDENT, columns));
    let (style, word) = match &checked.outcome {
        Outcome::Passed => (GOOD, "passed"),
        Outcome::Failed(_) => (BAD, "failed"),
        Outcome::Hung => (BAD, "hung"),
        Outcome::NotOffered(_) | Outcome::Skipped(_) => (WARN, "skipped"),
    };
    let time = match &checked.outcome {
        Outcome::NotOffered(_) | Outcome::Skipped(_) => String::new(),
        _ => milliseconds(checked.elapsed),
    };
    let note = if checked.note.is_empty() { String::new() } else { format!(" ({})", checked.note) };
    let said = wrapped(&format!("{}{note}", sentence(checked.name)), INDENT, columns);
    let line = format!("  {style}{word:<7}{style:#}  {time:>8}  {said}\n");
    match &checked.outcome {
        Outcome::Passed => line,
        Outcome::NotOffered(what) => format!("{line}{DIM}{}{DIM:#}", more(what)),
        Outcome::Skipped(why) => format!("{line}{DIM}{}{DIM:#}", more(why)),
        Outcome::Failed(why) => format!("{line}{}{:INDENT$}again: {again}\n", more(why), ""),
        Outcome::Hung => {
            let why = format!("still running after {}", duration(deadline));
            format!("{line}{}{:INDENT$}again: {again}\n", more(&why), "")
        }
    }
}

/// The object of a check.
pub(crate) fn object<'a>(checked: &'a Checked, hung: &'a str) -> Line<'a> {
    let note = (!checked.note.is_empty()).then_some(checked.note.as_str());
    let (result, reason) = match &checked.outcome {
        Outcome::Passed => ("passed", note),
        Outcome::Failed(why) => ("failed", Some(why.as_str())),
        Outcome::Hung => ("failed", Some(hung)),
        Outcome::NotOffered(what) => ("skipped", Some(*what)),
        Outcome::Skipped(why) => ("skipped", Some(why.as_str())),
    };
    Line::Case {
        group: checked.group,
        name: checked.name,
        result,
        reason,
        hung: checked.outcome == Outcome::Hung,
        elapsed_s: seconds(checked.elapsed),
    }
}

fn seconds(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 1000.0).round() / 1000.0
}

/// How many checks had each outcome.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    passed: usize,
    failed: usize,
    hung: usize,
    skipped: usize,
}

fn counted(report: &Report) -> Counts {
    let mut counts = Counts::default();
    for check in &report.checks {
        *match check.outcome {
            Outcome::Passed => &mut counts.passed,
            Outcome::Failed(_) => &mut counts.failed,
            Outcome::Hung => &mut counts.hung,
            Outcome::NotOffered(_) | Outcome::Skipped(_) => &mut counts.skipped,
        } += 1;
    }
    counts
}

/// What came of all checks, for people.
pub(crate) fn summary(report: &Report, elapsed: Duration, columns: usize) -> String {
    let Counts { passed, failed, hung, skipped } = counted(report);
    let cases = things(report.checks.len() as u64, "case", "cases");
    let (style, word) = match (failed + hung, report.interrupted) {
        (0, true) => (WARN, "interrupted"),
        (0, false) => (GOOD, "passed"),
        _ => (BAD, "failed"),
    };
    let counts = [(passed, "passed"), (failed, "failed"), (hung, "hung"), (skipped, "skipped")];
    let told = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    let told: Vec<String> = told.collect();
    let told = if passed == report.checks.len() { String::new() } else { format!(": {}", told.join(", ")) };
    let first = format!("\n{style}{word}{style:#}: {cases} in {}{told}\n", duration(elapsed));
    let power = wrapped(
        &format!(
            "not checked here: the loss of power and failing calls, which `{} run` simulates",
            program()
        ),
        0,
        columns,
    );
    let wanting = report.checks.iter().any(|check| matches!(check.outcome, Outcome::Skipped(_)));
    let wanted = if wanting {
        format!("{DIM}`{} doctor` says what this machine would need for what was skipped{DIM:#}\n", program())
    } else {
        String::new()
    };
    format!("{first}{wanted}{DIM}{power}{DIM:#}\n")
}

/// What came of all checks, for programs.
pub(crate) fn summary_object(report: &Report, elapsed: Duration) -> Line<'static> {
    let Counts { passed, failed, hung, skipped } = counted(report);
    Line::Summary {
        passed,
        failed: failed + hung,
        skipped,
        hangs: hung,
        elapsed_s: seconds(elapsed),
        interrupted: report.interrupted,
    }
}
