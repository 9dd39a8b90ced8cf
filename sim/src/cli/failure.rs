//! A failing run, stored as a case and printed.

use super::Status;
use super::error::Error;
use super::out::Out;
use super::shrink::shrink_watched;
use super::wishes::options;
use crate::base::panics;
use crate::base::words::{program, shell_word};
use crate::failing::{Found, Subject};
use crate::report::json::{self, Line};
use crate::shrink::{Options, Progress, Shrunk};
use crate::tell::failure;
use crate::tell::story::story;
use crate::trial::Trial;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

impl Subject {
    /// The command that makes the run of a seed again.
    pub(super) fn replay_command(&self, seed: u64) -> String {
        let target = shell_word(self.target.name());
        format!(
            "{} replay {target} --seed {}{}",
            program(),
            json::seed(seed),
            options(&self.wishes, &self.target)
        )
    }

    /// The command that makes a run again as it was before anything was made smaller.
    fn command(&self, origin: &Origin) -> String {
        match origin {
            Origin::Seed(seed) => self.replay_command(*seed),
            Origin::Input { path, .. } => {
                let (target, path) = (shell_word(self.target.name()), path.to_string_lossy());
                format!(
                    "{} fuzz-case {target} {}{}",
                    program(),
                    shell_word(&path),
                    options(&self.wishes, &self.target)
                )
            }
        }
    }

    /// Makes a failure smaller, stores it as a case, and prints it. That the case cannot be stored is told, and does not matter
    /// otherwise.
    pub(super) fn report(
        &self,
        trial: Trial,
        origin: &Origin,
        keeping: &Keeping<'_>,
        out: &mut Out,
    ) -> Status {
        let mut status = status_of(&trial);
        let found = match self.made_smaller(&trial, keeping) {
            None => Found::AsItWas(trial),
            Some(Ok(shrunk)) => Found::Smaller(shrunk),
            Some(Err(said)) => {
                status = status.and(report_bug(origin.seed(), &said, &self.command(origin), out));
                Found::AsItWas(trial)
            }
        };
        let case = found.case(self.target.name(), origin.seed(), story(found.trial()));
        let saved = match origin {
            Origin::Seed(_) => case.save(keeping.dir),
            Origin::Input { name, .. } => case.save_as(keeping.dir, name),
        };
        if let Err(error) = &saved {
            Error::new(format!("cannot save a case in {}: {error}", keeping.dir.display())).print();
        }
        let path = saved.ok();
        self.print(&found, origin, path.as_deref(), out);
        out.json(&line(&found, origin.seed(), path));
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

    fn print(&self, found: &Found, origin: &Origin, path: Option<&Path>, out: &mut Out) {
        let before = self.command(origin);
        let more = match path {
            Some(path) => {
                let replay = format!("{} replay {}", program(), shell_word(&path.to_string_lossy()));
                let note = if matches!(found, Found::Smaller(_)) { "  (before it was shrunk)" } else { "" };
                let path = path.display().to_string();
                vec![("case", path), ("replay", replay), ("", format!("{before}{note}"))]
            }
            None => vec![("replay", before)],
        };
        out.text(&format!("{}\n", found.told(origin.seed(), &more, out.columns())));
    }
}

/// Where a run came from.
#[derive(Debug)]
pub(super) enum Origin {
    Seed(u64),
    /// An input of a fuzzer's: the file, and what the case is called after it.
    Input {
        path: PathBuf,
        name: String,
    },
}

impl Origin {
    fn seed(&self) -> Option<u64> {
        match self {
            Origin::Seed(seed) => Some(*seed),
            Origin::Input { .. } => None,
        }
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

fn line(found: &Found, seed: Option<u64>, path: Option<PathBuf>) -> Line<'static> {
    let trial = found.trial();
    let failure = json::Failure {
        seed: seed.map(json::seed),
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
