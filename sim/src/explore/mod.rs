//! Exhaustive search: every workload up to a length, every crash point, and every legal crash state.
//!
//! Workloads are words over a small alphabet ([`alphabet`]). A word is carried out, and crashed before the first and after each
//! call that changes something, and inside each write, by a kill and by a loss of power; of what a loss of power may leave,
//! every state is recovered from that recovery can tell apart. After a crash the rest of the word goes on, and may crash once
//! more, as may each step of recovery, as far as `crashes` allows; in the end all is closed, the power goes, and the last open
//! must show what the contract says.
//!
//! Three things make that feasible. Runs are forked between processes, so that what came before a crash is not repeated for each
//! state, nor for a loss of power after the kill at the same instant. Crash states are decided when recovery looks (see
//! [`crate::base::decide`]): the combinations of answers that it asks for are tried one by one, and stand for all states that differ only
//! in what it does not look at; those are *deduced*. And what comes to the same file system and the same answers is carried on
//! once only.
//!
//! `naive` (in tests and in the benchmark) does without all three and must come to the same outcomes.
//!
//! With `failing_calls`, each call of a word also fails once in each way that it can (see `failing`).
//!
//! Where one of two processes may die alone, one letter has a second process take the store over, and each of the two is killed at
//! each point of that.
//!
//! Not covered: several clients, other schedules of two processes than the simplest, payloads that are not unique, longer words, more
//! crashes, and of a crash point with more than `states_max` states, those beyond: that is said, and some are sampled instead.

mod alphabet;
mod crashes;
mod failing;
pub mod naive;
mod outcome;
mod search;

pub use alphabet::{Letter, alphabet};

use crate::base::panics;
use crate::hosts::Target;
use crate::scenario::generate::Wishes;
use crate::scenario::{FaultClass, MediumSetup, Profile, Runtime, Scenario, Setup};
use crate::trial::Trial;
use search::Search;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// What is to be explored.
#[derive(Clone, Debug)]
pub struct Options {
    /// Workloads have up to so many letters.
    pub ops: u32,
    /// Crashes on one path, those inside recovery included, but for the loss of power at the end.
    pub crashes: u32,
    /// The file system.
    pub profile: Profile,
    /// Crash states of one crash point that are recovered from before the rest is sampled.
    pub states_max: u64,
    /// Whether each call of a workload fails once, too.
    pub failing_calls: bool,
    /// How many threads.
    pub jobs: usize,
    /// Whether to go on after a workload that fails.
    pub keep_going: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            ops: 2,
            crashes: 2,
            profile: Profile::Posix,
            states_max: 20_000,
            failing_calls: false,
            jobs: 1,
            keep_going: false,
        }
    }
}

impl Options {
    /// The world of all its runs.
    fn setup(&self) -> Setup {
        Setup {
            medium: MediumSetup::for_search(self.profile),
            class: FaultClass::Crash,
            clients: 1,
            // Two long records fill a segment.
            segment_len_max: 1_000,
            entropy: 1,
            goes_on_after_errors: false,
            runtime: Runtime::Stepped,
        }
    }

    fn scenario(&self) -> Scenario {
        Scenario {
            setup: self.setup(),
            ops: Vec::new(),
            crashes: Vec::new(),
            faults: Vec::new(),
            full: Vec::new(),
            clock_jumps: Vec::new(),
        }
    }
}

/// Outcomes by their hash.
pub type Outcomes = BTreeSet<u128>;

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Words that were carried out.
    pub workloads: u64,
    /// Points at which a word, or a recovery, was crashed.
    pub crash_points: u64,
    /// Crash states that a host recovered from.
    pub recovered: u64,
    /// Crash states that could be left out: recovery cannot tell them from one that was recovered from. Saturates.
    pub deduced: u128,
    /// Ways in which a call of a workload failed, or space ran out.
    pub failures: u64,
    /// Crash points with more states than `states_max`, which were sampled.
    pub sampled: u64,
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        self.workloads += other.workloads;
        self.crash_points += other.crash_points;
        self.recovered += other.recovered;
        self.deduced = self.deduced.saturating_add(other.deduced);
        self.failures += other.failures;
        self.sampled += other.sampled;
    }
}

/// A failure that was found.
#[derive(Debug)]
pub struct Found {
    /// The letters of its workload.
    pub word: Vec<&'static str>,
    /// The run, as a case of it replays.
    pub trial: Trial,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// What was done.
    pub counts: Counts,
    /// Outcomes of recoveries that clients can tell apart, by a hash of what clients saw.
    pub outcomes: Outcomes,
    /// The first failure of each signature, the shortest workload first.
    pub found: Vec<Found>,
    /// How many failing paths each signature has.
    pub signatures: BTreeMap<String, u64>,
    /// How often each invariant was checked, in the order of [`crate::check::INVARIANTS`].
    pub armed: Vec<u64>,
    /// Whether it was stopped before the end.
    pub interrupted: bool,
    /// A bug of the simulator: what it said.
    pub bug: Option<String>,
}

impl Report {
    /// Whether everything was tried that the options ask for.
    pub fn complete(&self) -> bool {
        self.counts.sampled == 0 && !self.interrupted && self.bug.is_none()
    }

    fn add(&mut self, other: Report) {
        self.counts.add(&other.counts);
        self.outcomes.extend(other.outcomes);
        for found in other.found {
            let signature = found.trial.signature();
            if self.found.iter().all(|known| known.trial.signature() != signature) {
                self.found.push(found);
            }
        }
        for (signature, count) in other.signatures {
            *self.signatures.entry(signature).or_default() += count;
        }
        self.armed.resize(self.armed.len().max(other.armed.len()), 0);
        self.armed.iter_mut().zip(&other.armed).for_each(|(sum, count)| *sum += count);
        self.bug = self.bug.take().or(other.bug);
    }
}

/// What is known while it goes on.
#[derive(Debug, Default)]
pub struct Progress {
    /// Set to end it early.
    pub stop: AtomicBool,
    /// Workloads so far.
    pub workloads: AtomicU64,
    /// Crash states recovered from so far.
    pub recovered: AtomicU64,
    /// Failing paths so far.
    pub failed: AtomicU64,
}

/// How many workloads there are.
pub fn workloads(target: &Target, options: &Options) -> u64 {
    let letters = letters(target, options).len() as u64;
    (0..=options.ops).map(|len| letters.saturating_pow(len)).fold(0, u64::saturating_add)
}

fn letters(target: &Target, options: &Options) -> Vec<Letter> {
    let wishes = Wishes { profile: options.profile, ..Wishes::default() };
    let mut letters = alphabet(&crate::trial::capabilities(target, &wishes));
    letters.extend(target.wishes().dies_alone.then(alphabet::take_over));
    letters
}

/// Explores. The result does not depend on how many threads do it, unless it is stopped.
///
/// # Panics
///
/// Never: a panic of the simulator is [`Report::bug`].
pub fn explore(target: &Target, options: &Options, progress: &Progress) -> Report {
    let letters = letters(target, options);
    let words = words(letters.len(), options.ops);
    let (next, first_failing) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let done: Mutex<BTreeMap<usize, Report>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                let search = Search::new(target, options, &letters, progress);
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(word) = words.get(at) else { return };
                    let useless = !options.keep_going && at > first_failing.load(Ordering::Relaxed);
                    if useless || progress.stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let report = panics::caught(|| search.word(word))
                        .unwrap_or_else(|said| Report { bug: Some(said), ..Report::default() });
                    if !report.found.is_empty() || report.bug.is_some() {
                        first_failing.fetch_min(at, Ordering::Relaxed);
                    }
                    done.lock().expect("nobody panics with it").insert(at, report);
                }
            });
        }
    });
    let done = done.into_inner().expect("nobody panicked with it");
    let mut total = Report { interrupted: progress.stop.load(Ordering::Relaxed), ..Report::default() };
    for (_, report) in done {
        let ends = !options.keep_going && !report.found.is_empty();
        total.add(report);
        if ends || total.bug.is_some() {
            break;
        }
    }
    total
}

/// All words over so many letters, as their places in the alphabet, the shorter first.
fn words(letters: usize, len_max: u32) -> Vec<Vec<usize>> {
    let mut words = vec![Vec::new()];
    let mut from = 0;
    for _ in 0..len_max {
        let upto = words.len();
        for at in from..upto {
            for letter in 0..letters {
                let mut word: Vec<usize> = words[at].clone();
                word.push(letter);
                words.push(word);
            }
        }
        from = upto;
    }
    words
}
