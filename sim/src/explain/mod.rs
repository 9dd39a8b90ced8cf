//! Why a case fails, told from its run: a swim-lane of what clients, the host and the disk did, what became of the records that
//! matter, and what went wrong in a few sentences.
//!
//! The case is run once more with a log. A sentence says what the log and the history show, and
//! nothing is guessed: what cannot be told is said to be so. How it looks, [`crate::report::explain`] says.
//!
//! What is *durable* at a crash is what would be there if the loss of power took all that it may. A record's bytes are found
//! in files as they were appended: records of a host that stores them in another form, and those that look like others, cannot be
//! told.

mod items;
mod moments;
mod names;
mod rows;
mod sentences;
mod syncs;

use crate::case::Case;
use crate::check::Violation;
use crate::hosts::Target;
use crate::scenario::{CrashKind, Scenario};
use crate::tell::failure;
use crate::trial::{Trial, trial_logged};
use moments::Moments;
use serde::Serialize;
use std::sync::Arc;

pub use items::{Back, Durability, Item};
pub(crate) use moments::time;
pub use rows::{Mark, Row};

/// The story of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// What was run, and what broke.
    pub facts: Facts,
    /// What went wrong, in sentences.
    pub sentences: Vec<String>,
    /// What was acknowledged, what was durable, and what came back.
    pub items: Vec<Item>,
    /// The crash that the items' durability is about, if there was one.
    pub crash: Option<Crash>,
    /// All that happened, in order.
    pub rows: Vec<Row>,
}

/// A crash.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Crash {
    /// What failed.
    pub kind: CrashKind,
    /// When, in simulated time.
    pub time_ns: u64,
}

/// What was run, and what broke.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// The target that it was run on.
    pub target: String,
    /// The seed that the case came from, if it came from one.
    pub seed: Option<String>,
    /// What it was run on, in general: files, or a bucket.
    pub medium: &'static str,
    /// The file system, or the vendor's bucket.
    pub profile: &'static str,
    /// The kind of trouble.
    pub class: &'static str,
    /// How many clients there are.
    pub clients: u16,
    /// How many operations the scenario has.
    pub ops: usize,
    /// The first broken invariant, or `hang`; none if the run passed.
    pub broken: Option<&'static str>,
    /// The sentence of the contract that the invariant comes from.
    pub sentence: Option<&'static str>,
    /// What was seen.
    pub seen: Option<String>,
    /// Invariants that broke besides.
    pub also: Vec<&'static str>,
    /// What tells the failure from others.
    pub signature: Option<String>,
    /// The hash of the run's trace.
    pub trace_hash: String,
    /// What the crashes took, as far as somebody looked before the invariant broke.
    pub lost: Vec<String>,
    /// Names of files that are told short, each with the whole.
    pub shortened: Vec<(String, String)>,
}

/// Runs a case on a target and explains what comes of it. The trial is that of a replay.
///
/// # Panics
///
/// If the simulator has a bug.
pub fn explain(target: &Target, case: &Case) -> (Trial, Explanation) {
    explain_scenario(target, &Arc::new(case.scenario.clone()), case)
}

fn explain_scenario(target: &Target, scenario: &Arc<Scenario>, case: &Case) -> (Trial, Explanation) {
    let (trial, log) = trial_logged(target, scenario, &case.decider());
    let moments = Moments::new(&trial, &log);
    let items = items::items(&moments);
    let rows = rows::rows(&moments, &items);
    let explanation = Explanation {
        facts: facts(&moments, target, case, &rows),
        sentences: sentences::sentences(&moments, &items),
        crash: moments.crash().map(|crash| Crash { kind: crash.kind, time_ns: crash.time_ns }),
        items,
        rows,
    };
    (trial, explanation)
}

impl Facts {
    /// What its lane is called.
    pub(crate) fn lane(&self) -> &'static str {
        match self.medium {
            "objects" => "bucket",
            "cells" => "cells",
            _ => "disk",
        }
    }
}

fn facts(moments: &Moments<'_>, target: &Target, case: &Case, rows: &[Row]) -> Facts {
    let trial = moments.trial;
    let (setup, verdict) = (&trial.scenario.setup, &trial.verdict);
    let primary = verdict.primary();
    let seen = primary.map(|violation| violation.text.clone());
    let lost = rows.iter().take_while(|row| row.mark != Mark::Violation).filter(|row| row.mark == Mark::Lost);
    Facts {
        target: target.name().to_owned(),
        seed: case.seed.clone(),
        medium: setup.profile().medium(),
        profile: setup.profile().as_str(),
        class: setup.class.as_str(),
        clients: setup.clients,
        ops: trial.scenario.ops.len(),
        broken: failure::primary(trial),
        sentence: primary.map(Violation::sentence),
        seen: seen.or_else(|| trial.outcome.history.stuck().map(str::to_owned)),
        also: verdict.violations.iter().skip(1).map(Violation::name).collect(),
        signature: trial.signature(),
        trace_hash: trial.outcome.trace.to_string(),
        lost: lost.map(|row| row.disk.clone()).collect(),
        shortened: moments.shortened(),
    }
}
