//! The contract on a real disk: every case that runs in simulation, through the same bodies, and what only processes and
//! real media can show.
//!
//! [`Conform::prepare`] looks whether a target can be tried in a directory, [`Conform::run`] does it: in a fresh directory
//! inside that one, which is removed at the end, each check in an empty directory of its own and with a deadline. Checks
//! are sentences that are true when they pass. What cannot be done here is skipped by name, with the reason.
//!
//! Not checked: the loss of power and failing calls, for which a real disk would have to be told to fail, and which
//! [`campaign`](crate::campaign)s are for. No call waits on a real disk, so of cases about futures that are polled by turns
//! or dropped half-way little is seen. After a kill that cannot be caught the fresh directory stays.
//!
//! ```
//! use asl_host::PosixHost;
//! use asl_sim::conform::conform;
//! use asl_sim::target::Target;
//!
//! let target = Target::new("mine", "the host I write", |machine| {
//!     PosixHost::with_seams(machine.file_system(), machine.env(), machine.root(), Default::default())
//! })
//! .on_disk(|disk| PosixHost::new(disk.root()));
//! let report = conform(&target, &std::env::temp_dir())?;
//! assert!(report.passed(), "{:?}", report.failures().collect::<Vec<_>>());
//! # Ok::<(), asl_sim::conform::Refused>(())
//! ```

pub mod cases;
mod deadline;
mod disk;
mod exclusion;
mod mounts;
mod part;
mod plan;
mod processes;
mod read_only;
mod space;

pub use crate::base::block_on;
pub use deadline::{Ended, within};
pub use part::{Helper, take_part};
pub use plan::{check_names, groups};

use crate::base::Stopwatch;
use crate::hosts::Target;
use crate::surroundings::FileSystem;
use disk::OnDisk;
use part::Came;
use plan::Check;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// What names of directories that are ours begin with.
const PREFIX: &str = "asl-sim-conform-";

/// How often it is tried to remove the fresh directory, and how long is waited in between.
const REMOVALS_MAX: u32 = 20;
const REMOVAL_PAUSE: Duration = Duration::from_millis(50);

/// How a target is to be tried.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a check may take. Far more than any needs, so that a slow disk is not a failure. Default 60 s.
    pub deadline: Duration,
    /// Names of the checks that are wanted; all if there are none.
    pub only: Vec<String>,
    /// How to start other processes; without it, checks that need them are skipped.
    pub helper: Option<Helper>,
    /// Set to end early, with all that was made removed.
    pub stop: Arc<AtomicBool>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            deadline: Duration::from_mins(1),
            only: Vec::new(),
            helper: None,
            stop: Arc::new(AtomicBool::new(false)),
        }
    }
}

/// Why a target cannot be tried there.
#[derive(Debug)]
pub enum Refused {
    /// The target cannot be started on a real disk.
    NotOnDisk,
    /// The directory cannot be used, and why.
    Location(&'static str),
    /// The directory cannot be looked at.
    Io(io::Error),
    /// Nothing can be made in the directory.
    NotWritable(io::Error),
    /// There is no check of this name.
    UnknownCheck(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::NotOnDisk => f.write_str("the target cannot be started on a real disk"),
            Refused::Location(why) => f.write_str(why),
            Refused::Io(error) => error.fmt(f),
            Refused::NotWritable(error) => write!(f, "nothing can be made in it: {error}"),
            Refused::UnknownCheck(name) => write!(f, "there is no check named {name:?}"),
        }
    }
}

impl std::error::Error for Refused {}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What its name says is true.
    Passed,
    /// It is not, and what was seen instead.
    Failed(String),
    /// It did not end within the deadline.
    Hung,
    /// It was skipped: the host does not offer what it is about.
    NotOffered(&'static str),
    /// It was skipped: it could not be carried out here, and why.
    Skipped(String),
}

/// A check that was looked at.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What it is about, in a word or two.
    pub group: &'static str,
    /// A sentence, with underscores for blanks.
    pub name: &'static str,
    /// What came of it.
    pub outcome: Outcome,
    /// What it was carried out on, where that is not the directory itself; else empty.
    pub note: String,
    /// How long it took.
    pub elapsed: Duration,
}

/// What came of all checks.
#[derive(Clone, Debug)]
pub struct Report {
    /// The checks that were looked at, in order.
    pub checks: Vec<Checked>,
    /// Whether it was ended early.
    pub interrupted: bool,
}

impl Report {
    /// Whether no check failed or hung. What was skipped, and whether it was ended early, is another question.
    pub fn passed(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The checks that failed or hung.
    pub fn failures(&self) -> impl Iterator<Item = &Checked> {
        self.checks.iter().filter(|check| matches!(check.outcome, Outcome::Failed(_) | Outcome::Hung))
    }
}

/// Tries a target in a directory that exists, without other processes; see [`Conform`] for more.
pub fn conform(target: &Target, location: &Path) -> Result<Report, Refused> {
    Ok(Conform::prepare(target, location, Options::default())?.run(|_| ()))
}

/// What one check gets: an empty directory, the target in it, and a way to other processes.
#[derive(Clone, Debug)]
struct Site {
    here: OnDisk,
    helper: Option<Arc<Helper>>,
}

/// A target that is about to be tried in a directory.
#[derive(Debug)]
pub struct Conform {
    target: Target,
    file_system: FileSystem,
    fresh: TempDir,
    checks: Vec<Check>,
    options: Options,
}

impl Conform {
    /// Makes sure that the target can be tried there, and makes the fresh directory.
    pub fn prepare(target: &Target, location: &Path, options: Options) -> Result<Conform, Refused> {
        if !target.runs_on_disk() {
            return Err(Refused::NotOnDisk);
        }
        let checks = plan::chosen(&options.only).map_err(Refused::UnknownCheck)?;
        match location.metadata() {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(Refused::Location("it is not a directory")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Refused::Location("there is no such directory"));
            }
            Err(error) => return Err(Refused::Io(error)),
        }
        let location = location.canonicalize().map_err(Refused::Io)?;
        if location.to_str().is_none() {
            return Err(Refused::Location("its name is not UTF-8, as the locations of stores are"));
        }
        let file_system = FileSystem::of(&location).map_err(Refused::Io)?;
        let fresh =
            tempfile::Builder::new().prefix(PREFIX).tempdir_in(&location).map_err(Refused::NotWritable)?;
        Ok(Conform { target: target.clone(), file_system, fresh, checks, options })
    }

    /// What the directory is on.
    pub fn file_system(&self) -> &FileSystem {
        &self.file_system
    }

    /// How many checks there are, those to be skipped among them.
    pub fn count(&self) -> usize {
        self.checks.len()
    }

    /// Carries out the checks, one after the other, and says what came of each as soon as it is known.
    pub fn run(self, mut seen: impl FnMut(&Checked)) -> Report {
        let Conform { target, fresh, checks, options, .. } = self;
        let mut report = Report { checks: Vec::new(), interrupted: false };
        let mut add = |checked: Checked, report: &mut Report| {
            seen(&checked);
            report.checks.push(checked);
        };
        for check in &checks {
            let stopped = options.stop.load(Ordering::Relaxed);
            match (!stopped).then(|| carry_out(check, &target, fresh.path(), &options)).flatten() {
                Some(checked) => add(checked, &mut report),
                None => {
                    report.interrupted = true;
                    break;
                }
            }
        }
        add(clean_up(fresh), &mut report);
        report
    }
}

/// Carries out a check in a directory of its own; `None` if it was ended early.
fn carry_out(check: &Check, target: &Target, fresh: &Path, options: &Options) -> Option<Checked> {
    let watch = Stopwatch::start();
    let root = fresh.join(check.name);
    let (group, name) = (check.group, check.name);
    let checked = |outcome, note| Checked { group, name, outcome, note, elapsed: watch.elapsed() };
    if let Err(error) = fs::create_dir(&root) {
        let why = format!("no directory can be made for it: {error}");
        return Some(checked(Outcome::Skipped(why), String::new()));
    }
    let here = OnDisk::new(target, root.to_str().expect("its parent's name is text"));
    let site = Site { here, helper: options.helper.clone().map(Arc::new) };
    let carried_out = check.clone();
    let ended = within(options.deadline, &options.stop, check.name, move || carried_out.carry_out(&site));
    let (mut outcome, mut note) = (Outcome::Passed, String::new());
    match ended {
        Ended::Done(Came::Passed(on)) => note = on,
        Ended::Done(Came::NotOffered(what)) => outcome = Outcome::NotOffered(what),
        Ended::Done(Came::Skipped(why)) => outcome = Outcome::Skipped(why),
        Ended::Done(Came::Failed(text)) | Ended::Panicked(text) => outcome = Outcome::Failed(text),
        Ended::Hung => outcome = Outcome::Hung,
        Ended::Stopped => return None,
    }
    // Where a check hung its thread may still be at work; the end of all tells whether something was left behind.
    let _ = fs::remove_dir_all(&root);
    Some(checked(outcome, note))
}

/// Removes a directory. What was interrupted may go on making files in it for a moment.
fn remove(dir: TempDir) -> io::Result<()> {
    for _ in 0..REMOVALS_MAX {
        if fs::remove_dir_all(dir.path()).is_ok() {
            break;
        }
        std::thread::park_timeout(REMOVAL_PAUSE);
    }
    match dir.close() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        closed => closed,
    }
}

/// Removes the fresh directory, and makes sure that hosts kept to the directories that they were given.
fn clean_up(fresh: TempDir) -> Checked {
    let watch = Stopwatch::start();
    let strange = fs::read_dir(fresh.path()).map(|entries| {
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| !check_names().any(|known| known == name)).collect::<Vec<_>>()
    });
    let path = fresh.path().to_path_buf();
    let closed = remove(fresh);
    let outcome = match (strange, closed) {
        (Ok(strange), _) if !strange.is_empty() => {
            Outcome::Failed(format!("the host made {} beside its directory", strange.join(", ")))
        }
        (_, Err(error)) if path.exists() => Outcome::Failed(format!("{} is left: {error}", path.display())),
        _ => Outcome::Passed,
    };
    let (group, name) = plan::LAST;
    Checked { group, name, outcome, note: String::new(), elapsed: watch.elapsed() }
}
