//! What a probe found, as data. As JSON (`serde_json::to_string`) the names of fields are those here, and stay.

use crate::axioms::{AXIOMS, Axiom};
use crate::follows::{self, Follow};
use crate::said::{Kind, Said};
use serde::Serialize;

/// The version of the JSON: fields are added without a new one, and removed or changed only with it.
pub const FORMAT: u32 = 1;

/// What this probe cannot see, in sentences.
pub static NOT_CHECKED: &[&str] = &[
    "Durability: whether what was answered with success survives a crash of the server, or the loss of power or of a disk.",
    "Other places: all requests came from one process, over one endpoint. Another region, replica or cache may show older states.",
    "Faults: a server that fails, restarts or moves data while it is asked; errors in the body of a 200; requests that land late or twice.",
    "Rare races: that no violation was seen on so many keys does not show that there is none.",
    "Rules of the bucket's that remove objects by age, access rights of other clients, clocks, objects above 8 MiB, long load.",
];

/// Whether a bucket keeps an axiom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It held each time that we tried it.
    Kept,
    /// The server, its configuration or the client has no such operation, or the probe asks it on S3 only.
    NotOffered,
    /// It could not be decided: [`Row::seen`] says why.
    Unknown,
    /// It did not hold.
    Broken,
}

/// An axiom and what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The axiom's name, [`Axiom::name`].
    pub name: &'static str,
    /// A sentence that is true where it is kept.
    pub sentence: &'static str,
    /// Whether the log host of this project relies on it.
    pub needed: bool,
    /// Whether it is kept.
    pub verdict: Verdict,
    /// What was seen, or why it could not be decided.
    pub seen: String,
    /// How long the check took, in milliseconds.
    pub took_ms: u64,
}

/// How fast the bucket was, from where the probe ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Measured {
    /// Unconditional PUTs of new keys.
    pub puts: Vec<Puts>,
    /// The median time of a create without rivals, in milliseconds; none if there was none.
    pub create_ms_median: Option<f64>,
}

/// PUTs a second.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Puts {
    /// How many clients put at once, each one request after the other.
    pub clients: usize,
    /// Bytes in each.
    pub body_len: usize,
    /// How many were answered with success, each second.
    pub per_s: f64,
    /// How many were not.
    pub failed: u32,
}

/// What the probe removed, and what it left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tidied {
    /// Objects, versions, delete markers and uploads that were removed, or were not there.
    pub removed: u64,
    /// Whether the bucket told at the end what stays. If not, what is left is what we could not remove.
    pub looked: bool,
    /// How many stay.
    pub left: u64,
    /// The first of them, by what they are and their names below the prefix.
    pub left_names: Vec<String>,
    /// The first thing that went wrong in that.
    pub why: Option<String>,
}

/// How a probe ended; [`Status::code`] is meant for the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Every axiom that the log host needs is kept.
    Passed,
    /// None that it needs is broken, but one could not be decided: it counts as not passed, since a bound cut the probe short.
    Undecided,
    /// One that the log host needs is broken, or not offered.
    Broken,
    /// The probe was interrupted before all was decided, and nothing needed was broken by then.
    Interrupted,
}

impl Status {
    /// The number for the shell: those of asl-sim.
    pub fn code(self) -> u8 {
        match self {
            Status::Passed => 0,
            Status::Undecided => 3,
            Status::Broken => 10,
            Status::Interrupted => 130,
        }
    }
}

/// All that a probe found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// The URL as it was given.
    pub url: String,
    /// Below this key the probe worked, as the bucket has it.
    pub prefix: String,
    /// How it ended.
    pub status: Status,
    /// Each of [`AXIOMS`] once, in this order.
    pub axioms: Vec<Row>,
    /// How fast it was.
    pub measured: Measured,
    /// What follows for logs.
    pub follows: Vec<Follow>,
    /// What was not checked: [`NOT_CHECKED`].
    pub not_checked: &'static [&'static str],
    /// What was removed, and what stays.
    pub tidied: Tidied,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl Report {
    /// The row of an axiom.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.axioms.iter().find(|row| row.name == name)
    }

    pub(crate) fn new(
        (url, prefix): (&str, &str),
        axioms: Vec<Row>,
        measured: Measured,
        interrupted: bool,
    ) -> Report {
        debug_assert!(axioms.iter().map(|row| row.name).eq(AXIOMS.iter().map(|axiom| axiom.name)));
        Report {
            format: FORMAT,
            url: url.to_owned(),
            prefix: prefix.to_owned(),
            status: status(&axioms, interrupted),
            follows: follows::all(&axioms),
            axioms,
            measured,
            not_checked: NOT_CHECKED,
            tidied: Tidied::default(),
            took_ms: 0,
        }
    }
}

fn status(axioms: &[Row], interrupted: bool) -> Status {
    let needed = axioms.iter().filter(|row| row.needed).map(|row| row.verdict);
    if needed.clone().any(|verdict| matches!(verdict, Verdict::Broken | Verdict::NotOffered)) {
        Status::Broken
    } else if interrupted && axioms.iter().any(|row| row.verdict == Verdict::Unknown) {
        Status::Interrupted
    } else if needed.clone().any(|verdict| verdict == Verdict::Unknown) {
        Status::Undecided
    } else {
        Status::Passed
    }
}

/// What a check saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) verdict: Verdict,
    pub(crate) seen: String,
}

impl Seen {
    pub(crate) fn kept(seen: impl Into<String>) -> Seen {
        Seen { verdict: Verdict::Kept, seen: seen.into() }
    }

    pub(crate) fn broken(seen: impl Into<String>) -> Seen {
        Seen { verdict: Verdict::Broken, seen: seen.into() }
    }

    pub(crate) fn not_offered(seen: impl Into<String>) -> Seen {
        Seen { verdict: Verdict::NotOffered, seen: seen.into() }
    }

    pub(crate) fn unknown(seen: impl Into<String>) -> Seen {
        Seen { verdict: Verdict::Unknown, seen: seen.into() }
    }

    /// A request of the check did not end as one that we can judge.
    pub(crate) fn of(said: &Said) -> Seen {
        match said.kind {
            Kind::Unable => Seen::not_offered(said.line.clone()),
            _ => Seen::unknown(said.line.clone()),
        }
    }

    pub(crate) fn row(self, axiom: &'static Axiom, took_ms: u64) -> Row {
        let Axiom { name, sentence, needed } = *axiom;
        Row { name, sentence, needed, verdict: self.verdict, seen: self.seen, took_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(of: impl Fn(&Axiom) -> Verdict) -> Vec<Row> {
        let seen = |axiom: &Axiom| Seen { verdict: of(axiom), seen: String::new() };
        AXIOMS.iter().map(|axiom| seen(axiom).row(axiom, 0)).collect()
    }

    #[test]
    fn only_what_the_host_needs_decides_how_a_probe_ends() {
        let needed = |verdict| rows(move |axiom| if axiom.needed { verdict } else { Verdict::Broken });
        assert_eq!(status(&needed(Verdict::Kept), false), Status::Passed);
        assert_eq!(status(&needed(Verdict::Kept), true), Status::Passed);
        assert_eq!(status(&needed(Verdict::Unknown), true), Status::Interrupted);
        assert_eq!(status(&needed(Verdict::Unknown), false), Status::Undecided);
        assert_eq!(status(&needed(Verdict::NotOffered), false), Status::Broken);
        assert_eq!(status(&needed(Verdict::Broken), true), Status::Broken);
    }
}
