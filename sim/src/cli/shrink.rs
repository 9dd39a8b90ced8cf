//! `asl-sim shrink`: a stored case made smaller.
//!
//! The smaller case goes beside the bigger one, which stays, unless `--out` says otherwise. Ctrl-C ends the search with the smallest
//! that was found so far.

use super::Status;
use super::args::ShrinkArgs;
use super::error::{Error, plain};
use super::failure::report_bug;
use super::out::Out;
use super::replay::{load, target_of};
use super::targets::Targets;
use crate::base::Stopwatch;
use crate::base::panics;
use crate::base::words::{duration, program, shell_word, things};
use crate::case::Case;
use crate::failing::from_to;
use crate::hosts::Target;
use crate::report::json::{self, Line};
use crate::report::progress::{stop_by, watch_shrinking};
use crate::shrink::{Options, Progress, Shrunk, shrink};
use crate::tell::failure;
use crate::tell::story::story;
use crate::tell::style::{GOOD, WARN};
use crate::trial::{Trial, trial};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Makes a failing run small, with what is shown meanwhile; `stop` ends it too. A panic of the simulator is what it said.
pub(super) fn shrink_watched(
    target: &Target,
    trial: &Trial,
    options: &Options,
    progress: &Progress,
    stop: Option<&AtomicBool>,
) -> Result<Shrunk, String> {
    watch_shrinking(progress, stop, || panics::caught(|| shrink(target, trial, options, progress)))
}

pub(super) fn shrink_case(args: &ShrinkArgs, targets: &Targets, out: &mut Out) -> Result<Status, Error> {
    let case = load(&args.case, targets)?;
    let target = target_of(&case, None, targets)?;
    let path = args.out.clone().unwrap_or_else(|| beside(&args.case));
    let progress = Arc::new(Progress::default());
    stop_by(progress.clone(), |progress: &Progress| &progress.stop);
    let watch = Stopwatch::start();
    let command = format!("{} shrink {}", program(), shell_word(&args.case.to_string_lossy()));
    let scenario = Arc::new(case.scenario.clone());
    let before = match panics::caught(|| trial(&target, &scenario, &case.decider().recording())) {
        Ok(before) => before,
        Err(said) => return Ok(report_bug(None, &said, &command, out)),
    };
    if let Some(why) = another(&case, &before) {
        return Err(Error::new(format!(
            "the case {:?} cannot be made smaller: {why}",
            args.case.display().to_string()
        ))
        .status(Status::NotReproduced)
        .hint(format!("`{} replay CASE` shows what it does now", program())));
    }
    let jobs = args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let options = Options { jobs, time_max: args.time.0, ..Options::default() };
    let shrunk = match shrink_watched(&target, &before, &options, &progress, None) {
        Ok(shrunk) => shrunk,
        Err(said) => return Ok(report_bug(None, &said, &command, out)),
    };
    let smaller = case.made_smaller(&shrunk, story(&shrunk.trial));
    smaller.write(&path).map_err(|error| {
        Error::new(format!(
            "cannot store the smaller case in {:?}: {}",
            path.display().to_string(),
            plain(&error)
        ))
        .hint("name a file that can be written with --out FILE")
    })?;
    report(&shrunk, &path, watch.elapsed(), out);
    Ok(Status::Passed)
}

/// Why a run is not the failure that its case is of.
fn another(case: &Case, now: &Trial) -> Option<String> {
    match failure::primary(now) {
        None => Some(format!("{} was expected, and it passed", case.invariant)),
        Some(broken) if broken != case.invariant => {
            Some(format!("{} was expected, and {broken} came first", case.invariant))
        }
        Some(_) => None,
    }
}

/// `DIR/NAME.json` becomes `DIR/NAME.small.json`.
fn beside(case: &Path) -> PathBuf {
    let stem = case.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    case.with_file_name(format!("{stem}.small.json"))
}

fn report(shrunk: &Shrunk, path: &Path, elapsed: Duration, out: &mut Out) {
    let trial = &shrunk.trial;
    let scenario = &trial.scenario;
    let inside: usize = scenario.crashes.iter().map(|plan| plan.inside.len()).sum();
    let crashes = things((scenario.crashes.len() + inside) as u64, "crash", "crashes");
    let faults = things((scenario.faults.len() + scenario.full.len()) as u64, "fault", "faults");
    let decisions = things(trial.outcome.decisions.len() as u64, "decision", "decisions");
    out.text(&format!("{}\n", failure::headline(trial, out.columns())));
    out.text(&format!("{}\n", failure::story(&story(trial))));
    out.text(&format!("{GOOD}shrunk{GOOD:#} {}: {crashes}, {faults}, {decisions}\n", from_to(shrunk)));
    let tries = things(shrunk.tries, "smaller run was tried", "smaller runs were tried");
    out.text(&format!("  {tries} in {}\n", duration(elapsed)));
    if !shrunk.complete {
        out.text(&format!(
            "  {WARN}ended early{WARN:#}: it may become smaller still, with more time (--for)\n"
        ));
    }
    let replay = format!("{} replay {}", program(), shell_word(&path.to_string_lossy()));
    out.text(&failure::field("signature", &trial.signature().unwrap_or_default()));
    out.text(&failure::field("case", &path.display().to_string()));
    out.text(&failure::field("replay", &replay));
    out.json(&Line::Shrunk(json::Shrunk {
        case: path.to_string_lossy().into_owned(),
        signature: trial.signature().unwrap_or_default(),
        ops_before: shrunk.ops_before,
        ops: scenario.ops.len(),
        crashes: scenario.crashes.len() + inside,
        tries: shrunk.tries,
        complete: shrunk.complete,
        elapsed_s: (elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
        trace_hash: trial.outcome.trace.to_string(),
    }));
}
