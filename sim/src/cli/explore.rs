//! `asl-sim explore`: every crash state of every short workload.

use super::Status;
use super::args::{Format, number};
use super::error::Error;
use super::exec_args::ExecArgs;
use super::failure::{report_bug, status_of};
use super::out::Out;
use super::run::check_writable;
use super::run_args::jobs;
use super::targets::Targets;
use super::wishes::profile_for;
use crate::base::Stopwatch;
use crate::base::words::{count, per_second, program, shell_word, things};
use crate::case::Case;
use crate::explore::{self, Found, Options, Progress, Report};
use crate::hosts::Target;
use crate::report::explore as report;
use crate::report::progress::{View, stop_by, watched_by};
use crate::scenario::generate::Reach;
use crate::tell::failure;
use crate::tell::story::story;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Longest workloads: there are more of longer ones than anybody waits for.
const OPS_MAX: u64 = 6;
const CRASHES_MAX: u64 = 4;
const STATES_MAX: u64 = 100_000_000;

/// Tries every workload up to a length, crashed at every point, in every state that the crash may leave.
///
/// A workload is a word over a small alphabet: appends of two sizes, a flush, a reopening, blocks, snapshots, a second store, the
/// clock. After a crash the rest of the word goes on, and may crash once more, as may each step of recovery.
#[derive(Debug, clap::Args)]
pub(super) struct ExploreArgs {
    /// The host to explore; `asl-sim list targets` names them.
    pub(super) target: String,
    #[command(flatten)]
    pub(super) exec: ExecArgs,
    /// Workloads have up to so many letters.
    #[arg(long, value_name = "N", default_value_t = 2, allow_negative_numbers = true, value_parser = ops)]
    ops: u32,
    /// Crashes on one path, those inside recovery included, besides the loss of power at the end.
    #[arg(long, value_name = "N", default_value_t = 2, allow_negative_numbers = true, value_parser = crashes)]
    crashes: u32,
    /// The file system, or the bucket; `asl-sim list profiles` names them.
    #[arg(long, value_name = "P")]
    profile: Option<String>,
    /// Classes of faults: `crash`, and `error`, with which each call of a workload also fails once.
    #[arg(long, value_name = "LIST", default_value = "crash,error")]
    faults: String,
    /// States of one crash point that are all tried; of a point that has more, the rest is sampled, and the status is 3.
    #[arg(long, value_name = "N", default_value_t = 20_000, allow_negative_numbers = true, value_parser = states)]
    states_max: u64,
    /// How many threads; as many as there are cores if it is not given. What is found does not depend on it.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = jobs)]
    jobs: Option<usize>,
    /// Go on after a workload that fails.
    #[arg(long)]
    keep_going: bool,
    /// Where failing cases are stored; made when there is one.
    #[arg(long, value_name = "DIR", default_value = "./asl-sim-out")]
    out: PathBuf,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

fn ops(text: &str) -> Result<u32, String> {
    number(text, 0, OPS_MAX).map(|ops| ops as u32)
}

fn crashes(text: &str) -> Result<u32, String> {
    number(text, 1, CRASHES_MAX).map(|crashes| crashes as u32)
}

fn states(text: &str) -> Result<u64, String> {
    number(text, 1, STATES_MAX)
}

/// Whether the list names calls that fail. Crashes are what it is about.
fn failing_calls(list: &str) -> Result<bool, Error> {
    let mut failing = false;
    for name in list.split(',').map(str::trim) {
        match name {
            "crash" => {}
            "error" => failing = true,
            _ => {
                let refused = format!("explore knows no faults named {name:?}");
                return Err(Error::new(refused)
                    .hint(format!("`crash` or `crash,error`; `{} run` draws the others", program())));
            }
        }
    }
    Ok(failing)
}

pub(super) fn explore(args: &ExploreArgs, targets: &Targets, out: &mut Out) -> Result<Status, Error> {
    let target = targets.find(&args.target)?;
    if target.reach() == Reach::Kills {
        return Err(Error::new(
            "a program on the real disk cannot be explored: its world cannot be put back",
        ));
    }
    let options = Options {
        ops: args.ops,
        crashes: args.crashes,
        profile: args
            .profile
            .as_deref()
            .map_or(Ok(target.usual_profile()), |name| profile_for(&target, name))?,
        states_max: args.states_max,
        failing_calls: failing_calls(&args.faults)?,
        jobs: args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
        keep_going: args.keep_going,
    };
    check_writable(&args.out)?;
    let workloads = explore::workloads(&target, &options);
    out.text(&report::heading(target.name(), &options, workloads));
    out.json(&report::start(target.name(), &options, workloads));
    let progress = Arc::new(Progress::default());
    stop_by(progress.clone(), |progress| &progress.stop);
    let state = |elapsed| {
        let (done, states) =
            (progress.workloads.load(Ordering::Relaxed), progress.recovered.load(Ordering::Relaxed));
        let failed = things(progress.failed.load(Ordering::Relaxed), "failure", "failures");
        let speed = count(per_second(states, elapsed));
        format!("{}/{} workloads, {speed} states/s, {failed}", count(done), count(workloads))
    };
    let watch = Stopwatch::start();
    let share = |_| progress.workloads.load(Ordering::Relaxed) * 1000 / workloads;
    let view = View { stop: &progress.stop, share: &share, state: &state };
    let explored = watched_by(&view, watch, || explore::explore(&target, &options, &progress));
    let elapsed = watch.elapsed();
    let mut status = Status::Passed;
    for found in &explored.found {
        status = status.and(report_found(found, &target, args, out));
    }
    if let Some(said) = &explored.bug {
        status = status.and(report_bug(None, said, &command(&target, &options), out));
    }
    out.text(&report::text(&explored, &options, &target, elapsed, out.columns()));
    out.json(&report::summary(&explored, elapsed));
    Ok(status.and(status_of_search(&explored)))
}

fn status_of_search(explored: &Report) -> Status {
    match (explored.interrupted, explored.complete()) {
        (true, _) => Status::Interrupted,
        (false, false) if explored.bug.is_none() => Status::Bound,
        _ => Status::Passed,
    }
}

/// The command that does it again.
fn command(target: &Target, options: &Options) -> String {
    let Options { ops, crashes, profile, states_max, failing_calls, .. } = options;
    let faults = if *failing_calls { "crash,error" } else { "crash" };
    let target = shell_word(target.name());
    let profile = profile.as_str();
    format!(
        "{} explore {target} --ops {ops} --crashes {crashes} --profile {profile} --faults {faults} --states-max {states_max}",
        program()
    )
}

fn report_found(found: &Found, target: &Target, args: &ExploreArgs, out: &mut Out) -> Status {
    let trial = &found.trial;
    let story = story(trial);
    let signature = trial.signature().unwrap_or_default();
    let name = format!("explored-{}", failure::primary(trial).unwrap_or_default());
    let saved = Case::of(trial, target.name(), None, story.clone()).save_as(&args.out, &name);
    if let Err(error) = &saved {
        Error::new(format!("cannot save a case in {}: {error}", args.out.display())).print();
    }
    let path = saved.ok().map(|path| path.to_string_lossy().into_owned());
    let headline = failure::headline(trial, out.columns());
    let mut text = format!("{headline}\n{}\n", failure::story(&story));
    text.push_str(&failure::also_broken(trial, out.columns()));
    text.push_str(&failure::field("workload", &found.word.join(", ")));
    text.push_str(&failure::field("signature", &signature));
    text.push_str(&failure::field("trace", &trial.outcome.trace.to_string()));
    if let Some(path) = &path {
        text.push_str(&failure::field("case", path));
        text.push_str(&failure::field("replay", &format!("{} replay {}", program(), shell_word(path))));
    }
    out.text(&format!("{text}\n"));
    out.json(&report::violation(found, path));
    status_of(trial)
}
