//! What other programs are left of a campaign besides what is printed: a JUnit report, and what GitHub Actions shows.

use super::Status;
use super::error::{Error, plain};
use super::resume::tell;
use super::run_args::RunArgs;
use crate::base::atomic_file::{directory, publish_file};
use crate::campaign::Summary;
use crate::failing::Subject;
use crate::report::distinct::distinct;
use crate::report::{github, junit};
use std::fs::OpenOptions;
use std::io::{self, Write, stderr};
use std::path::Path;
use std::time::Duration;

/// A campaign that is over.
pub(super) struct Published<'a> {
    pub(super) subject: &'a Subject,
    pub(super) summary: &'a Summary,
    pub(super) elapsed: Duration,
    /// What was not exercised.
    pub(super) missing: &'a [&'a str],
    /// The summary, as people read it.
    pub(super) text: &'a str,
}

/// Leaves what is wanted. That the report cannot be written is wrong usage, unless something worse was found.
pub(super) fn publish(args: &RunArgs, of: &Published<'_>) -> Status {
    let found = distinct(of.summary, |seed| of.subject.replay_command(seed));
    let target = of.subject.target.name();
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        // GitHub reads commands from both streams; standard output may be lines of JSON.
        let _ = stderr().write_all(github::annotations(target, &found).as_bytes());
        let shard = args.shard.map_or_else(String::new, |shard| format!(", shard {shard}"));
        let heading = format!("{target}{shard}");
        let text = github::step_summary(&heading, of.summary, &found, of.missing, of.elapsed);
        if let Err(error) = append_to_step_summary(&text) {
            tell(&format!("the step summary cannot be written: {}", plain(&error)));
        }
    }
    let Some(path) = &args.junit else { return Status::Passed };
    let text = anstream::adapter::strip_str(of.text).to_string();
    match publish_file(path, junit::xml(target, of.summary, &found, &text, of.elapsed).as_bytes()) {
        Ok(()) => Status::Passed,
        Err(error) => not_publishable(path, &error).print(),
    }
}

/// Whether a report can be written there, before hours are spent on what it is to say.
pub(super) fn check_publishable(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Err(not_publishable(path, &io::ErrorKind::IsADirectory.into()));
    }
    tempfile::NamedTempFile::new_in(directory(path)).map(drop).map_err(|error| not_publishable(path, &error))
}

fn not_publishable(path: &Path, error: &io::Error) -> Error {
    Error::new(format!("cannot write the report {:?}: {}", path.display().to_string(), plain(error)))
        .hint("name a file in a directory that exists with --junit FILE")
}

fn append_to_step_summary(text: &str) -> io::Result<()> {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes())
}
