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
//! [`check`](Conformance::check) replays the cases that are kept, makes a campaign of seeded runs, for ten seconds and at least a thousand
//! of them, makes some again, and panics with the story of what failed, made small, with the place of its case and the command that
//! replays it. With `--nocapture`, a check that passes says what it did, and what it did not get to do. The environment says what is to
//! be different this time:
//!
//! | variable | meaning |
//! |---|---|
//! | `ASL_SIM_SEEDS` | how many runs, however long they take |
//! | `ASL_SIM_SEED` | the first seed, decimal or 0x hex |
//! | `ASL_SIM_FOR` | for how long, as 90s, 30m or 2h; as many runs as there is time for unless `ASL_SIM_SEEDS` is given |
//! | `ASL_SIM_JOBS` | how many threads |
//! | `ASL_SIM_OUT` | where cases are stored, in place of `target/asl-sim` |
//! | `ASL_SIM_REPLAY` | a case or a seed that is run in place of everything else |
//! | `ASL_SIM_EXPLAIN` | 1: a failure is told with its whole story, as `asl-sim explain` tells it |
//! | `ASL_SIM_HTML` | that story as a page: a file `*.html`, or a directory for pages that are called as their cases |
//!
//! A variable `ASL_SIM_*` that is none of these is an error, so that a misspelt one does not make a short check of a long one.
//!
//! Nothing is left behind but cases: no hook, no signal handler, no variable. Tests of several hosts may run at the same time.
//!
//! Not covered: that the host does the same in another *process* (the command checks that for its own targets); a host that never
//! returns without asking its seams for anything hangs its test.

mod place;
mod settings;
mod told;

#[cfg(feature = "proptest")]
pub(crate) use place::test_name;
pub(crate) use place::{cases_dir, replay_command, shown};

use crate::base::Stopwatch;
use crate::base::words::PIPE_COLUMNS;
use crate::campaign::{Campaign, Conduct, Progress, Summary, run_with};
use crate::case::Case;
use crate::check::OwnInvariant;
use crate::failing::{Found, Subject};
use crate::hosts::{Machine, OwnOperation, Target};
use crate::report::progress::{Goal, watched};
use crate::scenario::generate::Wishes;
use crate::scenario::{FaultClass, Profile, Runtime};
use crate::trial::trial;
use asl_host::Host;
use settings::{Replay, Settings};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use told::{failed, passed, same_again, stories};

/// For how long a check makes runs that is told neither how many nor for how long,
const TIME_USUAL: Duration = Duration::from_secs(10);
/// and how many it makes at least.
const SEEDS_MIN: u64 = 1000;
/// Runs that are made once more, to see that the host does the same.
const REPEATED: u64 = 20;

/// A check of one host, to be set up and then made.
#[derive(Clone, Debug)]
pub struct Conformance {
    target: Target,
    wishes: Wishes,
    seeds: Option<u64>,
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
        Conformance { target, wishes, seeds: None, first_seed: 1, regressions: None, known }
    }

    /// So many runs, however long they take; as many as there is time for in ten seconds unless said, and at least a thousand.
    #[must_use]
    pub fn seeds(self, seeds: u64) -> Conformance {
        Conformance { seeds: Some(seeds), ..self }
    }

    /// The first of them with this seed; 1 unless said, so that a test makes the same runs each time.
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
        let done = Settings::of_environment().and_then(|settings| self.checked(&settings));
        match done {
            Ok(told) => eprint!("{}", anstream::adapter::strip_str(&told)),
            Err(told) => panic!("{}", anstream::adapter::strip_str(&told)),
        }
    }

    /// What was done, in words; or why the test is to fail.
    fn checked(&self, settings: &Settings) -> Result<String, String> {
        if let Some(Replay::Case(path)) = &settings.replay {
            return self.replay(path, settings);
        }
        let subject = Subject::new(self.target.clone(), self.wishes.clone())?;
        let amount = self.amount(settings);
        let campaign = self.campaign(settings, &amount);
        if settings.replay.is_none() {
            self.replay_regressions()?;
        }
        let watch = Stopwatch::start();
        let summary = self.run(&campaign, &amount);
        if let Some((seed, said)) = summary.bug {
            return Err(format!("bug in asl-sim: {said}; seed {seed:#x} shows it again; please report it"));
        }
        if let Some(failure) = summary.failures.first() {
            return Err(failed(&subject, failure.seed, campaign.base_seed, settings));
        }
        for nth in 0..REPEATED.min(summary.runs) {
            let seed = campaign.base_seed.wrapping_add(nth * summary.runs / REPEATED.min(summary.runs));
            same_again(&subject, seed)?;
        }
        Ok(passed(&subject, campaign.base_seed, &summary, watch.elapsed()))
    }

    /// How many runs are made, by what the environment says, or else the test.
    fn amount(&self, settings: &Settings) -> Amount {
        let runs = settings.seeds.or(self.seeds.filter(|_| settings.time.is_none()));
        match (&settings.replay, settings.time, runs) {
            (Some(_), ..) => Amount { runs: 1, runs_min: 1, time_max: None },
            (None, time_max, Some(runs)) => Amount { runs, runs_min: 0, time_max },
            (None, Some(time), None) => Amount { runs: u64::MAX, runs_min: 0, time_max: Some(time) },
            (None, None, None) => Amount { runs: u64::MAX, runs_min: SEEDS_MIN, time_max: Some(TIME_USUAL) },
        }
    }

    fn campaign(&self, settings: &Settings, amount: &Amount) -> Campaign {
        let base_seed = match settings.replay {
            Some(Replay::Seed(seed)) => seed,
            _ => settings.seed.unwrap_or(self.first_seed),
        };
        let jobs = settings.jobs.unwrap_or_else(jobs);
        let (target, wishes) = (self.target.clone(), self.wishes.clone());
        Campaign { target, wishes, base_seed, seeds: amount.runs, jobs, keep_going: false }
    }

    fn run(&self, campaign: &Campaign, amount: &Amount) -> Summary {
        let progress = Progress::default();
        let runs = (amount.runs < u64::MAX).then_some(amount.runs);
        let goal = Goal { runs, runs_before: 0, time: amount.time_max };
        let (time_max, runs_min) = (amount.time_max, amount.runs_min);
        let conduct = Conduct { time_max, runs_min, known: Some(&self.known), ..Conduct::default() };
        watched(&progress, goal, Stopwatch::start(), || run_with(campaign, conduct, &progress))
    }

    /// The case that the environment names; one of another host is for that one's test.
    fn replay(&self, path: &Path, settings: &Settings) -> Result<String, String> {
        let (name, case) = (self.target.name(), load(path)?);
        if case.target != name {
            return Ok(format!("{name}: the case {} is of {}, left alone\n", path.display(), case.target));
        }
        let made = trial(&self.target, &Arc::new(case.scenario.clone()), &case.decider().recording());
        if made.passed() {
            return Ok(format!("{name}: the case {} passes\n", path.display()));
        }
        let same = made.signature().as_ref() == Some(&case.signature);
        let note = if same { "it fails as it did" } else { "it fails, and in another way than it did" };
        let mut more = vec![("case", format!("{} ({note})", shown(path)))];
        let story = stories(&self.target, &case, path, settings, &mut more)?;
        Err(Found::AsItWas(made).told(None, &more, PIPE_COLUMNS) + &story)
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
                let more = [
                    ("case", format!("{} (a regression)", shown(&path))),
                    ("replay", replay_command(&path.to_string_lossy())),
                ];
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

/// How many runs a check makes.
struct Amount {
    runs: u64,
    /// So many even if the time is up before.
    runs_min: u64,
    time_max: Option<Duration>,
}
