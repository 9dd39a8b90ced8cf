//! What exhaustive search did and found, for people and for programs.

use crate::base::words::{count, duration, grid, per_second, program, things, wrapped};
use crate::check::INVARIANTS;
use crate::explore::{Found, Options, Report};
use crate::hosts::Target;
use crate::tell::failure::{HANG, primary};
use crate::tell::style::{BAD, BOLD, DIM, GOOD, WARN};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// A line for programs.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Line<'a> {
    Start {
        target: &'a str,
        profile: &'a str,
        ops: u32,
        crashes: u32,
        states_max: u64,
        workloads: u64,
        jobs: usize,
    },
    Violation(Failure<'a>),
    Hang(Failure<'a>),
    Summary {
        workloads: u64,
        crash_points: u64,
        states_recovered: u64,
        /// A number as text: it may be greater than what JSON's readers take.
        states_deduced: String,
        outcomes: usize,
        failures_injected: u64,
        /// Crash points that were sampled only.
        sampled: u64,
        complete: bool,
        signatures: &'a BTreeMap<String, u64>,
        elapsed_s: f64,
        interrupted: bool,
    },
}

#[derive(Debug, Serialize)]
pub(crate) struct Failure<'a> {
    invariant: &'a str,
    workload: &'a [&'static str],
    case: Option<String>,
    ops: usize,
    signature: String,
    trace_hash: String,
}

pub(crate) fn heading(target: &str, options: &Options, workloads: u64) -> String {
    let Options { ops, crashes, profile, states_max, jobs, .. } = options;
    format!(
        "{BOLD}target{BOLD:#} {target}  {BOLD}profile{BOLD:#} {}\n{} of up to {}, {} each, all states of a crash \
         point up to {}, {}\n\n",
        profile.as_str(),
        things(workloads, "workload", "workloads"),
        things(u64::from(*ops), "letter", "letters"),
        things(u64::from(*crashes), "crash", "crashes"),
        count(*states_max),
        things(*jobs as u64, "job", "jobs"),
    )
}

pub(crate) fn start<'a>(target: &'a str, options: &Options, workloads: u64) -> Line<'a> {
    let Options { ops, crashes, profile, states_max, jobs, .. } = *options;
    Line::Start { target, profile: profile.as_str(), ops, crashes, states_max, workloads, jobs }
}

pub(crate) fn violation(found: &Found, case: Option<String>) -> Line<'_> {
    let invariant = primary(&found.trial).unwrap_or_default();
    let failure = Failure {
        invariant,
        workload: &found.word,
        case,
        ops: found.trial.scenario.ops.len(),
        signature: found.trial.signature().unwrap_or_default(),
        trace_hash: found.trial.outcome.trace.to_string(),
    };
    if invariant == HANG { Line::Hang(failure) } else { Line::Violation(failure) }
}

pub(crate) fn summary(report: &Report, elapsed: Duration) -> Line<'_> {
    let counts = &report.counts;
    Line::Summary {
        workloads: counts.workloads,
        crash_points: counts.crash_points,
        states_recovered: counts.recovered,
        states_deduced: counts.deduced.to_string(),
        outcomes: report.outcomes.len(),
        failures_injected: counts.failures,
        sampled: counts.sampled,
        complete: report.complete(),
        signatures: &report.signatures,
        elapsed_s: (elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
        interrupted: report.interrupted,
    }
}

/// What was done and what was not.
pub(crate) fn text(
    report: &Report,
    options: &Options,
    target: &Target,
    elapsed: Duration,
    columns: usize,
) -> String {
    [verdict(report, elapsed), counts(report, columns), not_covered(report, options, target, columns)]
        .concat()
}

fn verdict(report: &Report, elapsed: Duration) -> String {
    let speed = count(per_second(report.counts.recovered, elapsed));
    let pace = format!("in {}, {speed} states/s", duration(elapsed));
    let failing: u64 = report.signatures.values().sum();
    if report.bug.is_some() {
        return format!("{BAD}ended by a bug of asl-sim{BAD:#}: {pace}\n");
    }
    if failing > 0 {
        return format!("{BAD}failed{BAD:#}: {} {pace}\n", things(failing, "failing path", "failing paths"));
    }
    if report.interrupted {
        return format!("{WARN}interrupted{WARN:#}: nothing found {pace}\n");
    }
    if report.complete() {
        format!("{GOOD}passed{GOOD:#}: complete, {pace}\n")
    } else {
        format!("{WARN}nothing found{WARN:#}, and not all was tried: {pace}\n")
    }
}

fn counts(report: &Report, columns: usize) -> String {
    let counts = &report.counts;
    let deduced = u64::try_from(counts.deduced).unwrap_or(u64::MAX);
    let cells = [
        ("workloads", counts.workloads),
        ("crash points", counts.crash_points),
        ("failures injected", counts.failures),
        ("states recovered", counts.recovered),
        ("states deduced", deduced),
        ("distinct outcomes", report.outcomes.len() as u64),
    ];
    format!("{BOLD}explored{BOLD:#}\n{}", grid(&cells, 1, columns))
}

fn not_covered(report: &Report, options: &Options, target: &Target, columns: usize) -> String {
    let mut lines = Vec::new();
    if report.counts.sampled > 0 {
        let points = things(report.counts.sampled, "crash point has", "crash points have");
        let bound = count(options.states_max);
        lines.push(format!(
            "{points} more than {bound} states, and the rest of them was sampled (--states-max)"
        ));
    }
    let capabilities = crate::trial::capabilities(target, &crate::scenario::generate::Wishes::default());
    let unchecked: Vec<&str> = INVARIANTS
        .iter()
        .enumerate()
        .filter(|(at, invariant)| {
            (invariant.applies)(&capabilities) && report.armed.get(*at).is_none_or(|&count| count == 0)
        })
        .map(|(_, invariant)| invariant.name)
        .collect();
    if !unchecked.is_empty() {
        lines.push(format!("never checked: {}", unchecked.join(", ")));
    }
    let failing = if options.failing_calls { "more than one call that fails" } else { "calls that fail" };
    lines.push(format!("{failing}, several clients, longer workloads: `{} run` draws those", program()));
    let lines = lines.iter().map(|line| format!("  {}\n", wrapped(line, 2, columns)));
    format!("{WARN}not covered{WARN:#}\n{DIM}{}{DIM:#}", lines.collect::<String>())
}
