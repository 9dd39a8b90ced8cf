//! A failure, for people: what broke, how it came to that, and how to see it again.

use super::style::{BAD, BOLD, DIM};
use crate::base::words::wrapped;
use crate::check::Violation;
use crate::trial::Trial;

/// What a failure is called when a run hung.
pub(crate) const HANG: &str = "hang";

/// The first broken invariant, or [`HANG`]; none if the run passed.
pub(crate) fn primary(trial: &Trial) -> Option<&'static str> {
    let violation = trial.verdict.primary().map(Violation::name);
    violation.or_else(|| trial.outcome.history.stuck().map(|_| HANG))
}

/// What broke: the invariant, its sentence, and what was seen.
pub(crate) fn headline(trial: &Trial, columns: usize) -> String {
    match trial.verdict.primary() {
        Some(violation) => {
            let sentence = wrapped(violation.sentence(), 2, columns);
            let seen = wrapped(&violation.text, 2, columns);
            format!("{BAD}violation: {}{BAD:#}\n  {DIM}{sentence}{DIM:#}\n  {seen}\n", violation.name())
        }
        None => {
            let why = trial.outcome.history.stuck().unwrap_or("it passed");
            format!("{BAD}hang{BAD:#}\n  {}\n", wrapped(why, 2, columns))
        }
    }
}

/// The story, indented, with the line that broke the invariant brought out.
pub(crate) fn story(lines: &[String]) -> String {
    let styled = lines.iter().map(|line| {
        if line.starts_with('>') {
            format!("  {BAD}{line}{BAD:#}\n")
        } else if line.starts_with("  ...") {
            format!("  {DIM}{line}{DIM:#}\n")
        } else {
            format!("  {line}\n")
        }
    });
    styled.collect()
}

/// Invariants that broke besides the first.
pub(crate) fn also_broken(trial: &Trial, columns: usize) -> String {
    let others: Vec<&str> = trial.verdict.violations.iter().skip(1).map(Violation::name).collect();
    if others.is_empty() {
        return String::new();
    }
    field("also", &wrapped(&others.join(", "), 13, columns))
}

/// A line that names something: aligned with the others.
pub(crate) fn field(name: &str, value: &str) -> String {
    format!("  {BOLD}{name:<9}{BOLD:#}  {value}\n")
}
