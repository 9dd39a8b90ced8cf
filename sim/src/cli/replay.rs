//! `asl-sim replay`: one run again, from a case or from a seed.
//!
//! The same program must come to the same trace; another one, or another host, need only break the same invariant first.

use super::Status;
use super::args::ReplayArgs;
use super::determinism::report_divergence;
use super::error::{Error, plain};
use super::failure::{report_bug, status_of};
use super::out::Out;
use super::targets::Targets;
use super::wishes::{check_runtime, wishes};
use crate::base::panics;
use crate::base::words::{program, shell_word, things};
use crate::case::{Case, ReadError};
use crate::failing::{Again, Subject};
use crate::hosts::Target;
use crate::report::json::{self, Line};
use crate::tell::style::{BAD, BOLD, GOOD, WARN};
use crate::tell::{failure, story};
use crate::trial::{Trial, trial};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) fn replay(args: &ReplayArgs, targets: &Targets, out: &mut Out) -> Result<Status, Error> {
    if args.seed.is_none() && !args.world.is_empty() {
        return Err(Error::new(
            "--profile, --faults, --clients, --ops and --crashes go with --seed: a case has its own",
        ));
    }
    match (&args.what, args.seed) {
        (Some(what), Some(seed)) => {
            let target = targets.find(what)?;
            let wishes = wishes(&args.world, &target)?;
            let subject = Subject::new(target, wishes).map_err(Error::new)?;
            Ok(replay_seed(&subject, seed, args.trace, out))
        }
        (Some(path), None) => replay_case(Path::new(path), args, targets, out),
        (None, _) => expect_pass(args, targets, out),
    }
}

fn replay_seed(subject: &Subject, seed: u64, trace: bool, out: &mut Out) -> Status {
    let command = subject.replay_command(seed);
    let trial = match subject.again(seed, None) {
        Again::Settled(trial) => trial,
        Again::Diverged(hashes) => return report_divergence(subject, seed, &hashes, None, out),
        Again::Bug(said) => return report_bug(Some(seed), &said, &command, out),
    };
    announce(subject.target.name(), &format!("seed {}", json::seed(seed)), &trial, out);
    show(&trial, trace, out);
    if trial.passed() {
        out.text(&format!("{GOOD}passed{GOOD:#}\n"));
    }
    out.text(&failure::field("trace", &trial.outcome.trace.to_string()));
    let mut line = line(subject.target.name(), &trial);
    line.seed = Some(json::seed(seed));
    line.outcome = match status_of(&trial) {
        Status::Passed => "passed",
        Status::Hang => "hang",
        _ => "violation",
    };
    out.json(&Line::Replay(line));
    status_of(&trial)
}

/// Reads a case, or says why it cannot be read, with a way out.
pub(super) fn load(path: &Path, targets: &Targets) -> Result<Case, Error> {
    Case::load(path).map_err(|error| {
        let name = path.display().to_string();
        let refused = Error::new(format!("cannot read the case {name:?}: {}", in_words(&error)));
        match error {
            ReadError::Io(_) if targets.find(&name).is_ok() => refused.hint(format!(
                "{name} is a target: `{} replay {name} --seed S` makes the run of a seed",
                program()
            )),
            ReadError::Io(_) => refused.hint(format!(
                "a case is a file that `{} run` stored, in ./asl-sim-out unless --out was given",
                program()
            )),
            ReadError::Damaged(_) => refused.hint(format!(
                "if the seed is known, `{} replay TARGET --seed S` makes the run again",
                program()
            )),
            ReadError::Future(_) => refused,
        }
    })
}

fn in_words(error: &ReadError) -> String {
    match error {
        ReadError::Io(error) => plain(error),
        error => error.to_string(),
    }
}

/// The host of a case, or another one that is to be tried on it.
pub(super) fn target_of(case: &Case, other: Option<&str>, targets: &Targets) -> Result<Target, Error> {
    check_runtime(case.scenario.setup.runtime)?;
    let target = match other {
        Some(name) => targets.find(name),
        None => targets.find(&case.target).map_err(|error| {
            Error::new(format!("the case is of a host that is not here: {error}"))
                .hint("try another host on it with --target")
        }),
    }?;
    if is_of_another_medium(case, &target) {
        let (medium, own) = (case.scenario.setup.profile().medium(), target.usual_profile().medium());
        let name = target.name();
        return Err(Error::new(format!("the case is about {medium}, and {name} keeps its bytes in {own}"))
            .hint("try a host of the same medium on it"));
    }
    Ok(target)
}

fn is_of_another_medium(case: &Case, target: &Target) -> bool {
    !target.usual_profile().is_of_the_medium_of(case.scenario.setup.profile())
}

/// The run of a case; or what the simulator said when it panicked.
fn try_case(case: &Case, target: &Target) -> Result<Trial, String> {
    panics::caught(|| trial(target, &Arc::new(case.scenario.clone()), &case.decider()))
}

fn replay_case(path: &Path, args: &ReplayArgs, targets: &Targets, out: &mut Out) -> Result<Status, Error> {
    let case = load(path, targets)?;
    let target = target_of(&case, args.target.as_deref(), targets)?;
    let name = path.display().to_string();
    let trial = match try_case(&case, &target) {
        Ok(trial) => trial,
        Err(said) => {
            let command = format!("{} replay {}", program(), shell_word(&name));
            return Ok(report_bug(None, &said, &command, out));
        }
    };
    announce(target.name(), &format!("case {name}"), &trial, out);
    show(&trial, args.trace, out);
    let comparison = compare(&case, &target, &trial);
    report_comparison(&comparison, &case, &trial, out);
    let mut line = line(target.name(), &trial);
    line.case = Some(name);
    line.seed.clone_from(&case.seed);
    line.expected_trace_hash = comparison.hashes.then(|| case.trace_hash.to_string());
    line.outcome = if comparison.difference.is_none() { "reproduced" } else { "not_reproduced" };
    line.why = comparison.difference.as_deref();
    out.json(&Line::Replay(line));
    Ok(if comparison.difference.is_some() { Status::NotReproduced } else { status_of(&trial) })
}

/// What a case says, beside what came of it now.
pub(super) struct Comparison {
    /// Whether the traces are comparable.
    hashes: bool,
    /// Why they are not.
    why_not: &'static str,
    /// Why it is no reproduction, if it is none.
    pub(super) difference: Option<String>,
}

/// Whether a trial is what its case says.
pub(super) fn compare(case: &Case, target: &Target, trial: &Trial) -> Comparison {
    let same_host = target.name() == case.target;
    let hashes = same_host && case.is_of_this_build();
    let why_not =
        if same_host { "another build of asl-sim stored the case" } else { "the case is of another host" };
    let expected = case.invariant.as_str();
    let difference = match failure::primary(trial) {
        None => Some(format!("{expected} was expected, and it passed")),
        Some(now) if now != expected => Some(format!("{expected} was expected, and {now} came first")),
        Some(_) if hashes && trial.outcome.trace != case.trace_hash => {
            Some(format!("the same broke, but the trace is another than {}", case.trace_hash))
        }
        Some(_) => None,
    };
    Comparison { hashes, why_not, difference }
}

/// Says whether it is.
pub(super) fn report_comparison(comparison: &Comparison, case: &Case, trial: &Trial, out: &mut Out) {
    let trace = trial.outcome.trace.to_string();
    let note = match (comparison.hashes, trial.outcome.trace == case.trace_hash) {
        (true, true) => "the same as in the case".to_owned(),
        (true, false) => format!("{} in the case", case.trace_hash),
        (false, _) => format!("not compared: {}", comparison.why_not),
    };
    match &comparison.difference {
        None => out.text(&format!("{BAD}reproduced{BAD:#}\n")),
        Some(why) => out.text(&format!("{WARN}did not reproduce{WARN:#}: {why}\n")),
    }
    out.text(&failure::field("trace", &format!("{trace} ({note})")));
}

fn announce(target: &str, what: &str, trial: &Trial, out: &mut Out) {
    let operations = things(trial.scenario.ops.len() as u64, "operation", "operations");
    out.text(&format!("{BOLD}target{BOLD:#} {target}  {BOLD}replay of{BOLD:#} {what}, {operations}\n\n"));
}

/// Prints everything that happened, if it is wanted; and if the run failed, what broke, with its story.
fn show(trial: &Trial, trace: bool, out: &mut Out) {
    let history = &trial.outcome.history;
    if trace {
        let lines = story::whole(history);
        let width = lines.last().map_or(1, |line| line.event.to_string().len());
        for line in &lines {
            out.text(&format!("{:>width$}  {}\n", line.event, line.text));
            out.json(&Line::Event { event: line.event, text: &line.text });
        }
        out.text("\n");
    }
    if !trial.passed() {
        out.text(&format!("{}\n", failure::headline(trial, out.columns())));
        if !trace {
            out.text(&format!("{}\n", failure::story(&story::story(trial))));
        }
        out.text(&failure::also_broken(trial, out.columns()));
        out.text(&failure::field("signature", &trial.signature().unwrap_or_default()));
    }
}

fn line<'a>(target: &'a str, trial: &Trial) -> json::Replay<'a> {
    json::Replay {
        outcome: "passed",
        target,
        case: None,
        seed: None,
        invariant: failure::primary(trial),
        signature: trial.signature(),
        ops: trial.scenario.ops.len(),
        trace_hash: trial.outcome.trace.to_string(),
        expected_trace_hash: None,
        why: None,
    }
}

/// Each case must pass now. All are read before the first is tried. Those that a directory holds for hosts of another medium than the
/// one that is to be tried are left out, unless that leaves none.
fn expect_pass(args: &ReplayArgs, targets: &Targets, out: &mut Out) -> Result<Status, Error> {
    let (mut cases, mut left_out) = (Vec::new(), Vec::new());
    let other = args.target.as_deref().map(|name| targets.find(name)).transpose()?;
    for (path, is_of_directory) in cases_at(&args.expect_pass)? {
        let case = load(&path, targets)?;
        let is_other = other.as_ref().is_some_and(|target| is_of_another_medium(&case, target));
        if is_other && is_of_directory {
            left_out.push(case);
            continue;
        }
        let target = target_of(&case, args.target.as_deref(), targets)?;
        cases.push((path.display().to_string(), case, target));
    }
    if let (true, Some(case)) = (cases.is_empty(), left_out.first()) {
        target_of(case, args.target.as_deref(), targets)?;
    }
    let (mut status, mut failed) = (Status::Passed, 0);
    for (name, case, target) in &cases {
        match try_case(case, target) {
            Ok(trial) => {
                failed += u64::from(!trial.passed());
                report_expected(name, case, target, &trial, out);
                status = status.and(if trial.passed() { Status::Passed } else { Status::Violation });
            }
            Err(said) => {
                let command = format!("{} replay {}", program(), shell_word(name));
                status = status.and(report_bug(None, &said, &command, out));
            }
        }
    }
    out.text(&format!("{}, {failed} failed\n", things(cases.len() as u64, "case", "cases")));
    if let (Some(target), false) = (&other, left_out.is_empty()) {
        let left_out = things(left_out.len() as u64, "case", "cases");
        out.text(&format!("left out: {left_out} about another medium than that of {}\n", target.name()));
    }
    Ok(status)
}

/// These files, and of directories the files in them that are called `*.json`, in the order of their names; with whether a directory
/// holds it.
fn cases_at(paths: &[PathBuf]) -> Result<Vec<(PathBuf, bool)>, Error> {
    let mut all = Vec::new();
    for path in paths {
        if !path.is_dir() {
            all.push((path.clone(), false));
            continue;
        }
        let entries = path.read_dir().and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.map_err(|error| {
            Error::new(format!("cannot list {:?}: {}", path.display().to_string(), plain(&error)))
        })?;
        let mut inside: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
        inside.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        if inside.is_empty() {
            return Err(Error::new(format!("there is no case in {:?}", path.display().to_string()))
                .hint(format!("a case is a file *.json that `{} run` stored", program())));
        }
        inside.sort();
        all.extend(inside.into_iter().map(|path| (path, true)));
    }
    Ok(all)
}

fn report_expected(name: &str, case: &Case, target: &Target, trial: &Trial, out: &mut Out) {
    match failure::primary(trial) {
        None => out.text(&format!("{GOOD}passed{GOOD:#}  {name}\n")),
        Some(broken) => out.text(&format!("{BAD}failed{BAD:#}  {name}: {broken}\n")),
    }
    let mut line = line(target.name(), trial);
    line.case = Some(name.to_owned());
    line.seed.clone_from(&case.seed);
    line.outcome = match status_of(trial) {
        Status::Passed => "passed",
        Status::Hang => "hang",
        _ => "violation",
    };
    out.json(&Line::Replay(line));
}
