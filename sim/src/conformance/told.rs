//! What a check tells: what it did when it passed, the story of what failed, where two runs of one seed part.

use super::settings::Settings;
use super::{cases_dir, jobs, replay_command, shown};
use crate::base::atomic_file::{directory, publish_file};
use crate::base::words::{PIPE_COLUMNS, count, duration, program, things, wrapped};
use crate::campaign::Summary;
use crate::case::Case;
use crate::catalogue::find;
use crate::determinism::{Difference, difference};
use crate::explain::explain;
use crate::failing::{Again, Found, Subject};
use crate::hosts::Target;
use crate::report::explain::page::page;
use crate::report::explain::text::text;
use crate::report::json;
use crate::shrink::{self, shrink};
use crate::tell::story::story;
use crate::trial::run_seed;
use std::path::Path;
use std::time::Duration;

/// How long a failure is made smaller.
const SHRINK_FOR: Duration = Duration::from_secs(10);

/// What a check did that passed, and what it did not get to do.
pub(super) fn passed(subject: &Subject, base_seed: u64, summary: &Summary, elapsed: Duration) -> String {
    let Subject { target, wishes, capabilities } = subject;
    let crashes = ["kill", "power-loss"].map(|name| summary.totals.get(name)).iter().sum();
    let runs = things(summary.runs, "run", "runs");
    let (crashes, name) = (things(crashes, "crash", "crashes"), target.name());
    let base = json::seed(base_seed);
    let first = format!("{name}: passed: {runs} from seed {base} in {}, {crashes}\n", duration(elapsed));
    let missing = summary.not_exercised(target, wishes, capabilities);
    let missing = if missing.is_empty() { "nothing".to_owned() } else { missing.join(", ") };
    format!("{first}  not exercised: {}\n", wrapped(&missing, 4, PIPE_COLUMNS))
}

/// Makes the run of a seed that failed once more, makes it small, stores it and tells its story.
pub(super) fn failed(subject: &Subject, seed: u64, base_seed: u64, settings: &Settings) -> String {
    let trial = match subject.again(seed, None) {
        Again::Settled(trial) => *trial,
        Again::Diverged(_) => return diverged(subject, seed),
        Again::Bug(said) => {
            return format!("bug in asl-sim: {said}; seed {seed:#x} shows it again; please report it");
        }
    };
    let options = shrink::Options { jobs: jobs(), time_max: SHRINK_FOR, ..shrink::Options::default() };
    let found = Found::Smaller(shrink(&subject.target, &trial, &options, &shrink::Progress::default()));
    let case = found.case(subject.target.name(), Some(seed), story(found.trial()));
    let nth = seed.wrapping_sub(base_seed).wrapping_add(1);
    let mut more = vec![("found", format!("in run {} from seed {}", count(nth), json::seed(base_seed)))];
    let out = settings.out.clone().unwrap_or_else(cases_dir);
    let mut told = Ok(String::new());
    match case.save(&out) {
        Ok(path) => {
            more.push(("case", shown(&path)));
            more.push(("replay", replay_command(&path.to_string_lossy())));
            if find(subject.target.name()).is_ok() {
                more.push(("", format!("{} replay {}", program(), path.display())));
            }
            told = stories(&subject.target, &case, &path, settings, &mut more);
        }
        Err(error) => more.push(("case", format!("cannot be stored in {}: {error}", out.display()))),
    }
    let told = told.unwrap_or_else(|why| format!("\n{why}\n"));
    found.told(Some(seed), &more, PIPE_COLUMNS) + &told
}

/// The whole story of a case, as far as the environment asks for it: in words, and as a page, whose place is added to what is told.
pub(super) fn stories(
    target: &Target,
    case: &Case,
    path: &Path,
    settings: &Settings,
    more: &mut Vec<(&str, String)>,
) -> Result<String, String> {
    if !settings.explains && settings.html.is_none() {
        return Ok(String::new());
    }
    let (_, explanation) = explain(target, case);
    if let Some(html) = &settings.html {
        let is_page = html.extension().is_some_and(|extension| extension == "html");
        let page_path = if is_page {
            html.clone()
        } else {
            html.join(path.file_name().unwrap_or_default()).with_extension("html")
        };
        let (name, command) = (shown(path), replay_command(&path.to_string_lossy()));
        let cannot = |error| format!("cannot write the page {}: {error}", page_path.display());
        std::fs::create_dir_all(directory(&page_path)).map_err(cannot)?;
        publish_file(&page_path, page(&explanation, &name, &command).as_bytes()).map_err(cannot)?;
        more.push(("page", shown(&page_path)));
    }
    let told = if settings.explains { text(&explanation, PIPE_COLUMNS, false) } else { String::new() };
    Ok(if told.is_empty() { told } else { format!("\n{told}") })
}

/// Whether the run of a seed comes to the same when it is made twice.
pub(super) fn same_again(subject: &Subject, seed: u64) -> Result<(), String> {
    let Subject { target, wishes, capabilities } = subject;
    let trace = || run_seed(target, seed, wishes, capabilities, false).outcome.trace;
    if trace() == trace() { Ok(()) } else { Err(diverged(subject, seed)) }
}

fn diverged(subject: &Subject, seed: u64) -> String {
    let Subject { target, wishes, capabilities } = subject;
    let parting = difference(target, seed, wishes, capabilities, None);
    let parting = parting.map_or_else(
        || "made again several times, it did the same each time".to_owned(),
        |Difference { step, here, there, .. }| {
            let said = |step: Option<String>| step.unwrap_or_else(|| "it had ended".to_owned());
            format!(
                "at {}, once: {}\n  and again: {}",
                things(step as u64 + 1, "step", "steps"),
                said(here),
                said(there)
            )
        },
    );
    format!(
        "nondeterminism: the run of seed {} did different things when it was made again\n  the host depends on something \
         besides its seams: an address, the order of a hash map, a static\n  variable, threads, a clock\n  {parting}",
        json::seed(seed)
    )
}
