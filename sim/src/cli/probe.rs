//! `asl-sim probe`: which axioms a bucket keeps.

use super::Status;
use super::args::ProbeArgs;
use super::conform::stop_on_interrupt;
use super::error::Error;
use super::out::Out;
use crate::tell::style::{BAD, GOOD, WARN};
use asl_probe::{AXIOMS, Finding, Options, Refused, RefusedKind};
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

pub(super) fn probe(args: &ProbeArgs, out: &mut Out) -> Result<Status, Error> {
    let usual = Options::default();
    let options = Options {
        prefix: args.prefix.clone(),
        racers: args.racers,
        keys: args.keys,
        keys_max: args.keys.max(usual.keys_max),
        race_time_max: args.race_for,
        request_timeout: args.timeout,
        stop: stop_on_interrupt(),
        ..usual
    };
    // Drawn on a terminal only.
    let progress = ProgressBar::new(AXIOMS.len() as u64);
    let style = ProgressStyle::with_template("{bar:20} {pos} of {len} axioms, {elapsed}  {msg}");
    progress.set_style(style.expect("the template is right"));
    let mut tell = |finding: &Finding| match finding {
        Finding::Begins { prefix, .. } => {
            progress.suspend(|| {
                anstream::eprintln!("all that is put lies below {prefix}; after a kill -9 it stays");
            });
            progress.enable_steady_tick(Duration::from_millis(200));
        }
        Finding::Axiom(row) => {
            progress.inc(1);
            progress.set_message(row.name);
        }
        Finding::Measured(_) => progress.set_message("removing what was put"),
    };
    let probed = asl_probe::probe(&args.url, &options, &mut tell);
    progress.finish_and_clear();
    let report = probed.map_err(refused)?;
    out.text(&coloured(&report.text(out.columns())));
    out.json(&report);
    Ok(match report.status {
        asl_probe::Status::Passed => Status::Passed,
        asl_probe::Status::Broken => Status::Violation,
        asl_probe::Status::Undecided => Status::Bound,
        asl_probe::Status::Interrupted => Status::Interrupted,
    })
}

/// A bucket that cannot be asked, as an error of this command line.
pub(super) fn refused(why: Refused) -> Error {
    let status = match why.kind {
        RefusedKind::Usage => Status::Usage,
        RefusedKind::Unavailable => Status::Unavailable,
        RefusedKind::Interrupted => Status::Interrupted,
    };
    let error = Error::new(why.line).status(status);
    if why.hint.is_empty() { error } else { error.hint(why.hint) }
}

/// The report with its verdicts in colour.
fn coloured(text: &str) -> String {
    let verdicts = [
        ("kept", GOOD),
        ("yes", GOOD),
        ("passed", GOOD),
        ("broken", BAD),
        ("no ", BAD),
        ("not offered", WARN),
        ("unknown", WARN),
        ("undecided", WARN),
        ("interrupted", WARN),
    ];
    let mut all = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let said = line.trim_start();
        let (indent, found) =
            (line.len() - said.len(), verdicts.iter().find(|(word, _)| said.starts_with(word)));
        match found {
            Some((word, style)) if indent <= 2 => {
                let word_len = word.len();
                let word = format!("{style}{word}{style:#}");
                all.extend([&line[..indent], &word, &said[word_len..]]);
            }
            _ => all += line,
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_coloured_where_a_line_begins_with_one_and_nothing_else_changes() {
        let text =
            "probe of x\n  kept         create-absent\n  broken       create-racing   no luck\nnot checked\n";
        let shown = coloured(text);
        assert_eq!(anstream::adapter::strip_str(&shown).to_string(), text);
        assert_eq!(shown.matches("\u{1b}[0m").count(), 2, "{shown:?}");
    }
}
