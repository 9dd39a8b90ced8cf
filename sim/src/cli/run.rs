//! `asl-sim run`: a campaign of seeded runs.

use super::Status;
use super::determinism::{elsewhere, report_divergence};
use super::error::{Error, plain};
use super::failure::{Keeping, Origin, report_bug};
use super::known;
use super::out::Out;
use super::publish::{Published, check_publishable, publish};
use super::resume::{begin, find, go_on, resume_command, tell, what_ended};
use super::run_args::{RunArgs, Time};
use super::targets::Targets;
use super::wishes::{fault_list, options, wishes};
use crate::base::Stopwatch;
use crate::base::words::{count, things};
use crate::campaign::keep::Keeper;
use crate::campaign::{self, Campaign, Conduct, Failure, Fatal, Progress, Summary};
use crate::determinism::{Diverged, Elsewhere, Ending};
use crate::failing::{Again, Subject};
use crate::report::exercised::{Expected, faults};
use crate::report::json::{self, Line};
use crate::report::progress::{Goal, stop_on_interrupt, watched};
use crate::report::summary;
use crate::tell::failure::field;
use crate::tell::style::{BAD, BOLD};
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Failures that are stored and printed when all are wanted; the others are counted.
const REPORTED_MAX: usize = 20;

pub(super) fn run(given: &RunArgs, targets: &Targets, out: &mut Out) -> Result<Status, Error> {
    let (mut args, found) = if given.resume {
        let (args, found) = find(given, targets)?;
        (args, Some(found))
    } else {
        (given.clone(), None)
    };
    let target = targets.find(&args.target)?;
    let wishes = wishes(&args.world, &target)?;
    let known = args.known.as_deref().map(known::read).transpose()?;
    let subject = Subject::new(target, wishes).map_err(Error::new)?;
    let existing = check_writable(&args.out)?;
    args.junit.as_deref().map(check_publishable).transpose()?;
    args.seed = Some(args.seed.map_or_else(random_seed, Ok)?);
    let campaign = campaign(&args, &subject);
    let keeper = match found {
        Some(found) => Some(go_on(found, &subject, out)?),
        None => begin(&args),
    };
    announce(&campaign, &args, out);
    let sample = args.check_determinism.unwrap_or_default();
    let elsewhere = elsewhere(&subject, sample);
    let before = keeper.as_ref().map_or(Duration::ZERO, Keeper::elapsed_before);
    let conduct = Conduct {
        elsewhere: elsewhere.as_ref().map(|elsewhere| (elsewhere, sample)),
        shard: args.shard.unwrap_or_default(),
        time_max: args.time.map(|Time(time)| time.saturating_sub(before)),
        runs_min: 0,
        known: known.as_ref(),
        keeper: keeper.as_ref(),
    };
    let progress = Arc::new(Progress::default());
    let (summary, elapsed) = carry_out(&campaign, conduct, &progress);
    let keeping =
        Keeping { dir: &args.out, shrink_for: args.shrink_for, jobs: campaign.jobs, stop: &progress.stop };
    let found = Findings { summary: &summary, elapsed: before + elapsed, elsewhere: elsewhere.as_ref() };
    let status = report(&subject, &found, &keeping, &args, out);
    end(keeper, &args, &summary, &existing, out);
    Ok(status)
}

/// What came of a campaign, and what it takes to look into it.
struct Findings<'a> {
    summary: &'a Summary,
    elapsed: Duration,
    elsewhere: Option<&'a Elsewhere>,
}

fn campaign(args: &RunArgs, subject: &Subject) -> Campaign {
    Campaign {
        target: subject.target.clone(),
        wishes: subject.wishes.clone(),
        base_seed: args.seed.expect("it was given or drawn"),
        seeds: args.seeds(),
        jobs: args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
        keep_going: args.keep_going,
    }
}

/// Makes the runs, and shows how far they are.
fn carry_out(campaign: &Campaign, conduct: Conduct<'_>, progress: &Arc<Progress>) -> (Summary, Duration) {
    stop_on_interrupt(progress);
    let watch = Stopwatch::start();
    let goal = Goal {
        runs: (campaign.seeds < u64::MAX).then(|| conduct.shard.count(campaign.seeds)),
        runs_before: conduct.keeper.map_or(0, |keeper| keeper.begun().summary.runs),
        time: conduct.time_max,
    };
    let summary = watched(progress, goal, watch, || campaign::run_with(campaign, conduct, progress));
    (summary, watch.elapsed())
}

fn report(
    subject: &Subject,
    found: &Findings<'_>,
    keeping: &Keeping<'_>,
    args: &RunArgs,
    out: &mut Out,
) -> Status {
    let summary = found.summary;
    let mut status = report_failures(subject, summary, found.elsewhere, keeping, out);
    for fatal in &summary.fatal {
        status = status.and(report_fatal(subject, fatal, out));
    }
    if let Some((seed, said)) = &summary.bug {
        status = status.and(report_bug(Some(*seed), said, &subject.replay_command(*seed), out));
    }
    status = status.and(report_summary(subject, found, args, out));
    if summary.interrupted { status.and(Status::Interrupted) } else { status }
}

/// After an interruption the campaign can go on; otherwise nothing that was kept of it stays, nor a directory that holds
/// nothing else.
fn end(keeper: Option<Keeper>, args: &RunArgs, summary: &Summary, existing: &Path, out: &mut Out) {
    let Some(keeper) = keeper else { return };
    if let Some(why) = keeper.failed() {
        tell(&format!("what the campaign did could not be kept to the end: {why}"));
    }
    if summary.interrupted {
        out.text(&format!("\nto go on: {}\n", resume_command(args)));
        return;
    }
    if let Err(error) = keeper.forget() {
        tell(&format!("what was kept of the campaign is still in {}: {}", args.out.display(), plain(&error)));
    }
    let made = args.out.ancestors().take_while(|dir| *dir != existing && !dir.as_os_str().is_empty());
    // One that is not empty stays, and those above it.
    made.map(std::fs::remove_dir).take_while(Result::is_ok).for_each(drop);
}

/// Whether cases can be stored there, before hours are spent on finding some. Makes nothing that stays, and says which of the
/// directories above it exists.
pub(super) fn check_writable(dir: &Path) -> Result<PathBuf, Error> {
    let mut existing = dir;
    while let (Err(error), Some(parent)) = (existing.symlink_metadata(), existing.parent()) {
        if error.kind() != io::ErrorKind::NotFound {
            break;
        }
        existing = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    }
    tempfile::NamedTempFile::new_in(existing).map(|_| existing.to_owned()).map_err(|error| {
        let why =
            if existing.is_file() { format!("{} is a file", existing.display()) } else { plain(&error) };
        Error::new(format!("cannot store cases in {:?}: {why}", dir.display().to_string()))
            .hint("name a directory that can be written with --out DIR")
    })
}

pub(super) fn random_seed() -> Result<u64, Error> {
    let mut bytes = [0; 8];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    let refused = |error| {
        Error::new(format!("cannot draw a seed from /dev/urandom: {error}")).hint("give one with --seed")
    };
    read.map_err(refused)?;
    Ok(u64::from_ne_bytes(bytes))
}

fn announce(campaign: &Campaign, args: &RunArgs, out: &mut Out) {
    let Campaign { target, wishes, base_seed, seeds, jobs, .. } = campaign;
    let unusual = options(wishes, target);
    let (target, profile, base_seed) = (target.name(), wishes.profile.as_str(), json::seed(*base_seed));
    let seeds = (*seeds < u64::MAX).then_some(*seeds);
    let amount = [
        seeds.map(|seeds| things(seeds, "seed", "seeds")),
        args.time.map(|time| format!("for {time}")),
        args.shard.map(|shard| format!("shard {shard}")),
        Some(things(*jobs as u64, "job", "jobs")),
    ];
    out.text(&format!(
        "{BOLD}target{BOLD:#} {target}  {BOLD}profile{BOLD:#} {profile}  {BOLD}faults{BOLD:#} {}  \
         {BOLD}base seed{BOLD:#} {base_seed}\n{}{}\n\n",
        fault_list(wishes),
        amount.into_iter().flatten().collect::<Vec<_>>().join(", "),
        options_note(&unusual),
    ));
    let (shard, for_s) = (args.shard.unwrap_or_default().to_string(), args.time.map(|time| time.0.as_secs()));
    out.json(&Line::Start { target, profile, base_seed, seeds, jobs: *jobs, shard, for_s });
}

fn options_note(options: &str) -> String {
    if options.is_empty() { String::new() } else { format!(", with{options}") }
}

fn report_failures(
    subject: &Subject,
    summary: &Summary,
    elsewhere: Option<&Elsewhere>,
    keeping: &Keeping<'_>,
    out: &mut Out,
) -> Status {
    let mut status = Status::Passed;
    // One is enough to know that nothing else can be relied on.
    if let Some(Diverged { seed, here, there, .. }) = summary.diverged.first() {
        status = report_divergence(subject, *seed, &[*here, *there], elsewhere, out);
    }
    let chosen = chosen(&summary.failures);
    let mut seen = BTreeSet::new();
    for failure in &chosen {
        let seed = failure.seed;
        status = status.and(match subject.again(seed, Some(failure.trace)) {
            Again::Settled(trial) => {
                // One small case of each kind of failure is enough.
                let first = seen.insert(&failure.signature);
                let shrink_for = if first { keeping.shrink_for } else { Duration::ZERO };
                subject.report(*trial, &Origin::Seed(seed), &Keeping { shrink_for, ..*keeping }, out)
            }
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

/// A run that takes the process with it is told of by its seed alone.
fn report_fatal(subject: &Subject, fatal: &Fatal, out: &mut Out) -> Status {
    let (seed, text) = (json::seed(fatal.seed), what_ended(&fatal.ending));
    out.text(&format!(
        "{BAD}fatal{BAD:#}: the run of seed {seed} ends the process that makes it, and was left out\n  {text}\n  the host (or \
         asl-sim) aborts, overflows the stack, takes all memory, or never returns\n\n{}\n",
        field("replay", &subject.replay_command(fatal.seed)),
    ));
    out.json(&Line::Fatal { seed, text: &text });
    if fatal.ending == Ending::Silent { Status::Hang } else { Status::Violation }
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

/// Prints the summary, and publishes it where it is wanted.
fn report_summary(subject: &Subject, found: &Findings<'_>, args: &RunArgs, out: &mut Out) -> Status {
    let Findings { summary, elapsed, elsewhere } = found;
    let not_repeated = elsewhere.and_then(Elsewhere::why_not);
    let expected = Expected::new(&subject.wishes, &subject.capabilities, subject.target.invariants());
    let mut missing = expected.missing(summary);
    missing.extend(not_repeated.as_ref().map(|_| "determinism"));
    let text = summary::text(summary, &expected, not_repeated.as_deref(), *elapsed, out.columns());
    out.text(&text);
    out.json(&Line::Summary(summary_line(summary, missing.clone(), not_repeated.as_deref(), *elapsed)));
    publish(args, &Published { subject, summary, elapsed: *elapsed, missing: &missing, text: &text })
}

fn summary_line<'a>(
    summary: &'a Summary,
    not_exercised: Vec<&'static str>,
    not_repeated: Option<&'a str>,
    elapsed: Duration,
) -> json::Summary<'a> {
    let hangs =
        summary.signatures.iter().filter(|(name, _)| name.starts_with("hang/")).map(|(_, count)| count).sum();
    let total = |name: &str| summary.totals.get(name);
    json::Summary {
        runs: summary.runs,
        violations: summary.failed - hangs,
        elapsed_s: (elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
        crashes: total("kill") + total("power-loss"),
        crash_states: total("crash-states"),
        not_exercised,
        hangs,
        signatures: &summary.signatures,
        known: &summary.known,
        fatal: summary.fatal.len() as u64,
        faults: faults(summary).into_iter().filter(|(_, count)| *count > 0).collect(),
        interrupted: summary.interrupted,
        time_is_up: summary.time_is_up,
        repeated: summary.repeated,
        nondeterministic: summary.diverged.len() as u64,
        not_repeated,
    }
}
