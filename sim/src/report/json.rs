//! The lines of JSON that other programs read. Fields may be added; none is renamed or taken away.

use crate::explain::Explanation;
use serde::Serialize;
use std::collections::BTreeMap;

/// A line.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Line<'a> {
    Start {
        target: &'a str,
        profile: &'a str,
        base_seed: String,
        /// All parts together; null if only the time is limited.
        seeds: Option<u64>,
        jobs: usize,
        /// Which part of the runs.
        shard: String,
        /// For how long, if that is limited.
        for_s: Option<u64>,
    },
    Resume {
        /// Runs that were made before.
        runs: u64,
        /// The seeds that were at work when the campaign ended.
        at_work: Vec<String>,
        /// Those of them whose runs end the process that makes them.
        fatal: Vec<String>,
    },
    Fatal {
        seed: String,
        text: &'a str,
    },
    /// A case that is kept.
    Promoted {
        case: &'a str,
        to: &'a str,
        /// False if it was there.
        new: bool,
    },
    Violation {
        invariant: &'a str,
        #[serde(flatten)]
        failure: Failure,
    },
    Hang {
        #[serde(flatten)]
        failure: Failure,
    },
    Nondeterminism {
        seed: String,
        trace_hashes: Vec<String>,
        /// Which step of the two traces is the first that differs, from 0; null if they did not differ again.
        step: Option<usize>,
        /// What the one and the other did there; null if it had ended.
        here: Option<&'a str>,
        there: Option<&'a str>,
    },
    Bug {
        seed: Option<String>,
        text: &'a str,
    },
    Summary(Summary<'a>),
    Event {
        event: usize,
        text: &'a str,
    },
    Replay(Replay<'a>),
    Shrunk(Shrunk),
    Explanation {
        case: &'a str,
        /// Why it is no reproduction.
        why: Option<&'a str>,
        #[serde(flatten)]
        explanation: &'a Explanation,
    },
    Target {
        name: &'a str,
        about: &'a str,
    },
    Invariant {
        name: &'a str,
        sentence: &'a str,
        not_checked: &'a str,
        /// The sentences of the contract that it comes from.
        sources: Vec<Source<'a>>,
    },
    FaultClass {
        name: &'a str,
        about: &'a str,
    },
    Fault {
        class: &'a str,
        name: &'a str,
        about: &'a str,
    },
    Profile {
        medium: &'a str,
        name: &'a str,
        about: &'a str,
    },
    Case {
        name: &'a str,
    },
}

/// A sentence of the contract.
#[derive(Debug, Serialize)]
pub(crate) struct Source<'a> {
    pub(crate) number: &'a str,
    pub(crate) sentence: &'a str,
}

/// What is said of each failure.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    /// Null if it came from no seed.
    pub(crate) seed: Option<String>,
    /// Where the case is; null if it could not be stored.
    pub(crate) case: Option<String>,
    /// How many operations the scenario of the stored case has, and how many it had before it was made smaller.
    pub(crate) ops: usize,
    pub(crate) ops_before: usize,
    pub(crate) signature: String,
    pub(crate) trace_hash: String,
}

/// What a campaign did and found.
#[derive(Debug, Serialize)]
pub(crate) struct Summary<'a> {
    pub(crate) runs: u64,
    pub(crate) violations: u64,
    pub(crate) elapsed_s: f64,
    pub(crate) crashes: u64,
    pub(crate) crash_states: u64,
    pub(crate) not_exercised: Vec<&'static str>,
    pub(crate) hangs: u64,
    pub(crate) signatures: &'a BTreeMap<String, u64>,
    /// Failures whose signatures are known; they are not among the others.
    pub(crate) known: &'a BTreeMap<String, u64>,
    /// Runs that were left out because they end the process that makes them.
    pub(crate) fatal: u64,
    pub(crate) faults: BTreeMap<&'static str, u64>,
    pub(crate) interrupted: bool,
    /// Whether its time was up before all runs were made.
    pub(crate) time_is_up: bool,
    /// Runs that were made once more in another process, and how many of them did another thing there.
    pub(crate) repeated: u64,
    pub(crate) nondeterministic: u64,
    /// Why no (more) runs were repeated, if there was something in the way.
    pub(crate) not_repeated: Option<&'a str>,
}

/// What came of making a case smaller.
#[derive(Debug, Serialize)]
pub(crate) struct Shrunk {
    /// Where the smaller case is.
    pub(crate) case: String,
    pub(crate) signature: String,
    pub(crate) ops_before: usize,
    pub(crate) ops: usize,
    /// Crashes that are planned, those inside recovery among them.
    pub(crate) crashes: usize,
    /// Smaller runs that were tried.
    pub(crate) tries: u64,
    /// Whether nothing more could be taken away; false if time or Ctrl-C ended it.
    pub(crate) complete: bool,
    pub(crate) elapsed_s: f64,
    pub(crate) trace_hash: String,
}

/// What came of a replay.
#[derive(Debug, Serialize)]
pub(crate) struct Replay<'a> {
    /// `reproduced`, `not_reproduced`, `violation`, `hang` or `passed`.
    pub(crate) outcome: &'a str,
    pub(crate) target: &'a str,
    pub(crate) case: Option<String>,
    pub(crate) seed: Option<String>,
    /// What broke now: an invariant's name, or `hang`, or null.
    pub(crate) invariant: Option<&'a str>,
    pub(crate) signature: Option<String>,
    pub(crate) ops: usize,
    pub(crate) trace_hash: String,
    /// What the case says of its trace, if it is to be compared.
    pub(crate) expected_trace_hash: Option<String>,
    /// Why it is no reproduction.
    pub(crate) why: Option<&'a str>,
}

/// A seed as it is printed everywhere.
pub(crate) fn seed(seed: u64) -> String {
    format!("{seed:#x}")
}
