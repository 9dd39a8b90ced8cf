//! Campaigns that can go on: what they keep is begun, found again, and compared with what is asked for now.

use super::error::{Error, plain};
use super::out::Out;
use super::run_args::RunArgs;
use super::targets::Targets;
use super::wishes::{options, wishes};
use crate::base::words::{duration, program, shell_word, things};
use crate::campaign::keep::{Found, Keeper, NotFound, kept};
use crate::determinism::{Ending, Sample};
use crate::failing::Subject;
use crate::report::json::{self, Line};
use crate::tell::style::BOLD;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write, stderr};
use std::path::Path;
use std::time::Duration;

/// What the files of a campaign of a target begin with.
fn family(target: &str) -> String {
    format!("campaign-{}-", target.replace(|c: char| !c.is_ascii_alphanumeric(), "-"))
}

/// What the files of a campaign are called. Its seed is given.
fn name(args: &RunArgs) -> String {
    let shard =
        args.shard.map_or_else(String::new, |shard| format!("-{}", shard.to_string().replace('/', "-of-")));
    format!("{}{}{shard}", family(&args.target), json::seed(args.seed.unwrap_or(0)))
}

/// The command that goes on with a campaign.
pub(super) fn resume_command(args: &RunArgs) -> String {
    let mut words = vec![program().to_owned(), "run".to_owned(), args.target.clone(), "--resume".to_owned()];
    words.extend(args.seed.iter().flat_map(|seed| ["--seed".to_owned(), json::seed(*seed)]));
    words.extend(args.shard.iter().flat_map(|shard| ["--shard".to_owned(), shard.to_string()]));
    if args.out != Path::new("./asl-sim-out") {
        words.extend(["--out".to_owned(), args.out.to_string_lossy().into_owned()]);
    }
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}

/// Begins to keep a campaign. Without it the campaign goes on too, and it is said why it cannot be resumed.
pub(super) fn begin(args: &RunArgs) -> Option<Keeper> {
    tell_of_leftovers(args);
    let why = match Keeper::begin(&args.out, &name(args), args.words()) {
        Ok(Some(keeper)) => return Some(keeper),
        Ok(None) => "the same campaign goes on in the same directory".to_owned(),
        Err(error) => plain(&error),
    };
    tell(&format!("this campaign cannot be resumed: {why}"));
    None
}

/// Tells something besides on standard error; if that is closed, there is nobody to tell.
pub(super) fn tell(text: &str) {
    let _ = writeln!(stderr(), "note: {text}");
}

/// Campaigns of the same target that were killed are told of, and left alone.
fn tell_of_leftovers(args: &RunArgs) {
    for path in kept(&args.out, &family(&args.target)).unwrap_or_default() {
        let Ok(found) = Found::read(&path) else { continue };
        let Some(left) = RunArgs::of_words(&found.begun.words) else { continue };
        if left.target == args.target {
            let left = RunArgs { out: args.out.clone(), ..left };
            let runs = things(found.begun.summary.runs, "run", "runs");
            let fate = if name(&left) == name(args) { "this one begins it anew" } else { "it can go on" };
            tell(&format!(
                "a campaign was ended after {runs}{}; {fate}: `{}`",
                at_work(&found.at_work),
                resume_command(&left)
            ));
        }
    }
}

fn at_work(seeds: &[u64]) -> String {
    let seeds: Vec<String> = seeds.iter().copied().map(json::seed).collect();
    if seeds.is_empty() { String::new() } else { format!(", at work on {}", seeds.join(", ")) }
}

/// Finds the campaign that is to go on, and what was asked of it.
pub(super) fn find(given: &RunArgs, targets: &Targets) -> Result<(RunArgs, Found), Error> {
    targets.find(&given.target)?;
    let dir = given.out.display().to_string();
    let paths = kept(&given.out, &family(&given.target))
        .map_err(|error| Error::new(format!("cannot look for a campaign in {dir:?}: {}", plain(&error))))?;
    let (mut found, mut refused) = (Vec::new(), None);
    for path in paths {
        match read(&path) {
            Ok((args, kept)) if args.target == given.target && is_meant(given, &args) => {
                found.push((args, kept));
            }
            Ok(_) => {}
            Err(why) => refused = Some(why),
        }
    }
    match (found.len(), refused) {
        (1, _) => {
            let (kept, found) = found.remove(0);
            Ok((together(given, kept, targets)?, found))
        }
        (0, Some(why)) => Err(why),
        (0, None) => {
            Err(Error::new(format!("there is no campaign of {} to go on with in {dir:?}", given.target))
                .hint("one that ended in good order has nothing left to do; --out names another directory"))
        }
        (_, _) => {
            let commands: Vec<String> = found
                .iter()
                .map(|(args, _)| resume_command(&RunArgs { out: given.out.clone(), ..args.clone() }))
                .collect();
            Err(Error::new(format!("there are {} campaigns to go on with in {dir:?}", found.len()))
                .hint(format!("say which: {}", commands.join(" or "))))
        }
    }
}

fn read(path: &Path) -> Result<(RunArgs, Found), Error> {
    let name = path.display().to_string();
    let found = Found::read(path).map_err(|why| match why {
        NotFound::Io(error) => Error::new(format!("cannot read the campaign {name:?}: {}", plain(&error))),
        NotFound::Damaged(why) => Error::new(format!("cannot read the campaign {name:?}: {why}"))
            .hint("remove the file to begin anew"),
        NotFound::OtherBuild => {
            Error::new(format!("the campaign {name:?} was begun by another build of asl-sim"))
                .hint("what seeds mean may have changed: begin anew, without --resume")
        }
        NotFound::Alive => Error::new(format!("the campaign {name:?} is not over: another process is at it")),
    })?;
    let args = RunArgs::of_words(&found.begun.words).ok_or_else(|| {
        Error::new(format!("cannot read the campaign {name:?}: its options are none of ours"))
    })?;
    Ok((args, found))
}

/// Whether what is given could name this campaign.
fn is_meant(given: &RunArgs, kept: &RunArgs) -> bool {
    let seed = given.seed.is_none() || given.seed == kept.seed;
    seed && (given.shard.is_none() || given.shard == kept.shard)
}

/// The options of a campaign that goes on: what was asked for, and where to put the results now. What is given must be what
/// was given then.
fn together(given: &RunArgs, kept: RunArgs, targets: &Targets) -> Result<RunArgs, Error> {
    let path = |args: &RunArgs| args.known.as_ref().map(|path| path.display().to_string());
    same("seeds", given.seeds.as_ref(), kept.seeds.as_ref())?;
    same("for", given.time.as_ref(), kept.time.as_ref())?;
    same("check-determinism", given.check_determinism.as_ref(), kept.check_determinism.as_ref())?;
    same("known", path(given).as_ref(), path(&kept).as_ref())?;
    let keep_going = |args: &RunArgs| args.keep_going.then_some("");
    same("keep-going", keep_going(given).as_ref(), keep_going(&kept).as_ref())?;
    same_world(given, &kept, targets)?;
    let (jobs, out, format, junit) = (given.jobs, given.out.clone(), given.format, given.junit.clone());
    Ok(RunArgs { jobs, out, format, junit, shrink_for: given.shrink_for, resume: true, ..kept })
}

/// An option that is given now must have been given then.
fn same<T: PartialEq + fmt::Display>(name: &str, now: Option<&T>, then: Option<&T>) -> Result<(), Error> {
    let Some(value) = now.filter(|_| now != then) else { return Ok(()) };
    let option = |value: &T| format!("--{name} {value}").trim_end().to_owned();
    let then = then.map_or_else(|| format!("without --{name}"), |then| format!("with {}", option(then)));
    Err(Error::new(format!("{} was given, and the campaign was begun {then}", option(value)))
        .hint("leave the option out to go on, or --resume to begin anew"))
}

/// The world that is given, as far as it is, must be the one of then.
fn same_world(given: &RunArgs, kept: &RunArgs, targets: &Targets) -> Result<(), Error> {
    let target = targets.find(&kept.target)?;
    let mut now = given.world.clone();
    let then = &kept.world;
    now.profile = now.profile.or_else(|| then.profile.clone());
    now.faults = now.faults.or_else(|| then.faults.clone());
    now.clients = now.clients.or(then.clients);
    now.ops = now.ops.or(then.ops);
    now.crashes = now.crashes.or(then.crashes);
    let (now, then) = (wishes(&now, &target)?, wishes(then, &target)?);
    if now == then {
        return Ok(());
    }
    let text = |wishes: &_| match options(wishes, &target) {
        none if none.is_empty() => " without options for its world".to_owned(),
        options => format!(" with{options}"),
    };
    Err(Error::new(format!("this is to be run{}, and the campaign was begun{}", text(&now), text(&then)))
        .hint("leave the options out to go on, or --resume to begin anew"))
}

/// Goes on with a campaign. Seeds that were at work when it ended are tried first, each in a process of its own.
pub(super) fn go_on(found: Found, subject: &Subject, out: &mut Out) -> Result<Keeper, Error> {
    let (runs, seeds) = (found.begun.summary.runs, found.at_work.clone());
    let elapsed = duration(Duration::from_millis(found.begun.elapsed_ms));
    out.text(&format!(
        "{BOLD}resumed{BOLD:#} after {} in {elapsed}{}\n",
        things(runs, "run", "runs"),
        at_work(&seeds)
    ));
    let mut fatal = BTreeMap::new();
    for seed in &seeds {
        if let Some(ending) = try_in_a_process_of_its_own(subject, *seed) {
            out.text(&format!(
                "  the run of seed {} is left out: {}\n",
                json::seed(*seed),
                what_ended(&ending)
            ));
            fatal.insert(*seed, ending);
        }
    }
    out.text("\n");
    let named = fatal.keys().copied().map(json::seed).collect();
    out.json(&Line::Resume { runs, at_work: seeds.into_iter().map(json::seed).collect(), fatal: named });
    found
        .go_on(fatal)
        .map_err(|error: io::Error| Error::new(format!("cannot go on with the campaign: {}", plain(&error))))
}

/// How a process that made a run ended.
pub(super) fn what_ended(ending: &Ending) -> String {
    format!("another process was to make it, and {ending}")
}

/// How the run of a seed ends the process that makes it, if it does.
fn try_in_a_process_of_its_own(subject: &Subject, seed: u64) -> Option<Ending> {
    let other = super::determinism::elsewhere(subject, Sample::Usual)?;
    other.trace(seed);
    // What cannot be started or understood says nothing about the run.
    other.ending().filter(|ending| matches!(ending, Ending::Silent | Ending::Ended(_)))
}
