//! Stored cases: a failing scenario with its decisions, as JSON that replays after the generator has changed.
//!
//! A case names its format and version first, and then tells its story; a reader refuses what is newer than itself. Version 2 adds
//! what was done to make the run small; cases of version 1 are read as runs that nobody tried to make smaller. Version 3 adds
//! operations of a host's own. In version 4 a run's setup says which medium it has; those before are read as being about files.
//! `docs/reference/case.schema.json` says what may stand in a case.

use crate::base::atomic_file::{directory, publish_file};
use crate::base::decide::{Decider, Decisions};
use crate::base::trace::TraceHash;
use crate::scenario::Scenario;
use crate::shrink::Shrunk;
use crate::trial::Trial;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use xxhash_rust::xxh3::xxh3_64;

/// What a case file calls itself.
const FORMAT: &str = "asl-sim-case";
/// The version that is written, and the newest that is read.
pub const VERSION: u32 = 4;
/// No case is longer than this many bytes.
const LEN_MAX: u64 = 64 << 20;

/// A failing run, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Case {
    format: String,
    version: u32,
    /// What went wrong, for people.
    pub story: Vec<String>,
    /// Name of the target that failed.
    pub target: String,
    /// The seed that it came from, if it came from one. Of a run that was made smaller, the seed of the bigger one.
    pub seed: Option<String>,
    /// What was done to make the run small, if anything was.
    #[serde(default)]
    pub shrunk: Option<Shrinking>,
    /// The primary invariant that broke, or `hang`.
    pub invariant: String,
    /// What tells this failure from others.
    pub signature: String,
    /// The hash of the failing run's trace.
    pub trace_hash: TraceHash,
    /// The program that wrote it: traces are compared only if it is the same.
    pub build: String,
    /// What was run.
    pub scenario: Scenario,
    /// The decisions that were not 0.
    pub decisions: Decisions,
}

/// How a run was made small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Shrinking {
    /// How many operations the run had at first.
    pub ops_before: usize,
    /// How many smaller runs were tried.
    pub tries: u64,
    /// Whether nothing more could be taken away; false if it was ended early.
    pub complete: bool,
}

/// A name for this build of the simulator: its version, and a hash of the program. Only of the same program is the same
/// trace expected. A program that cannot be read has no hash, and its traces are never compared.
pub fn build() -> String {
    static BUILD: OnceLock<String> = OnceLock::new();
    let name = || {
        let program = std::env::current_exe().and_then(std::fs::read);
        let hash = program.map_or_else(|_| "unknown".to_owned(), |bytes| format!("{:016x}", xxh3_64(&bytes)));
        format!("asl-sim {} {hash}", env!("CARGO_PKG_VERSION"))
    };
    BUILD.get_or_init(name).clone()
}

impl Shrinking {
    fn of(shrunk: &Shrunk) -> Shrinking {
        Shrinking { ops_before: shrunk.ops_before, tries: shrunk.tries, complete: shrunk.complete }
    }
}

/// Why a case cannot be read.
#[derive(Debug)]
pub enum ReadError {
    /// The file cannot be read.
    Io(io::Error),
    /// It is no case, or a damaged one.
    Damaged(String),
    /// It was written by a newer version.
    Future(u64),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io(error) => error.fmt(f),
            ReadError::Damaged(why) => write!(f, "not a whole case file: {why}"),
            ReadError::Future(version) => {
                write!(
                    f,
                    "it has format version {version}, this program reads {VERSION}: use a newer asl-sim"
                )
            }
        }
    }
}

/// The head of a case of any version.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u64,
}

/// The version from which on a setup says which medium it is of.
const SETUP_BY_MEDIUM: u64 = 4;

/// Until then, the settings of a file system stood among the others. What is not as it should be is left to the reader.
fn into_setup_by_medium(case: &mut Value) {
    let Some(setup) = case.pointer_mut("/scenario/setup").and_then(Value::as_object_mut) else { return };
    let files = ["profile", "sector_len", "fill"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), setup.remove(name)?)));
    let files: Map<String, Value> = files.collect();
    setup.insert("medium".to_owned(), json!({ "files": files }));
}

impl Case {
    /// The case of a trial that failed. The trial's decider was recording.
    ///
    /// # Panics
    ///
    /// If the trial passed.
    pub fn of(trial: &Trial, target: &str, seed: Option<u64>, story: Vec<String>) -> Case {
        let signature = trial.signature().expect("a case is of a failure");
        Case {
            format: FORMAT.to_owned(),
            version: VERSION,
            story,
            target: target.to_owned(),
            seed: seed.map(|seed| format!("{seed:#x}")),
            shrunk: None,
            invariant: trial.verdict.primary().map_or("hang", |violation| violation.name()).to_owned(),
            signature,
            trace_hash: trial.outcome.trace,
            build: build(),
            scenario: Scenario::clone(&trial.scenario),
            decisions: trial.outcome.decisions.clone(),
        }
    }

    /// The case of a run that was made smaller.
    ///
    /// # Panics
    ///
    /// If the run passes: then it was none that could be made smaller.
    pub fn of_shrunk(shrunk: &Shrunk, target: &str, seed: Option<u64>, story: Vec<String>) -> Case {
        let case = Case::of(&shrunk.trial, target, seed, story);
        Case { shrunk: Some(Shrinking::of(shrunk)), ..case }
    }

    /// The same failure, in a smaller run. If this one was made smaller before, what counts is how big it was at first.
    ///
    /// # Panics
    ///
    /// If the smaller run passes: then it is not the same failure.
    #[must_use]
    pub fn made_smaller(&self, shrunk: &Shrunk, story: Vec<String>) -> Case {
        let mut shrinking = Shrinking::of(shrunk);
        if let Some(before) = self.shrunk {
            shrinking.ops_before = before.ops_before;
            shrinking.tries += before.tries;
        }
        let case = Case::of(&shrunk.trial, &self.target, None, story);
        Case { seed: self.seed.clone(), shrunk: Some(shrinking), ..case }
    }

    /// Whether the same program wrote it, so that its trace must be the same.
    pub fn is_of_this_build(&self) -> bool {
        self.build == build() && !self.build.ends_with("unknown")
    }

    /// Answers every question as the case has it.
    pub fn decider(&self) -> Decider {
        Decider::replaying(self.decisions.clone())
    }

    /// A case from its text.
    pub fn parse(text: &str) -> Result<Case, ReadError> {
        if text.trim().is_empty() {
            return Err(ReadError::Damaged("it is empty".to_owned()));
        }
        let damaged = |error: serde_json::Error| ReadError::Damaged(error.to_string());
        let head: Head = serde_json::from_str(text).map_err(damaged)?;
        if head.format != FORMAT {
            return Err(ReadError::Damaged(format!("its format is {:?}, not {FORMAT:?}", head.format)));
        }
        if head.version > u64::from(VERSION) {
            return Err(ReadError::Future(head.version));
        }
        let case: Case = if head.version < SETUP_BY_MEDIUM {
            let mut case: Value = serde_json::from_str(text).map_err(damaged)?;
            into_setup_by_medium(&mut case);
            serde_json::from_value(case).map_err(damaged)?
        } else {
            // An error says in which line it is.
            serde_json::from_str(text).map_err(damaged)?
        };
        let case = Case { version: VERSION, ..case };
        case.scenario.validate().map_err(ReadError::Damaged)?;
        Ok(case)
    }

    /// Reads a case file.
    pub fn load(path: &Path) -> Result<Case, ReadError> {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(ReadError::Io)?;
        file.take(LEN_MAX + 1).read_to_end(&mut bytes).map_err(ReadError::Io)?;
        if bytes.len() as u64 > LEN_MAX {
            return Err(ReadError::Damaged(format!("more than {LEN_MAX} bytes are too many for one")));
        }
        let text = String::from_utf8(bytes).map_err(|_| ReadError::Damaged("it is not text".to_owned()))?;
        Case::parse(&text)
    }

    /// The text of the case.
    ///
    /// # Panics
    ///
    /// Never: a case is plain data.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a case is plain data");
        text.push('\n');
        text
    }

    /// Writes the case into a directory, whole or not at all, and returns its path. A case of the same name is replaced.
    pub fn save(&self, dir: &Path) -> io::Result<PathBuf> {
        self.save_as(dir, self.seed.as_deref().unwrap_or("case"))
    }

    /// Writes the case as [`Case::save`] does, with this after the target's name instead of the seed.
    pub fn save_as(&self, dir: &Path, name: &str) -> io::Result<PathBuf> {
        let target = self.target.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        self.save_file(dir, &format!("{target}-{name}.json"))
    }

    /// Writes the case as [`Case::save`] does, into a file of this name.
    pub fn save_file(&self, dir: &Path, name: &str) -> io::Result<PathBuf> {
        let path = dir.join(name);
        self.write(&path)?;
        Ok(path)
    }

    /// Writes the case to this path, whole or not at all. What was there is replaced; directories above it are made.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(directory(path))?;
        publish_file(path, self.to_json().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_SCHEMA=1 cargo test -p asl-sim --lib schema` writes it anew.
    #[test]
    fn the_committed_schema_is_that_of_the_format() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/case.schema.json");
        let schema = schemars::schema_for!(Case);
        let schema = serde_json::to_string_pretty(&schema).expect("a schema is plain data") + "\n";
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            publish_file(&path, schema.as_bytes()).expect("it can be written");
        }
        let committed = std::fs::read_to_string(&path).expect("it is there");
        assert!(
            committed == schema,
            "the format has changed: `UPDATE_SCHEMA=1 cargo test -p asl-sim --lib schema` writes the schema anew"
        );
    }
}
