//! What goes wrong in one run, as a line of text that can be read again: `seed 3: power within 12, then kill before 4`.

use super::refusal::Refusal;
use crate::base::decide::{Address, Decisions};
use crate::scenario::{CrashKind, Cut, FaultKind, When};
use std::fmt;
use std::str::FromStr;

/// All that a run depends on, besides work and check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Makes the world, and decides what survives crashes.
    pub seed: u64,
    /// What goes wrong.
    pub trouble: Trouble,
    /// What survives crashes, if it is not the seed that decides it.
    pub decisions: Option<Decisions>,
}

/// What goes wrong in a run. After all but a crash, the power goes when the work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing, until the power goes.
    Nothing,
    /// The processes or the power fail.
    Crash {
        /// At which call of the work, among those that change something.
        at: Cut,
        /// And at which of the check, the first time.
        again: Option<Cut>,
    },
    /// A call below the host fails.
    Fault {
        /// How.
        kind: FaultKind,
        /// How many calls of the work that it could hit go well before.
        skip: u32,
    },
    /// A call of the contract is refused.
    Refusal(Refusal),
    /// Files can grow by no more than so many bytes, until the work is done.
    Full {
        /// Bytes that are left.
        bytes: u64,
    },
}

impl Plan {
    pub(super) fn new(seed: u64, trouble: Trouble) -> Plan {
        Plan { seed, trouble, decisions: None }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}", self.seed, self.trouble)?;
        if let Some(decisions) = &self.decisions {
            f.write_str("; decisions")?;
            for (at, answer) in decisions {
                write!(f, "; {at} = {answer}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Nothing => f.write_str("nothing"),
            Trouble::Crash { at, again } => {
                f.write_str(&cut_text(*at))?;
                again.map_or(Ok(()), |again| write!(f, ", then {}", cut_text(again)))
            }
            Trouble::Fault { kind, skip } => write!(f, "fault {kind} {skip}"),
            Trouble::Refusal(Refusal { call, form }) => write!(f, "refuse {form} {call}"),
            Trouble::Full { bytes } => write!(f, "full {bytes}"),
        }
    }
}

const KINDS: [(CrashKind, &str); 2] = [(CrashKind::Kill, "kill"), (CrashKind::Power, "power")];
const WHENS: [(When, &str); 3] = [(When::Before, "before"), (When::Within, "within"), (When::After, "after")];

fn cut_text(cut: Cut) -> String {
    let (_, kind) = KINDS.iter().find(|(kind, _)| *kind == cut.kind).expect("all are listed");
    let (_, when) = WHENS.iter().find(|(when, _)| *when == cut.when).expect("all are listed");
    format!("{kind} {when} {}", cut.change)
}

fn cut_of(text: &str) -> Option<Cut> {
    let [kind, when, change] = words(text)?;
    let (kind, _) = KINDS.iter().find(|(_, name)| *name == kind)?;
    let (when, _) = WHENS.iter().find(|(_, name)| *name == when)?;
    Some(Cut::new(change.parse().ok()?, *when, *kind))
}

fn words<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split_whitespace().collect::<Vec<_>>().try_into().ok()
}

fn trouble_of(text: &str) -> Option<Trouble> {
    if text == "nothing" {
        return Some(Trouble::Nothing);
    }
    if let Some(bytes) = text.strip_prefix("full ") {
        return Some(Trouble::Full { bytes: bytes.parse().ok()? });
    }
    if let Some(rest) = text.strip_prefix("fault ") {
        let [kind, skip] = words(rest)?;
        return Some(Trouble::Fault { kind: kind.parse().ok()?, skip: skip.parse().ok()? });
    }
    if let Some(rest) = text.strip_prefix("refuse ") {
        let [form, call] = words(rest)?;
        return Some(Trouble::Refusal(Refusal { call: call.parse().ok()?, form: form.parse().ok()? }));
    }
    match text.split_once(", then ") {
        None => Some(Trouble::Crash { at: cut_of(text)?, again: None }),
        Some((at, again)) => Some(Trouble::Crash { at: cut_of(at)?, again: Some(cut_of(again)?) }),
    }
}

fn decisions_of(text: &str) -> Option<Decisions> {
    let pairs = text.split(';').map(str::trim).filter(|pair| !pair.is_empty());
    let decision = |pair: &str| -> Option<(Address, u32)> {
        let (at, answer) = pair.split_once(" = ")?;
        Some((at.parse().ok()?, answer.parse().ok()?))
    };
    pairs.map(decision).collect()
}

fn plan_of(text: &str) -> Option<Plan> {
    let (seed, rest) = text.trim().strip_prefix("seed ")?.split_once(": ")?;
    let (trouble, decided) = match rest.split_once("; decisions") {
        None => (rest, None),
        Some((trouble, decided)) => (trouble, Some(decided)),
    };
    let decisions = match decided {
        None => None,
        Some(decided) => Some(decisions_of(decided)?),
    };
    Some(Plan { seed: seed.parse().ok()?, trouble: trouble_of(trouble)?, decisions })
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(text: &str) -> Result<Plan, String> {
        plan_of(text).ok_or_else(|| format!("not a plan of the double's: {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::decide::Question;
    use crate::double::Form;

    #[test]
    fn plans_are_read_as_written() {
        let at = Cut::new(12, When::Within, CrashKind::Power);
        let again = Some(Cut::new(4, When::Before, CrashKind::Kill));
        for trouble in [
            Trouble::Nothing,
            Trouble::Crash { at, again: None },
            Trouble::Crash { at, again },
            Trouble::Fault { kind: FaultKind::SyncEio, skip: 3 },
            Trouble::Refusal(Refusal { call: 7, form: Form::IoDone }),
            Trouble::Full { bytes: 512 },
        ] {
            let plan = Plan::new(3, trouble);
            assert_eq!(plan.to_string().parse(), Ok(plan));
        }
        let decided =
            [(Address::new(Question::Sector, 16, 5, 0), 1), (Address::new(Question::Name, 16, 2, 1), 2)];
        let plan = Plan { decisions: Some(decided.into()), ..Plan::new(3, Trouble::Crash { at, again }) };
        assert_eq!(plan.to_string().parse(), Ok(plan));
        assert!("seed 3: power sometime 12".parse::<Plan>().is_err());
    }
}
