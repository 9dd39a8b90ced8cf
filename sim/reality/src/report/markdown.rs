//! As Markdown, for the documentation.

use super::{Surroundings, ms_per_image, witnessed};
use crate::examine::Tally;
use std::fmt::Write as _;

/// The report.
pub fn markdown(surroundings: &Surroundings, tallies: &[Tally]) -> String {
    let Surroundings { kernel, date, seed, skipped } = surroundings;
    let mut text = format!("Linux {kernel}, {date}, seed {seed}.\n\n");
    text.push_str("| profile | programs | crash points | distinct images | distinct states | outside of the model | ms an image |\n");
    text.push_str("|---|---:|---:|---:|---:|---:|---:|\n");
    for tally in tallies {
        let Tally { arm, programs, crash_points, images, states, findings_count, .. } = tally;
        let ms = ms_per_image(tally);
        let _ = writeln!(
            text,
            "| {arm} | {programs} | {crash_points} | {images} | {states} | {findings_count} | {ms} |"
        );
    }
    for tally in tallies.iter().filter(|tally| !tally.litmus.is_empty()) {
        let _ = write!(
            text,
            "\n### {}\n\n| litmus program | property | allowed | seen | never seen |\n",
            tally.arm
        );
        text.push_str("|---|---|---:|---:|---|\n");
        for witness in &tally.litmus {
            let (allowed, seen, missing) = witnessed(witness);
            let missing = if missing.is_empty() {
                String::new()
            } else {
                format!("`{}`", missing.replace("; ", "`, `"))
            };
            let _ = writeln!(
                text,
                "| {} | {} | {allowed} | {seen} | {missing} |",
                witness.name, witness.property
            );
        }
    }
    for tally in tallies.iter().filter(|tally| tally.interrupted) {
        let _ = writeln!(text, "\n{} was interrupted.", tally.arm);
    }
    for tally in tallies.iter().filter(|tally| tally.findings_count > 0) {
        let _ = write!(text, "\n### Outside of the model: {}\n\n", tally.arm);
        for finding in &tally.findings {
            let _ = writeln!(text, "- {}", finding.headline());
        }
    }
    if !skipped.is_empty() {
        text.push_str("\nLeft out:\n\n");
        for why in skipped {
            let _ = writeln!(text, "- {why}");
        }
    }
    text
}
