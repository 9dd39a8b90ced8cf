//! `probe URL [--json]`: which axioms a bucket keeps. The command `asl-sim probe` does the same, with options.

use asl_probe::{Finding, Options, probe};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let json = words.iter().any(|word| word == "--json");
    let Some(url) = words.iter().find(|word| !word.starts_with("--")) else {
        eprintln!("usage: probe URL [--json]");
        return ExitCode::from(2);
    };
    let mut tell = |finding: &Finding| match finding {
        Finding::Begins { prefix, .. } => eprintln!("working below {prefix}"),
        Finding::Axiom(row) => eprint!("{}", row.text(100)),
        Finding::Measured(_) => eprintln!("removing what was put"),
    };
    match probe(url, &Options::default(), &mut tell) {
        Ok(report) if json => {
            println!("{}", serde_json::to_string_pretty(&report).expect("a report is JSON"));
            ExitCode::from(report.status.code())
        }
        Ok(report) => {
            println!("{}", report.text(100));
            ExitCode::from(report.status.code())
        }
        Err(refused) => {
            eprintln!("error: {}\n  {}", refused.line, refused.hint);
            ExitCode::from(refused.code())
        }
    }
}
