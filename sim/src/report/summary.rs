//! The summary of a campaign, for people.

use super::exercised::{Expected, faults};
use crate::base::words::{count, duration, grid, per_second, things, wrapped};
use crate::campaign::Summary;
use crate::tell::style::{BAD, BOLD, DIM, GOOD, WARN};
use std::collections::BTreeMap;
use std::time::Duration;

/// What was done, what was found, and what was not exercised.
/// `not_repeated`: why runs could not be repeated in another process, if so.
pub(crate) fn text(
    summary: &Summary,
    expected: &Expected<'_>,
    not_repeated: Option<&str>,
    elapsed: Duration,
    columns: usize,
) -> String {
    let mut missing = expected.missing(summary);
    missing.extend(not_repeated.map(|_| "determinism"));
    [
        verdict(summary, elapsed),
        signatures(summary),
        known(summary),
        crashes(summary, columns),
        injected(summary, columns),
        checked(summary, expected),
        determinism(summary, not_repeated, columns),
        not_exercised(&missing, columns),
    ]
    .concat()
}

fn heading(text: &str) -> String {
    format!("{BOLD}{text}{BOLD:#}\n")
}

fn verdict(summary: &Summary, elapsed: Duration) -> String {
    let speed = count(per_second(summary.runs, elapsed));
    let end = if summary.time_is_up { ", when the time was up" } else { "" };
    let runs = things(summary.runs, "run", "runs");
    let pace = format!("{runs} in {}, {speed} runs/s{end}", duration(elapsed));
    match (summary.failed + summary.fatal.len() as u64, summary.interrupted) {
        (0, _) if summary.bug.is_some() => format!("{BAD}ended by a bug of asl-sim{BAD:#}: {pace}\n"),
        (0, _) if !summary.diverged.is_empty() => format!("{BAD}not deterministic{BAD:#}: {pace}\n"),
        (0, false) => format!("{GOOD}passed{GOOD:#}: {pace}\n"),
        (0, true) => format!("{WARN}interrupted{WARN:#}: nothing found in {pace}\n"),
        (failed, interrupted) => {
            let failed = things(failed, "failure", "failures");
            let interrupted = if interrupted { ", interrupted" } else { "" };
            format!("{BAD}failed{BAD:#}: {failed} in {pace}{interrupted}\n")
        }
    }
}

/// Which failures there are, if there is more than one.
fn signatures(summary: &Summary) -> String {
    if summary.failed < 2 {
        return String::new();
    }
    heading("failures by signature") + &by_number(&summary.signatures)
}

/// Which failures there are that are known.
fn known(summary: &Summary) -> String {
    if summary.known.is_empty() {
        return String::new();
    }
    heading("known failures") + &by_number(&summary.known)
}

/// Signatures, those that came most often first.
fn by_number(signatures: &BTreeMap<String, u64>) -> String {
    let mut sorted: Vec<(&String, u64)> = signatures.iter().map(|(name, count)| (name, *count)).collect();
    sorted.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let width = sorted.first().map_or(0, |&(_, most)| count(most).len());
    let rows =
        sorted.iter().map(|&(signature, number)| format!("  {:>width$}  {signature}\n", count(number)));
    rows.collect()
}

fn crashes(summary: &Summary, columns: usize) -> String {
    let total = |name: &str| summary.totals.get(name);
    let cells = [
        ("kills", total("kill")),
        ("power losses", total("power-loss")),
        ("inside recovery", total("crash-in-recovery")),
        ("crash states decided", total("crash-states")),
    ];
    heading("crashes") + &grid(&cells, 2, columns)
}

fn injected(summary: &Summary, columns: usize) -> String {
    let injected: Vec<_> = faults(summary).into_iter().filter(|(_, count)| *count > 0).collect();
    let table = if injected.is_empty() { "  none\n".to_owned() } else { grid(&injected, 2, columns) };
    heading("faults injected") + &table
}

fn checked(summary: &Summary, expected: &Expected<'_>) -> String {
    let (armed, due) = expected.invariants(summary);
    format!("{}  {armed} of the {due} that apply\n", heading("invariants checked"))
}

fn determinism(summary: &Summary, not_repeated: Option<&str>, columns: usize) -> String {
    let mut lines = Vec::new();
    if summary.repeated > 0 {
        let repeated = things(summary.repeated, "run", "runs");
        let how = match summary.diverged.len() as u64 {
            0 => "and did the same".to_owned(),
            diverged => format!("{} did something else", count(diverged)),
        };
        lines.push(format!("{repeated} repeated in another process, {how}"));
    }
    if let Some(why) = not_repeated {
        let more = if summary.repeated > 0 { "no more runs were repeated" } else { "not checked" };
        lines.push(wrapped(&format!("{more}: {why}"), 2, columns));
    }
    if lines.is_empty() {
        return String::new();
    }
    format!("{}  {}\n", heading("determinism"), lines.join("\n  "))
}

fn not_exercised(missing: &[&str], columns: usize) -> String {
    if missing.is_empty() {
        return heading("not exercised") + "  nothing\n";
    }
    let list = wrapped(&missing.join(", "), 2, columns);
    format!("{WARN}not exercised{WARN:#}\n  {list}\n  {DIM}more seeds may reach them{DIM:#}\n")
}
