//! What GitHub Actions shows of a campaign: annotations, which are lines of the log that it reads as commands, and a step
//! summary in Markdown.

use super::distinct::Distinct;
use crate::base::words::{count, duration, things};
use crate::campaign::Summary;
use std::time::Duration;

/// GitHub shows no more errors of a step.
const ANNOTATIONS_MAX: usize = 10;

/// A line for each thing that was found; the last one says how many more there are.
pub(crate) fn annotations(target: &str, found: &[Distinct]) -> String {
    let line = |title: &str, text: &str| {
        format!("::error title={}::{}\n", property(&format!("asl-sim {target}: {title}")), data(text))
    };
    let shown = if found.len() > ANNOTATIONS_MAX { ANNOTATIONS_MAX - 1 } else { found.len() };
    let mut lines: String = found[..shown].iter().map(|one| line(&one.signature, &one.lines())).collect();
    let others = (found.len() - shown) as u64;
    if others > 0 {
        lines += &line(
            "more",
            &format!("{}, in the step summary", things(others, "more failure", "more failures")),
        );
    }
    lines
}

/// What a command says, as GitHub unescapes it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The same for a value in front of it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The step summary: what was done, what was found and how to see it again, what was not exercised.
pub(crate) fn step_summary(
    heading: &str,
    summary: &Summary,
    found: &[Distinct],
    missing: &[&str],
    elapsed: Duration,
) -> String {
    let verdict = if found.is_empty() { "passed" } else { "failed" };
    let interrupted = if summary.interrupted { ", interrupted" } else { "" };
    let runs = things(summary.runs, "run", "runs");
    let mut text =
        format!("### asl-sim {}: {verdict}\n\n{runs} in {}{interrupted}\n", cell(heading), duration(elapsed));
    if !found.is_empty() {
        text += "\n| failure | runs | first seed | to see it again |\n|---|---:|---|---|\n";
        for one in found {
            let (signature, replay) = (cell(&one.signature), cell(&one.replay));
            text += &row(&[
                format!("`{signature}`"),
                count(one.count),
                format!("`{:#x}`", one.seed),
                format!("`{replay}`"),
            ]);
        }
    }
    if !summary.known.is_empty() {
        text += "\n| known failure | runs |\n|---|---:|\n";
        for (signature, number) in &summary.known {
            text += &row(&[format!("`{}`", cell(signature)), count(*number)]);
        }
    }
    let missing = if missing.is_empty() { "nothing".to_owned() } else { missing.join(", ") };
    text + &format!("\nNot exercised: {missing}\n\n")
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace(['\n', '\r'], " ").replace('|', "\\|").replace('`', "'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::distinct::tests::{found, summary};

    #[test]
    fn annotations_are_read_by_github_as_they_are_meant() {
        insta::assert_snapshot!(annotations("mine", &found()));
    }

    #[test]
    fn no_more_annotations_than_github_shows() {
        let many: Vec<Distinct> = (0..30).map(|_| found()[0].clone()).collect();
        let lines = annotations("mine", &many);
        assert_eq!(lines.lines().count(), 10);
        assert!(lines.ends_with("::21 more failures, in the step summary\n"), "{lines}");
    }

    #[test]
    fn a_step_summary_reads_as_it_does() {
        let elapsed = Duration::from_millis(1_930);
        insta::assert_snapshot!(step_summary("mine", &summary(), &found(), &["sync-eio"], elapsed));
    }
}
