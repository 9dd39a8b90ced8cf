//! The exit statuses, all of them.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing wrong was found.
    Passed,
    /// The command line, or a file that it names, cannot be used.
    Usage,
    /// A bound cut the search short.
    Bound,
    /// A case did not show what it was stored for.
    NotReproduced,
    /// The host broke an invariant.
    Violation,
    /// The host hung.
    Hang,
    /// The same seed did two different things.
    Nondeterminism,
    /// What the target stands on is not there.
    Unavailable,
    /// A specimen survived, or was killed by another invariant than the one that it breaks.
    SpecimenSurvived,
    /// A bug of ours.
    Bug,
    /// Interrupted, with nothing found.
    Interrupted,
}

impl Status {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Status::Passed => 0,
            Status::Usage => 2,
            Status::Bound => 3,
            Status::NotReproduced => 5,
            Status::Violation => 10,
            Status::Hang => 11,
            Status::Nondeterminism => 12,
            Status::Unavailable => 13,
            Status::SpecimenSurvived => 14,
            Status::Bug => 70,
            Status::Interrupted => 130,
        }
    }

    /// What goes first when several things came of one command: the greater number.
    fn rank(self) -> u8 {
        match self {
            Status::Passed => 0,
            Status::Interrupted => 1,
            Status::Bound => 2,
            Status::Usage => 3,
            Status::Unavailable => 4,
            Status::NotReproduced => 5,
            Status::SpecimenSurvived => 6,
            Status::Hang => 7,
            Status::Violation => 8,
            Status::Nondeterminism => 9,
            Status::Bug => 10,
        }
    }

    /// The one of two that is told.
    #[must_use]
    pub fn and(self, other: Status) -> Status {
        if other.rank() > self.rank() { other } else { self }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_goes_before_nondeterminism_before_a_violation_before_a_hang() {
        let order =
            [Status::Bug, Status::Nondeterminism, Status::Violation, Status::Hang, Status::Interrupted];
        for pair in order.windows(2) {
            assert_eq!((pair[0].and(pair[1]), pair[1].and(pair[0])), (pair[0], pair[0]));
        }
    }
}
