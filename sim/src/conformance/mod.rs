//! A host tested by `cargo test`: the door for those who write one in their own crate.
//!
//! ```no_run
//! # use asl_host::{PosixHost, PosixOptions};
//! use asl_sim::conformance::Conformance;
//!
//! #[test]
//! # fn hidden() {}
//! fn my_host_keeps_the_contract() {
//!     Conformance::new("my-host", |machine| {
//!         // MyHost::new(machine.file_system(), machine.env(), machine.root())
//! #       PosixHost::with_seams(machine.file_system(), machine.env(), machine.root(), PosixOptions::default())
//!     })
//!     .regressions("tests/cases")
//!     .check();
//! }
//! ```
//!
//! [`check`](Conformance::check) replays the cases that are kept, makes a campaign of seeded runs, makes some of them again, and
//! panics with the story of what failed, made small, with the place of its case and the command that replays it. The environment says
//! what is to be different this time:
//!
//! | variable | meaning |
//! |---|---|
//! | `ASL_SIM_SEEDS` | how many runs |
//! | `ASL_SIM_SEED` | the first seed, decimal or 0x hex |
//! | `ASL_SIM_FOR` | for how long, as 90s, 30m or 2h; as many runs as there is time for unless `ASL_SIM_SEEDS` is given |
//! | `ASL_SIM_JOBS` | how many threads |
//! | `ASL_SIM_OUT` | where cases are stored, in place of `target/asl-sim` |
//! | `ASL_SIM_REPLAY` | a case or a seed that is run in place of everything else |
//!
//! Nothing is left behind but cases: no hook, no signal handler, no variable. Tests of several hosts may run at the same time.
//!
//! Not covered: that the host does the same in another *process* (the command checks that for its own targets); a host that never
//! returns without asking its seams for anything hangs its test.

mod place;
mod settings;

#[cfg(feature = "proptest")]
pub(crate) use place::test_name;
pub(crate) use place::{cases_dir, replay_command, shown};

use crate::base::Stopwatch;
use crate::base::words::{PIPE_COLUMNS, things};
use crate::campaign::{Campaign, Conduct, Progress, Summary, run_with};
use crate::case::Case;
use crate::catalogue::find;
use crate::check::OwnInvariant;
use crate::determinism::{Difference, difference};
use crate::failing::{Again, Found, Subject};
use crate::hosts::{Machine, OwnOperation, Target};
use crate::report::json;
use crate::report::progress::{Goal, watched};
use crate::scenario::generate::Wishes;
use crate::scenario::{FaultClass, Profile, Runtime};
use crate::shrink::{self, shrink};
use crate::tell::story::story;
use crate::trial::run_seed;
use crate::trial::trial;
use asl_host::Host;
use settings::{Replay, Settings};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Runs of a check that is told neither how many nor for how long.
const SEEDS_USUAL: u64 = 1000;
/// Runs that are made once more, to see that the host does the same.
const REPEATED: u64 = 20;
/// How long a failure is made smaller.
const SHRINK_FOR: Duration = Duration::from_secs(10);

/// A check of one host, to be set up and then made.
#[derive(Clone, Debug)]
pub struct Conformance {
    target: Target,
    wishes: Wishes,
    seeds: u64,
    first_seed: u64,
    regressions: Option<PathBuf>,
    known: BTreeSet<String>,
}

impl Conformance {
    /// Of a host of this name, which `boot` makes each time that a process starts. The name is in cases and their paths.
    pub fn new<H: Host>(
        name: impl Into<String>,
        boot: impl Fn(&Machine<'_>) -> H + Send + Sync + 'static,
    ) -> Conformance {
        Conformance::of(Target::new(name, "a host of one's own", boot))
    }

    /// Of a target that is there already.
    pub fn of(target: Target) -> Conformance {
        let wishes = target.wishes();
        let known = BTreeSet::new();
        Conformance { target, wishes, seeds: SEEDS_USUAL, first_seed: 1, regressions: None, known }
    }

    /// So many runs; 1000 unless said.
    #[must_use]
    pub fn seeds(self, seeds: u64) -> Conformance {
        Conformance { seeds, ..self }
    }

    /// The first of them with this seed; 1 unless said, so that a test comes to the same each time.
    #[must_use]
    pub fn first_seed(self, first_seed: u64) -> Conformance {
        Conformance { first_seed, ..self }
    }

    /// On this file system; on the weakest that POSIX allows unless said.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Conformance {
        self.wishes.profile = profile;
        self
    }

    /// Each run with trouble of one of these classes; crashes, and calls that fail, unless said.
    #[must_use]
    pub fn faults(mut self, classes: &[FaultClass]) -> Conformance {
        self.wishes.classes = classes.to_vec();
        self
    }

    /// With tasks and time moved by this; by the simulator's own runtime unless said.
    #[must_use]
    pub fn runtime(mut self, runtime: Runtime) -> Conformance {
        self.wishes.runtime = runtime;
        self
    }

    /// Each run with so many clients, which are drawn unless said.
    #[must_use]
    pub fn clients(mut self, clients: u16) -> Conformance {
        self.wishes.clients = Some(clients);
        self
    }

    /// Each run with so many operations, which are drawn unless said.
    #[must_use]
    pub fn ops(mut self, ops: u32) -> Conformance {
        self.wishes.ops = Some(ops);
        self
    }

    /// Judged by an invariant of one's own as well.
    ///
    /// # Panics
    ///
    /// If there is one of that name.
    #[must_use]
    pub fn invariant(mut self, invariant: OwnInvariant) -> Conformance {
        self.target = self.target.with_invariant(invariant);
        self
    }

    /// With an operation of one's own among the contract's.
    ///
    /// # Panics
    ///
    /// If there is one of that name.
    #[must_use]
    pub fn operation(mut self, operation: OwnOperation) -> Conformance {
        self.wishes.own.push(operation.name().to_owned());
        self.target = self.target.with_operation(operation);
        self
    }

    /// First of all, the cases in this directory, below that of the package, must pass: bugs that were mended. It need not exist.
    #[must_use]
    pub fn regressions(mut self, dir: impl Into<PathBuf>) -> Conformance {
        self.regressions = Some(dir.into());
        self
    }

    /// Failures with this signature are known, and fail nothing.
    #[must_use]
    pub fn known(mut self, signature: impl Into<String>) -> Conformance {
        self.known.insert(signature.into());
        self
    }

    /// Makes the check.
    ///
    /// # Panics
    ///
    /// If the host breaks the contract or hangs, with its story; if it does not do the same twice; if a variable of the environment or a
    /// case cannot be read, in one line; if the simulator has a bug.
    pub fn check(&self) {
        let read = Settings::read(|name| std::env::var(name).ok());
        if let Err(told) = read.and_then(|settings| self.checked(&settings)) {
            panic!("{}", anstream::adapter::strip_str(&told));
        }
    }

    fn checked(&self, settings: &Settings) -> Result<(), String> {
        if let Some(Replay::Case(path)) = &settings.replay {
            return self.replay(path);
        }
        let subject = Subject::new(self.target.clone(), self.wishes.clone())?;
        let campaign = self.campaign(settings);
        if settings.replay.is_none() {
            self.replay_regressions()?;
        }
        let summary = self.run(&campaign, settings.time);
        if let Some((seed, said)) = summary.bug {
            return Err(format!("bug in asl-sim: {said}; seed {seed:#x} shows it again; please report it"));
        }
        let out = settings.out.clone().unwrap_or_else(cases_dir);
        if let Some(failure) = summary.failures.first() {
            return Err(tell(&subject, failure.seed, &out));
        }
        for nth in 0..REPEATED.min(summary.runs) {
            let seed = campaign.base_seed.wrapping_add(nth * summary.runs / REPEATED.min(summary.runs));
            same_again(&subject, seed)?;
        }
        Ok(())
    }

    fn campaign(&self, settings: &Settings) -> Campaign {
        let seeds = settings.seeds.unwrap_or(if settings.time.is_some() { u64::MAX } else { self.seeds });
        let (base_seed, seeds) = match settings.replay {
            Some(Replay::Seed(seed)) => (seed, 1),
            _ => (settings.seed.unwrap_or(self.first_seed), seeds),
        };
        let jobs = settings.jobs.unwrap_or_else(jobs);
        let (target, wishes) = (self.target.clone(), self.wishes.clone());
        Campaign { target, wishes, base_seed, seeds, jobs, keep_going: false }
    }

    fn run(&self, campaign: &Campaign, time_max: Option<Duration>) -> Summary {
        let progress = Progress::default();
        let goal = Goal {
            runs: (campaign.seeds < u64::MAX).then_some(campaign.seeds),
            runs_before: 0,
            time: time_max,
        };
        let conduct = Conduct { time_max, known: Some(&self.known), ..Conduct::default() };
        watched(&progress, goal, Stopwatch::start(), || run_with(campaign, conduct, &progress))
    }

    /// The case that the environment names; one of another host is for that one's test.
    fn replay(&self, path: &Path) -> Result<(), String> {
        let case = load(path)?;
        if case.target != self.target.name() {
            eprintln!(
                "{}: the case {} is of {}, left alone",
                self.target.name(),
                path.display(),
                case.target
            );
            return Ok(());
        }
        let made = trial(&self.target, &Arc::new(case.scenario.clone()), &case.decider().recording());
        if made.passed() {
            eprintln!("{}: the case {} passes", self.target.name(), path.display());
            return Ok(());
        }
        let same = made.signature().as_ref() == Some(&case.signature);
        let note = if same { "it fails as it did" } else { "it fails, and in another way than it did" };
        let more = [("case", format!("{} ({note})", shown(path)))];
        Err(Found::AsItWas(made).told(None, &more, PIPE_COLUMNS))
    }

    fn replay_regressions(&self) -> Result<(), String> {
        let Some(dir) = self.regressions.as_deref().filter(|dir| dir.exists()) else { return Ok(()) };
        let entries = dir.read_dir().and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let entries = entries.map_err(|error| format!("cannot list {}: {error}", dir.display()))?;
        let mut paths: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        for path in paths {
            let case = load(&path)?;
            if case.target != self.target.name() {
                continue;
            }
            let made = trial(&self.target, &Arc::new(case.scenario.clone()), &case.decider().recording());
            if !made.passed() {
                let more =
                    [("case", format!("{} (a regression)", shown(&path))), ("replay", replay_command(&path))];
                return Err(Found::AsItWas(made).told(None, &more, PIPE_COLUMNS));
            }
        }
        Ok(())
    }
}

fn jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn load(path: &Path) -> Result<Case, String> {
    Case::load(path).map_err(|error| format!("cannot read the case {}: {error}", path.display()))
}

/// Makes the run of a seed that failed once more, makes it small, stores it and tells its story.
fn tell(subject: &Subject, seed: u64, out: &Path) -> String {
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
    let more = match case.save(out) {
        Ok(path) => {
            // The crate of a host of one's own has no command that knows it.
            let by_command = find(subject.target.name()).is_ok();
            let command = by_command.then(|| ("", format!("asl-sim replay {}", path.display())));
            let both = [("case", shown(&path)), ("replay", replay_command(&path))];
            both.into_iter().chain(command).collect()
        }
        Err(error) => vec![("case", format!("cannot be stored in {}: {error}", out.display()))],
    };
    found.told(Some(seed), &more, PIPE_COLUMNS)
}

/// Whether the run of a seed comes to the same when it is made twice.
fn same_again(subject: &Subject, seed: u64) -> Result<(), String> {
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
