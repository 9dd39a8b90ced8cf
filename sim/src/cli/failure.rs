//! A failing run: made again, stored as a case, printed.

use super::Status;
use super::error::Error;
use super::out::Out;
use super::shrink::{from_to, shrink_watched};
use super::wishes::options;
use crate::campaign::settle_seed;
use crate::case::Case;
use crate::panics;
use crate::report::json::{self, Line};
use crate::report::layout::shell_word;
use crate::report::{failure, story::story};
use crate::scenario::generate::Wishes;
use crate::shrink::{Options, Progress, Shrunk};
use crate::target::Target;
use crate::trace::TraceHash;
use crate::trial::Trial;
use asl_host::Capabilities;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What it takes to make the run of a seed.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) target: Target,
    pub(super) wishes: Wishes,
    pub(super) capabilities: Capabilities,
}

/// What came of a run that was made again.
pub(super) enum Again {
    /// It can be relied on.
    Settled(Box<Trial>),
    /// It did another thing.
    Diverged(Vec<TraceHash>),
    /// The simulator has a bug; what it said.
    Bug(String),
}

impl Subject {
    pub(super) fn new(target: Target, wishes: Wishes) -> Result<Subject, Error> {
        let capabilities =
            panics::caught(|| crate::campaign::capabilities(&target, &wishes)).map_err(|said| {
                Error::new(format!("the host {:?} cannot even say what it offers: {said}", target.name()))
            })?;
        Ok(Subject { target, wishes, capabilities })
    }

    /// Makes the run of a seed as its case would replay. `expected`: what its trace was before.
    pub(super) fn again(&self, seed: u64, expected: Option<TraceHash>) -> Again {
        match panics::caught(|| settle_seed(&self.target, seed, &self.wishes, &self.capabilities)) {
            Err(said) => Again::Bug(said),
            Ok((trial, other)) => {
                let mut hashes: Vec<TraceHash> = expected.into_iter().collect();
                hashes.push(trial.outcome.trace);
                hashes.extend(other.map(|other| other.outcome.trace));
                let same = hashes.windows(2).all(|pair| pair[0] == pair[1]);
                if same { Again::Settled(Box::new(trial)) } else { Again::Diverged(hashes) }
            }
        }
    }

    /// The command that makes the run of a seed again.
    pub(super) fn replay_command(&self, seed: u64) -> String {
        let target = shell_word(self.target.name());
        format!("asl-sim replay {target} --seed {}{}", json::seed(seed), options(&self.wishes))
    }

    /// Makes a failure smaller, stores it as a case, and prints it. That the case cannot be stored is told, and does not matter
    /// otherwise.
    pub(super) fn report(&self, trial: Trial, seed: u64, keeping: &Keeping<'_>, out: &mut Out) -> Status {
        let mut status = status_of(&trial);
        let found = match self.made_smaller(&trial, keeping) {
            None => Found::AsItWas(trial),
            Some(Ok(shrunk)) => Found::Smaller(shrunk),
            Some(Err(said)) => {
                status = status.and(report_bug(Some(seed), &said, &self.replay_command(seed), out));
                Found::AsItWas(trial)
            }
        };
        let story = story(found.trial());
        let saved = found.case(self.target.name(), seed, story.clone()).save(keeping.dir);
        if let Err(error) = &saved {
            Error::new(format!("cannot save a case in {}: {error}", keeping.dir.display())).print();
        }
        let path = saved.ok();
        self.print(&found, seed, &story, path.as_deref(), out);
        out.json(&line(&found, seed, path));
        status
    }

    /// What can be made of it in the time; none if there is none, or somebody is in a hurry.
    fn made_smaller(&self, trial: &Trial, keeping: &Keeping<'_>) -> Option<Result<Shrunk, String>> {
        if keeping.shrink_for.is_zero() || keeping.stop.load(Ordering::Relaxed) {
            return None;
        }
        let options = Options { jobs: keeping.jobs, time_max: keeping.shrink_for, ..Options::default() };
        Some(shrink_watched(&self.target, trial, &options, &Progress::default(), Some(keeping.stop)))
    }

    fn print(&self, found: &Found, seed: u64, story: &[String], path: Option<&Path>, out: &mut Out) {
        let trial = found.trial();
        let mut text = failure::headline(trial, out.columns());
        text.push('\n');
        text.push_str(&failure::story(story));
        text.push('\n');
        text.push_str(&failure::also_broken(trial, out.columns()));
        text.push_str(&failure::field("signature", &trial.signature().unwrap_or_default()));
        text.push_str(&failure::field("seed", &json::seed(seed)));
        text.push_str(&failure::field("trace", &trial.outcome.trace.to_string()));
        if let Found::Smaller(shrunk) = found {
            text.push_str(&failure::field("shrunk", &from_to(shrunk)));
        }
        let of_seed = self.replay_command(seed);
        if let Some(path) = path {
            text.push_str(&failure::field("case", &path.display().to_string()));
            let replay = format!("asl-sim replay {}", shell_word(&path.to_string_lossy()));
            text.push_str(&failure::field("replay", &replay));
            let note = if matches!(found, Found::Smaller(_)) { "  (before it was shrunk)" } else { "" };
            text.push_str(&failure::field("", &format!("{of_seed}{note}")));
        } else {
            text.push_str(&failure::field("replay", &of_seed));
        }
        out.text(&format!("{text}\n"));
    }
}

/// What becomes of failures.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keeping<'a> {
    /// Where cases are stored.
    pub(super) dir: &'a Path,
    /// How long each is made smaller before that; 0 for not at all.
    pub(super) shrink_for: Duration,
    /// How many threads do that.
    pub(super) jobs: usize,
    /// Ends that.
    pub(super) stop: &'a AtomicBool,
}

/// A failure as it is told of and stored.
enum Found {
    AsItWas(Trial),
    Smaller(Shrunk),
}

impl Found {
    fn trial(&self) -> &Trial {
        match self {
            Found::AsItWas(trial) => trial,
            Found::Smaller(shrunk) => &shrunk.trial,
        }
    }

    fn case(&self, target: &str, seed: u64, story: Vec<String>) -> Case {
        match self {
            Found::AsItWas(trial) => Case::of(trial, target, Some(seed), story),
            Found::Smaller(shrunk) => Case::of_shrunk(shrunk, target, Some(seed), story),
        }
    }

    fn ops_before(&self) -> usize {
        match self {
            Found::AsItWas(trial) => trial.scenario.ops.len(),
            Found::Smaller(shrunk) => shrunk.ops_before,
        }
    }
}

fn line(found: &Found, seed: u64, path: Option<PathBuf>) -> Line<'static> {
    let trial = found.trial();
    let failure = json::Failure {
        seed: json::seed(seed),
        case: path.map(|path| path.to_string_lossy().into_owned()),
        ops: trial.scenario.ops.len(),
        ops_before: found.ops_before(),
        signature: trial.signature().unwrap_or_default(),
        trace_hash: trial.outcome.trace.to_string(),
    };
    match trial.verdict.primary() {
        Some(violation) => Line::Violation { invariant: violation.name(), failure },
        None => Line::Hang { failure },
    }
}

/// The status that a run stands for.
pub(super) fn status_of(trial: &Trial) -> Status {
    match failure::primary(trial) {
        None => Status::Passed,
        Some(failure::HANG) => Status::Hang,
        Some(_) => Status::Violation,
    }
}

/// Tells of a bug of ours, on one line of standard error.
pub(super) fn report_bug(seed: Option<u64>, said: &str, command: &str, out: &mut Out) -> Status {
    let said = said.lines().next().unwrap_or_default();
    let text = format!("bug in asl-sim: {said}; `{command}` shows it again; {}\n", panics::REPORT_IT);
    let _ = io::Write::write_all(&mut io::stderr(), text.as_bytes());
    out.json(&Line::Bug { seed: seed.map(json::seed), text: said });
    Status::Bug
}
