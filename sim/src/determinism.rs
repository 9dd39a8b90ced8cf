//! Whether runs depend on nothing but their seeds: a share of them is made once more in another process, and where the
//! traces differ, the first step that does is named.
//!
//! The other process is a program that calls [`serve`], asked for one seed after another over a pipe. Another process has
//! other addresses, other keys of hash maps, other static variables and other times than this one, so that a host which
//! depends on any of those is found out, if it shows in what the host calls, reads, writes or answers.
//!
//! Not covered: what is the same in every process of this machine on this day, such as its number of cores, environment
//! variables, or the date.

use crate::base::decide::{Decider, Site};
use crate::base::panics;
use crate::base::trace::{Step, TraceHash};
use crate::history::{Event, Told};
use crate::hosts::Target;
use crate::run::{Outcome, run_in_full};
use crate::scenario::generate::{Wishes, generate};
use crate::tell::story;
use asl_host::Capabilities;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long another process may take for a run.
const PATIENCE_S: i64 = 60;
/// How often both runs are repeated until they differ again.
const ATTEMPTS: u32 = 8;
/// Bytes of a read or write that are compared one by one; of what is longer, the rest is compared by its hash.
const BYTES_MAX: usize = 4096;

/// Which runs of a campaign are repeated in another process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sample {
    /// The first four, so that small campaigns have a handful; then one in 64, and one in 1,024 after the first 4,096.
    #[default]
    Usual,
    /// One in so many, the first of them included.
    OneIn(u64),
    /// None.
    Nothing,
}

impl Sample {
    /// Whether the run is among them that has this place in its campaign (from 0).
    pub fn takes(self, nth: u64) -> bool {
        match self {
            Sample::Usual => nth < 4 || nth.is_multiple_of(if nth < 4096 { 64 } else { 1024 }),
            Sample::OneIn(count) => nth.is_multiple_of(count.max(1)),
            Sample::Nothing => false,
        }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sample::Usual => f.write_str("usual"),
            Sample::OneIn(count) => count.fmt(f),
            Sample::Nothing => f.write_str("off"),
        }
    }
}

/// A run that did another thing when it was made again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diverged {
    /// Which run.
    pub index: u64,
    /// Its seed.
    pub seed: u64,
    /// The hash of its trace in this process.
    pub here: TraceHash,
    /// The one in the other process.
    pub there: TraceHash,
}

/// How a process came to make no more runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// It was never there, and why.
    NotStarted(String),
    /// It has not answered for a long time.
    Silent,
    /// It ended, and how.
    Ended(String),
    /// It cannot be understood.
    Garbled(String),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::NotStarted(why) => write!(f, "it could not be started: {why}"),
            Ending::Silent => write!(f, "it has not answered in {PATIENCE_S} s"),
            Ending::Ended(how) => write!(f, "it ended, by {how}"),
            Ending::Garbled(said) => write!(f, "it said {said:?}"),
        }
    }
}

/// Another process, which makes the runs of seeds. It can fail at any time; then [`Elsewhere::ending`] says how.
#[derive(Debug)]
pub struct Elsewhere(Mutex<Result<Link, Lost>>);

/// The seed that the process failed at, if it was there at all, and how it did.
type Lost = (Option<u64>, Ending);

/// The process, until it has failed.
#[derive(Debug)]
struct Link {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Drop for Link {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Elsewhere {
    /// Starts it: a program that calls [`serve`] for the same target and the same wishes.
    ///
    /// # Panics
    ///
    /// Never: a child that was started with pipes has them.
    pub fn start(command: &mut Command) -> Elsewhere {
        // In a group of its own, so that Ctrl-C reaches us only.
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).spawn();
        let link = started.map_err(|error| (None, Ending::NotStarted(error.to_string())));
        Elsewhere(Mutex::new(link.map(|mut child| {
            let asks = child.stdin.take().expect("it is piped");
            let answers = BufReader::new(child.stdout.take().expect("it is piped"));
            Link { child, asks, answers }
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Result<Link, Lost>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why runs cannot be made there (any more), if so.
    pub fn why_not(&self) -> Option<String> {
        let lost = self.lock().as_ref().err().cloned()?;
        Some(match lost {
            (None, ending) => format!("another process was to repeat runs, and {ending}"),
            (Some(seed), ending) => {
                format!("another process was to repeat the run of seed {seed:#x}, and {ending}")
            }
        })
    }

    /// How the process ended, if it has.
    pub fn ending(&self) -> Option<Ending> {
        self.lock().as_ref().err().map(|(_, ending)| ending.clone())
    }

    /// The hash of a seed's trace there; none if the process has failed.
    pub fn trace(&self, seed: u64) -> Option<TraceHash> {
        self.ask("trace", seed, |answer| TraceHash::try_from(answer.to_owned()).ok())
    }

    /// Each step of a seed's run there.
    fn record(&self, seed: u64) -> Option<Vec<String>> {
        self.ask("record", seed, |answer| serde_json::from_str(answer).ok())
    }

    fn ask<T>(&self, what: &str, seed: u64, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let mut link = self.lock();
        let Ok(open) = &mut *link else { return None };
        let answer = open.ask(&format!("{what} {seed}\n"));
        let answer = answer.and_then(|said| read(&said).ok_or(Ending::Garbled(said)));
        match answer {
            Ok(answer) => Some(answer),
            Err(ending) => {
                *link = Err((Some(seed), ending));
                None
            }
        }
    }
}

impl Link {
    fn ask(&mut self, line: &str) -> Result<String, Ending> {
        if self.asks.write_all(line.as_bytes()).is_err() {
            return Err(self.ended());
        }
        let waited = {
            let mut there = [PollFd::new(self.answers.get_ref(), PollFlags::IN)];
            poll(&mut there, Some(&Timespec { tv_sec: PATIENCE_S, tv_nsec: 0 }))
        };
        if waited == Ok(0) {
            return Err(Ending::Silent);
        }
        let mut answer = String::new();
        let read = self.answers.read_line(&mut answer);
        match answer.strip_suffix('\n') {
            Some(answer) if read.is_ok() => Ok(answer.to_owned()),
            _ => Err(self.ended()),
        }
    }

    /// It is gone, or about to be.
    fn ended(&mut self) -> Ending {
        let how = self.child.wait();
        Ending::Ended(how.map_or_else(|error| error.to_string(), |status| status.to_string()))
    }
}

/// Makes the runs that another process asks for on standard input, until that ends.
///
/// # Panics
///
/// Never: a bug of the simulator is an answer.
pub fn serve(target: &Target, wishes: &Wishes) -> io::Result<()> {
    let capabilities = crate::trial::capabilities(target, wishes);
    for line in io::stdin().lock().lines() {
        let line = line?;
        let asked = line.split_once(' ').and_then(|(what, seed)| Some((what, seed.parse().ok()?)));
        let (what, seed) = asked.ok_or_else(|| io::Error::other("a word and a seed are expected"))?;
        let answer = panics::caught(|| match what {
            "record" => serde_json::to_string(&record(target, seed, wishes, &capabilities))
                .expect("lines are plain data"),
            _ => {
                let trial = crate::trial::run_seed(target, seed, wishes, &capabilities, false);
                trial.outcome.trace.to_string()
            }
        });
        let answer = answer.unwrap_or_else(|said| format!("a bug of asl-sim: {}", said.replace('\n', " ")));
        let mut out = io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

/// The first step in which two runs of a seed differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which step it is, from 0.
    pub step: usize,
    /// What both did before.
    pub before: Option<String>,
    /// What the one did; none if it had ended.
    pub here: Option<String>,
    /// What the other did.
    pub there: Option<String>,
}

/// Makes the run of a seed here and elsewhere (or here twice) with each step kept, a few times if need be, and says where
/// they part; none if they did the same each time.
///
/// # Panics
///
/// If the simulator has a bug.
pub fn difference(
    target: &Target,
    seed: u64,
    wishes: &Wishes,
    capabilities: &Capabilities,
    elsewhere: Option<&Elsewhere>,
) -> Option<Difference> {
    (0..ATTEMPTS).find_map(|_| {
        let here = record(target, seed, wishes, capabilities);
        let there = elsewhere.and_then(|elsewhere| elsewhere.record(seed));
        first_difference(&here, &there.unwrap_or_else(|| record(target, seed, wishes, capabilities)))
    })
}

fn first_difference(here: &[String], there: &[String]) -> Option<Difference> {
    let same = here.iter().zip(there).take_while(|(one, other)| one == other).count();
    (here.len() != same || there.len() != same).then(|| Difference {
        step: same,
        before: same.checked_sub(1).map(|before| here[before].clone()),
        here: here.get(same).cloned(),
        there: there.get(same).cloned(),
    })
}

/// Each step of a run, in words.
fn record(target: &Target, seed: u64, wishes: &Wishes, capabilities: &Capabilities) -> Vec<String> {
    let scenario = Arc::new(generate(seed, wishes, capabilities));
    in_words(&run_in_full(target, &scenario, Decider::seeded(seed)))
}

fn in_words(outcome: &Outcome) -> Vec<String> {
    let events = outcome.history.events();
    let told = story::whole(&outcome.history);
    let operations: BTreeMap<Site, &str> = events
        .iter()
        .filter_map(|event| match event {
            Event::Asked { site, ask, .. } => Some((*site, ask.name())),
            _ => None,
        })
        .collect();
    let mut place = String::new();
    let mut lines: Vec<String> = Vec::new();
    for step in &outcome.steps {
        lines.push(match step {
            Step::Call { site, index, name, at_ns } => {
                let operation = operations.get(site).filter(|_| matches!(site, Site::Op(_)));
                let operation = operation.map_or_else(String::new, |name| format!(" ({name})"));
                place = format!("{site}{operation}, call {index}");
                format!("{place}: {name} at {at_ns} ns")
            }
            Step::Saw { first, second } => format!("{place}: on {first}, {second}"),
            Step::Bytes(bytes) => format!("{place}: {}", hex(bytes)),
            Step::Failed(errno) => format!("{place}: error {errno}"),
            Step::Told { asked, digest } => {
                let answer = |event: &Event| matches!(event, Event::Told { asked: of, .. } if of == asked);
                let at = events.iter().position(answer);
                // What was masked is no difference.
                let is_time =
                    at.is_some_and(|at| matches!(events[at], Event::Told { told: Told::Time(_), .. }));
                let masked = is_time && *digest == Told::Done.digest();
                let line = told.iter().find(|line| Some(line.event) == at && !masked);
                line.map_or_else(
                    || format!("event {asked} is answered: {digest:x}"),
                    |line| line.text.clone(),
                )
            }
        });
    }
    lines
}

fn hex(bytes: &[u8]) -> String {
    let mut text = format!("{} bytes ", bytes.len());
    for byte in bytes.iter().take(BYTES_MAX) {
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() > BYTES_MAX {
        let _ = write!(text, "... {:016x}", xxhash_rust::xxh3::xxh3_64(bytes));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(steps: &[&str]) -> Vec<String> {
        steps.iter().map(|&step| step.to_owned()).collect()
    }

    #[test]
    fn the_first_difference_is_where_two_runs_part_or_where_one_of_them_ends() {
        let (here, there) = (told(&["open", "write 1", "sync"]), told(&["open", "write 2", "sync"]));
        let found = first_difference(&here, &there).expect("they differ");
        assert_eq!((found.step, found.before.as_deref()), (1, Some("open")));
        assert_eq!((found.here.as_deref(), found.there.as_deref()), (Some("write 1"), Some("write 2")));
        let found = first_difference(&here, &here[..2]).expect("they differ");
        assert_eq!((found.step, found.here.as_deref(), found.there), (2, Some("sync"), None));
        assert_eq!(first_difference(&here, &here), None);
    }

    #[test]
    fn a_run_in_full_is_the_same_run_and_each_of_its_steps_has_words() {
        let (target, wishes) = (crate::catalogue::posix(), Wishes::default());
        let capabilities = crate::trial::capabilities(&target, &wishes);
        for seed in 0..20 {
            let scenario = Arc::new(generate(seed, &wishes, &capabilities));
            let full = run_in_full(&target, &scenario, Decider::seeded(seed));
            let usual = crate::run::run(&target, &scenario, Decider::seeded(seed));
            assert_eq!((full.trace, usual.steps.len()), (usual.trace, 0));
            let lines = in_words(&full);
            assert!(!lines.is_empty() && lines.len() == full.steps.len());
            assert!(lines.iter().any(|line| line.ends_with("-> done")), "answers are told as in stories");
        }
    }
}
