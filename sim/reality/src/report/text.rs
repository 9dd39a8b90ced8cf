//! For a terminal.

use super::{Surroundings, ms_per_image, witnessed};
use crate::examine::Tally;
use std::fmt::Write as _;

/// Findings that are told in full on the terminal.
const FINDINGS_TOLD_MAX: usize = 3;

/// The report.
pub fn text(surroundings: &Surroundings, tallies: &[Tally]) -> String {
    let Surroundings { kernel, date, seed, skipped } = surroundings;
    let mut text = format!("Linux {kernel}, {date}, seed {seed}\n\n");
    text.push_str(&summary(tallies));
    for tally in tallies.iter().filter(|tally| tally.interrupted) {
        let _ = writeln!(text, "{} was interrupted", tally.arm);
    }
    for tally in tallies.iter().filter(|tally| !tally.litmus.is_empty()) {
        let _ = write!(
            text,
            "\n{}: states after the last step of each litmus program\n{}",
            tally.arm,
            litmus(tally)
        );
    }
    for tally in tallies {
        for finding in tally.findings.iter().take(FINDINGS_TOLD_MAX) {
            let _ = write!(text, "\n---- {finding}");
        }
        let told = tally.findings_count.min(FINDINGS_TOLD_MAX as u64);
        if tally.findings_count > told {
            let more = tally.findings_count - told;
            let _ = writeln!(text, "\n{more} more findings on {}; --out DIR writes them to files", tally.arm);
        }
    }
    for why in skipped {
        let _ = writeln!(text, "SKIPPED {why}");
    }
    text
}

fn summary(tallies: &[Tally]) -> String {
    let header =
        ["", "programs", "crash points", "images", "states", "outside", "ms/image"].map(str::to_owned);
    let row = |tally: &Tally| {
        let numbers = [tally.programs, tally.crash_points, tally.images, tally.states, tally.findings_count];
        let [programs, crash_points, images, states, outside] = numbers.map(|number| number.to_string());
        let ms = ms_per_image(tally).to_string();
        [tally.arm.to_owned(), programs, crash_points, images, states, outside, ms]
    };
    let rows: Vec<[String; 7]> = std::iter::once(header).chain(tallies.iter().map(row)).collect();
    table(&rows)
}

fn litmus(tally: &Tally) -> String {
    let header = ["  program", "allowed", "seen", "never seen"].map(str::to_owned);
    let rows = tally.litmus.iter().map(|witness| {
        let (allowed, seen, missing) = witnessed(witness);
        [format!("  {}", witness.name), allowed, seen, missing]
    });
    table(&std::iter::once(header).chain(rows).collect::<Vec<_>>())
}

/// Columns: the first to the left, those in the middle to the right, the last as it comes.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cell = |(column, cell): (usize, &String)| match column {
            0 => format!("{cell:<width$}", width = widths[0]),
            last if last == N - 1 => format!("  {cell}"),
            _ => format!("  {cell:>width$}", width = widths[column]),
        };
        let line: String = row.iter().enumerate().map(cell).collect();
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
