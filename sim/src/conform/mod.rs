//! The contract on a real disk or a real object store: every case that runs in simulation, through the same bodies, and what only
//! processes and real media can show.
//!
//! [`Conform::prepare`] looks whether a target can be tried in a directory, `prepare_on_bucket` whether it can in a bucket, and
//! [`Conform::run`] does it: in a fresh directory or below a fresh prefix, which is removed at the end, each check in an empty one of its
//! own and with a deadline. Checks are sentences that are true when they pass. What cannot be done here is skipped by name, with the reason.
//!
//! Not checked: the loss of power and failing calls, for which a real disk would have to be told to fail, and which
//! [`campaign`](crate::campaign)s are for. No call waits on a real disk, so of cases about futures that are polled by turns
//! or dropped half-way little is seen there. After a kill that cannot be caught the fresh directory or prefix stays.
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

#[cfg(feature = "vendors")]
mod bucket;
pub mod cases;
mod deadline;
mod exclusion;
mod fencing;
mod fresh;
mod mounts;
mod part;
mod plan;
mod processes;
mod read_only;
mod real;
#[cfg(feature = "vendors")]
mod server;
mod space;
#[cfg(feature = "vendors")]
mod wire;
#[cfg(feature = "vendors")]
mod writer;

pub use crate::base::block_on;
pub use deadline::{Ended, within};
pub use part::{Helper, take_part};
pub use plan::{check_names, groups};

use crate::base::Stopwatch;
use crate::hosts::Target;
use crate::surroundings::FileSystem;
use fresh::Fresh;
use part::Came;
use plan::Check;
use real::Real;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What names of directories that are ours begin with.
const PREFIX: &str = "asl-sim-conform-";

/// How a target is to be tried.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a check may take. Far more than any needs, so that a slow disk is not a failure. Default 60 s.
    pub deadline: Duration,
    /// Names of the checks that are wanted; all if there are none.
    pub only: Vec<String>,
    /// How to start other processes; without it, checks that need them are skipped.
    pub helper: Option<Helper>,
    /// How often a process is killed in each of the checks that kill some. Default 6.
    pub kills: u64,
    /// The command that starts the server of a bucket in the foreground: it is started, killed and started again. Without it, nobody
    /// kills a server.
    pub server: Option<String>,
    /// Set to end early, with all that was made removed.
    pub stop: Arc<AtomicBool>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            deadline: Duration::from_mins(1),
            only: Vec::new(),
            helper: None,
            kills: 6,
            server: None,
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
    /// The target cannot be started on a bucket.
    NotOnBuckets,
    /// The bucket cannot be used: why, and what would help.
    Bucket(String, String),
    /// The bucket cannot be asked.
    #[cfg(feature = "vendors")]
    Unreachable(asl_probe::Refused),
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
            Refused::NotOnBuckets => f.write_str("the target cannot be started on a bucket"),
            Refused::Bucket(why, _) => f.write_str(why),
            #[cfg(feature = "vendors")]
            Refused::Unreachable(why) => f.write_str(&why.line),
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
    here: Real,
    helper: Option<Arc<Helper>>,
    /// How often a process is killed.
    kills: u64,
    #[cfg(feature = "vendors")]
    server: Option<server::Server>,
}

/// What a target is tried on.
#[derive(Clone, Copy, Debug)]
pub enum Medium<'a> {
    /// A directory of this file system.
    FileSystem(&'a FileSystem),
    /// A bucket, and the URL of the fresh prefix in it.
    Bucket(&'a str),
}

impl fmt::Display for Medium<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Medium::FileSystem(on) => on.fmt(f),
            Medium::Bucket(prefix) => f.write_str(prefix),
        }
    }
}

/// A target that is about to be tried in a directory or on a bucket.
#[derive(Debug)]
pub struct Conform {
    target: Target,
    fresh: Fresh,
    checks: Vec<Check>,
    options: Options,
    #[cfg(feature = "vendors")]
    server: Option<server::Server>,
}

impl Conform {
    /// Makes sure that the target can be tried there, and makes the fresh directory.
    pub fn prepare(target: &Target, location: &Path, options: Options) -> Result<Conform, Refused> {
        if !target.runs_on_disk() {
            return Err(Refused::NotOnDisk);
        }
        let checks = plan::chosen(&options.only, false).map_err(Refused::UnknownCheck)?;
        let fresh = Fresh::dir_in(location)?;
        Ok(Conform {
            target: target.clone(),
            fresh,
            checks,
            options,
            #[cfg(feature = "vendors")]
            server: None,
        })
    }

    /// Makes sure that the target can be tried on the bucket of this URL, whose server is started first if the options say how.
    #[cfg(feature = "vendors")]
    pub fn prepare_on_bucket(target: &Target, location: &str, options: Options) -> Result<Conform, Refused> {
        if !target.runs_on_buckets() {
            return Err(Refused::NotOnBuckets);
        }
        let checks = plan::chosen(&options.only, true).map_err(Refused::UnknownCheck)?;
        let server = match (&options.server, &options.helper) {
            (Some(command), Some(helper)) => {
                let cannot = |why| Refused::Bucket(format!("its server: {why}"), String::new());
                let server = server::Server::start(helper, command).map_err(cannot)?;
                server::wait_for(location).map_err(cannot)?;
                Some(server)
            }
            _ => None,
        };
        let fresh = Fresh::Prefix(bucket::Prefix::in_bucket(location)?);
        Ok(Conform { target: target.clone(), fresh, checks, options, server })
    }

    /// What it is tried on.
    pub fn medium(&self) -> Medium<'_> {
        match &self.fresh {
            Fresh::Dir(_, file_system) => Medium::FileSystem(file_system),
            #[cfg(feature = "vendors")]
            Fresh::Prefix(prefix) => Medium::Bucket(prefix.url()),
        }
    }

    /// How many checks there are, those to be skipped among them.
    pub fn count(&self) -> usize {
        self.checks.len()
    }

    /// Carries out the checks, one after the other, and says what came of each as soon as it is known.
    pub fn run(self, mut seen: impl FnMut(&Checked)) -> Report {
        let mut report = Report { checks: Vec::new(), interrupted: false };
        let mut add = |checked: Checked, report: &mut Report| {
            seen(&checked);
            report.checks.push(checked);
        };
        for check in &self.checks {
            let stopped = self.options.stop.load(Ordering::Relaxed);
            match (!stopped).then(|| self.carry_out(check)).flatten() {
                Some(checked) => add(checked, &mut report),
                None => {
                    report.interrupted = true;
                    break;
                }
            }
        }
        let watch = Stopwatch::start();
        let outcome = self.fresh.clean_up();
        let (group, name) = plan::LAST;
        add(Checked { group, name, outcome, note: String::new(), elapsed: watch.elapsed() }, &mut report);
        report
    }

    /// Carries out a check in a place of its own; `None` if it was ended early.
    fn carry_out(&self, check: &Check) -> Option<Checked> {
        let watch = Stopwatch::start();
        let (group, name) = (check.group, check.name);
        let checked = |outcome, note| Checked { group, name, outcome, note, elapsed: watch.elapsed() };
        let root = match self.fresh.place(name) {
            Ok(root) => root,
            Err(why) => return Some(checked(Outcome::Skipped(why), String::new())),
        };
        let options = &self.options;
        let site = Site {
            here: Real::new(&self.target, &root),
            helper: options.helper.clone().map(Arc::new),
            kills: options.kills,
            #[cfg(feature = "vendors")]
            server: self.server.clone(),
        };
        let carried_out = check.clone();
        let ended = within(options.deadline, &options.stop, name, move || carried_out.carry_out(&site));
        let (mut outcome, mut note) = (Outcome::Passed, String::new());
        match ended {
            Ended::Done(Came::Passed(on)) => note = on,
            Ended::Done(Came::NotOffered(what)) => outcome = Outcome::NotOffered(what),
            Ended::Done(Came::Skipped(why)) => outcome = Outcome::Skipped(why),
            Ended::Done(Came::Failed(text)) | Ended::Panicked(text) => outcome = Outcome::Failed(text),
            Ended::Hung => outcome = Outcome::Hung,
            Ended::Stopped => return None,
        }
        self.fresh.remove(&root);
        Some(checked(outcome, note))
    }
}
