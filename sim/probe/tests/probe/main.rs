//! Probes of buckets whose behaviour is known: in memory, in files, in memory with one axiom broken, servers that are no buckets, and real
//! servers if the environment names one.

mod buckets;
mod findings;
mod real;
mod refusals;
mod servers;

use asl_probe::{Options, Report, Row, Verdict};
use std::time::Duration;

/// Options for a bucket that is quick: the test is not to take long.
fn quick() -> Options {
    Options {
        keys_max: 20,
        race_time_max: Duration::from_secs(5),
        measure_time: Duration::from_millis(20),
        ..Options::default()
    }
}

fn row<'a>(report: &'a Report, name: &str) -> &'a Row {
    report.row(name).unwrap_or_else(|| panic!("there is no row {name}"))
}

/// The names of the axioms with this verdict.
fn names(report: &Report, verdict: Verdict) -> Vec<&'static str> {
    report.axioms.iter().filter(|row| row.verdict == verdict).map(|row| row.name).collect()
}
