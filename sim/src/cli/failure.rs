//! A failing run: made again, stored as a case, printed.

use super::Status;
use super::error::Error;
use super::out::Out;
use super::wishes::options;
use crate::campaign::settle_seed;
use crate::case::Case;
use crate::panics;
use crate::report::json::{self, Line};
use crate::report::layout::shell_word;
use crate::report::{failure, story::story};
use crate::scenario::generate::Wishes;
use crate::target::Target;
use crate::trace::TraceHash;
use crate::trial::Trial;
use asl_host::Capabilities;
use std::io;
use std::path::{Path, PathBuf};

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

    /// Stores a failure as a case, and prints it. That the case cannot be stored is told, and does not matter otherwise.
    pub(super) fn report(&self, trial: &Trial, seed: u64, dir: &Path, out: &mut Out) -> Status {
        let story = story(trial);
        let saved = Case::of(trial, self.target.name(), Some(seed), story.clone()).save(dir);
        if let Err(error) = &saved {
            Error::new(format!("cannot save a case in {}: {error}", dir.display())).print();
        }
        let path = saved.ok();
        let mut text = failure::headline(trial, out.columns());
        text.push('\n');
        text.push_str(&failure::story(&story));
        text.push('\n');
        text.push_str(&failure::also_broken(trial, out.columns()));
        text.push_str(&failure::field("signature", &trial.signature().unwrap_or_default()));
        text.push_str(&failure::field("seed", &json::seed(seed)));
        text.push_str(&failure::field("trace", &trial.outcome.trace.to_string()));
        if let Some(path) = &path {
            text.push_str(&failure::field("case", &path.display().to_string()));
            text.push_str(&failure::field(
                "replay",
                &format!("asl-sim replay {}", shell_word(&path.to_string_lossy())),
            ));
            text.push_str(&failure::field("", &self.replay_command(seed)));
        } else {
            text.push_str(&failure::field("replay", &self.replay_command(seed)));
        }
        out.text(&format!("{text}\n"));
        out.json(&line(trial, seed, path));
        status_of(trial)
    }
}

fn line(trial: &Trial, seed: u64, path: Option<PathBuf>) -> Line<'static> {
    let failure = json::Failure {
        seed: json::seed(seed),
        case: path.map(|path| path.to_string_lossy().into_owned()),
        ops: trial.scenario.ops.len(),
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
