//! The exit statuses, all of them. They mean the same as those of asl-sim.

use std::process::ExitCode;

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// All that was seen is inside of the model.
    Passed,
    /// The command line cannot be used.
    Usage,
    /// A state outside of the model, or a file system that did not come back.
    Outside,
    /// The kernel did not answer.
    Hung,
    /// It cannot be done here.
    Unavailable,
    /// Something that should not go wrong did.
    Failed,
    /// Interrupted, with nothing found.
    Interrupted,
}

impl Status {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Status::Passed => 0,
            Status::Usage => 2,
            Status::Outside => 10,
            Status::Hung => 11,
            Status::Unavailable => 13,
            Status::Failed => 70,
            Status::Interrupted => 130,
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status.code())
    }
}
