//! What comes of testing a store: a failure, told with how to see it again, or a count of what it went through.

use super::plan::{Plan, Trouble};
use crate::base::decide::Decisions;
use asl_host::Operation;
use std::error::Error;
use std::fmt;

/// What a work and a check return: any error, or words (`Err("lost an entry".into())`).
pub type Checked = Result<(), Box<dyn Error>>;

/// What a store went through without failing, over all seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Runs of the work.
    pub runs: u64,
    /// Runs with a crash in the work or at its end.
    pub crashes: u64,
    /// Crash points at which [`every_state`](super::Double::every_state) left some states out.
    pub crash_points_cut_short: u64,
    /// Runs in which a call below the host failed.
    pub faults: u64,
    /// Runs in which a call of the contract was refused.
    pub refusals: u64,
    /// Runs in which space ran out.
    pub full: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} runs: {} crashes, {} failing calls, {} refused calls, {} full disks",
            self.runs, self.crashes, self.faults, self.refusals, self.full
        )?;
        match self.crash_points_cut_short {
            0 => Ok(()),
            cut => write!(f, "; at {cut} crash points not every state was tried"),
        }
    }
}

/// A check that failed, or a work that did although nothing had gone wrong. `Debug` prints the same as `Display`, for `unwrap`.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    /// What the closure said, or its panic.
    pub said: String,
    /// What to hand to [`Double::replay`](super::Double::replay).
    pub plan: Plan,
    /// In which call of the contract, counted from 0, the work was when it ended.
    pub last_call: Option<(usize, Operation)>,
    /// What the crashes decided that was not the simplest (nothing lost).
    pub decisions: Decisions,
}

/// Decisions that are printed; the plan gives all of them again.
const DECISIONS_SHOWN_MAX: usize = 12;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.said)?;
        let last = self.last_call.map_or_else(
            || "before any call to the host".to_owned(),
            |(nth, operation)| format!("call {nth} to the host ({operation}) was the last"),
        );
        let what = match self.plan.trouble {
            Trouble::Nothing => "nothing went wrong until the power went at the end",
            Trouble::Crash { .. } => "a crash among the calls that change something, counted from 0",
            Trouble::Fault { .. } => "a call below the host failed, after so many of its kind",
            Trouble::Refusal(_) => "the host refused a call, counted from 0",
            Trouble::Full { .. } => "the disk was full after so many bytes",
        };
        writeln!(f, "  trouble    {}: {what}; {last}", self.plan.trouble)?;
        for (at, answer) in self.decisions.iter().take(DECISIONS_SHOWN_MAX) {
            writeln!(f, "  decision   {at} = {answer}")?;
        }
        if self.decisions.len() > DECISIONS_SHOWN_MAX {
            writeln!(f, "  decision   ... and {} more", self.decisions.len() - DECISIONS_SHOWN_MAX)?;
        }
        write!(f, "  again      .replay({:?}, work, check)", self.plan.to_string())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Failure {}
