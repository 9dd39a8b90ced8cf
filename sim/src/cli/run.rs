//! `asl-sim run`: a campaign of seeded runs.

use super::Status;
use super::args::RunArgs;
use super::determinism::{elsewhere, report_divergence};
use super::error::{Error, plain};
use super::failure::{Again, Subject, report_bug};
use super::out::Out;
use super::progress::{stop_on_interrupt, watched};
use super::wishes::{fault_list, find_target, options, wishes};
use crate::campaign::{self, Campaign, Conduct, Failure, Progress, Stopwatch, Summary};
use crate::determinism::{Diverged, Elsewhere};
use crate::report::exercised::{Expected, faults};
use crate::report::json::{self, Line};
use crate::report::layout::{count, things};
use crate::report::style::BOLD;
use crate::report::summary;
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Failures that are stored and printed when all are wanted; the others are counted.
const REPORTED_MAX: usize = 20;

pub(super) fn run(args: &RunArgs, out: &mut Out) -> Result<Status, Error> {
    let target = find_target(&args.target)?;
    let wishes = wishes(&args.world, &target)?;
    let subject = Subject::new(target, wishes)?;
    check_writable(&args.out)?;
    let campaign = Campaign {
        target: subject.target.clone(),
        wishes: subject.wishes.clone(),
        base_seed: args.seed.map_or_else(random_seed, Ok)?,
        seeds: args.seeds,
        jobs: args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
        keep_going: args.keep_going,
    };
    announce(&campaign, out);
    let sample = args.check_determinism.unwrap_or_default();
    let elsewhere = elsewhere(&subject, sample);
    let conduct = Conduct { elsewhere: elsewhere.as_ref().map(|elsewhere| (elsewhere, sample)) };
    let progress = Arc::new(Progress::default());
    stop_on_interrupt(&progress);
    let watch = Stopwatch::start();
    let summary =
        watched(&progress, campaign.seeds, watch, || campaign::run_with(&campaign, conduct, &progress));
    let elapsed = watch.elapsed();
    let mut status = report_failures(&subject, &summary, elsewhere.as_ref(), &args.out, out);
    if let Some((seed, said)) = &summary.bug {
        status = status.and(report_bug(Some(*seed), said, &subject.replay_command(*seed), out));
    }
    let not_repeated = elsewhere.as_ref().and_then(Elsewhere::why_not);
    report_summary(&subject, &summary, not_repeated.as_deref(), elapsed, out);
    if summary.interrupted {
        status = status.and(Status::Interrupted);
    }
    Ok(status)
}

/// Whether cases can be stored there, before hours are spent on finding some. Makes nothing that stays.
fn check_writable(dir: &Path) -> Result<(), Error> {
    let mut existing = dir;
    while let (Err(error), Some(parent)) = (existing.symlink_metadata(), existing.parent()) {
        if error.kind() != io::ErrorKind::NotFound {
            break;
        }
        existing = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    }
    tempfile::NamedTempFile::new_in(existing).map(drop).map_err(|error| {
        let why =
            if existing.is_file() { format!("{} is a file", existing.display()) } else { plain(&error) };
        Error::new(format!("cannot store cases in {:?}: {why}", dir.display().to_string()))
            .hint("name a directory that can be written with --out DIR")
    })
}

fn random_seed() -> Result<u64, Error> {
    let mut bytes = [0; 8];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    let refused = |error| {
        Error::new(format!("cannot draw a seed from /dev/urandom: {error}")).hint("give one with --seed")
    };
    read.map_err(refused)?;
    Ok(u64::from_ne_bytes(bytes))
}

fn announce(campaign: &Campaign, out: &mut Out) {
    let Campaign { target, wishes, base_seed, seeds, jobs, .. } = campaign;
    let (target, profile, base_seed) = (target.name(), wishes.profile.as_str(), json::seed(*base_seed));
    out.text(&format!(
        "{BOLD}target{BOLD:#} {target}  {BOLD}profile{BOLD:#} {profile}  {BOLD}faults{BOLD:#} {}  \
         {BOLD}base seed{BOLD:#} {base_seed}\n{}, {}{}\n\n",
        fault_list(wishes),
        things(*seeds, "seed", "seeds"),
        things(*jobs as u64, "job", "jobs"),
        options_note(&options(wishes)),
    ));
    out.json(&Line::Start { target, profile, base_seed, seeds: *seeds, jobs: *jobs });
}

fn options_note(options: &str) -> String {
    if options.is_empty() { String::new() } else { format!(", with{options}") }
}

fn report_failures(
    subject: &Subject,
    summary: &Summary,
    elsewhere: Option<&Elsewhere>,
    dir: &Path,
    out: &mut Out,
) -> Status {
    let mut status = Status::Passed;
    // One is enough to know that nothing else can be relied on.
    if let Some(Diverged { seed, here, there, .. }) = summary.diverged.first() {
        status = report_divergence(subject, *seed, &[*here, *there], elsewhere, out);
    }
    let chosen = chosen(&summary.failures);
    for failure in &chosen {
        let seed = failure.seed;
        status = status.and(match subject.again(seed, Some(failure.trace)) {
            Again::Settled(trial) => subject.report(&trial, seed, dir, out),
            Again::Diverged(hashes) => report_divergence(subject, seed, &hashes, elsewhere, out),
            Again::Bug(said) => report_bug(Some(seed), &said, &subject.replay_command(seed), out),
        });
    }
    let others = summary.failed - chosen.len() as u64;
    if others > 0 {
        out.text(&format!("{} more failures are counted below, and not stored\n\n", count(others)));
    }
    // What is not printed decides the status too.
    for failure in &summary.failures {
        status = status.and(if failure.hang { Status::Hang } else { Status::Violation });
    }
    status
}

/// The first failure of each signature, and then others up to the limit, in the order of their seeds.
fn chosen(failures: &[Failure]) -> Vec<&Failure> {
    let mut seen = BTreeSet::new();
    let (first, others): (Vec<&Failure>, Vec<&Failure>) =
        failures.iter().partition(|failure| seen.insert(&failure.signature));
    let mut chosen: Vec<&Failure> = first.into_iter().chain(others).take(REPORTED_MAX).collect();
    chosen.sort_by_key(|failure| failure.index);
    chosen
}

fn report_summary(
    subject: &Subject,
    summary: &Summary,
    not_repeated: Option<&str>,
    elapsed: Duration,
    out: &mut Out,
) {
    let expected = Expected::new(&subject.wishes, &subject.capabilities);
    out.text(&summary::text(summary, &expected, not_repeated, elapsed, out.columns()));
    let mut not_exercised = expected.missing(summary);
    not_exercised.extend(not_repeated.map(|_| "determinism"));
    let hangs =
        summary.signatures.iter().filter(|(name, _)| name.starts_with("hang/")).map(|(_, count)| count).sum();
    let total = |name: &str| summary.totals.get(name);
    out.json(&Line::Summary(json::Summary {
        runs: summary.runs,
        violations: summary.failed - hangs,
        elapsed_s: (elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
        crashes: total("kill") + total("power-loss"),
        crash_states: total("crash-states"),
        not_exercised,
        hangs,
        signatures: &summary.signatures,
        faults: faults(summary).into_iter().filter(|(_, count)| *count > 0).collect(),
        interrupted: summary.interrupted,
        repeated: summary.repeated,
        nondeterministic: summary.diverged.len() as u64,
        not_repeated,
    }));
}
