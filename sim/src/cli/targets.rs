//! The targets that a command line can name: hosts that the program brings, those that come with the simulator, and programs in any
//! language.

use super::Status;
use super::error::{Error, plain};
use super::exec_args::hint;
use crate::catalogue;
use crate::hosts::Target;
use crate::process::{self, Program, Refused};

/// What a command can be asked about, by name.
pub(super) struct Targets {
    /// Those that the program brings, in the order in which it has them.
    own: Vec<Target>,
}

impl Targets {
    /// These, and those that come with the simulator. Of two of one name, the program's own one counts.
    pub(super) fn with(own: Vec<Target>) -> Targets {
        Targets { own }
    }

    /// The target of this name.
    pub(super) fn find(&self, name: &str) -> Result<Target, Error> {
        if Program::is_one(name) {
            return program_target(name);
        }
        if let Some(own) = self.own.iter().find(|own| own.name() == name) {
            return Ok(own.clone());
        }
        let known = self.listed();
        catalogue::find(name)
            .map_err(|_| Error::unknown("target", name, "targets", known.iter().map(Target::name)))
    }

    /// All that are listed.
    pub(super) fn listed(&self) -> Vec<Target> {
        let mut all = self.own.clone();
        let brought = |target: &Target| self.own.iter().any(|own| own.name() == target.name());
        all.extend(catalogue::built_in().into_iter().filter(|target| !brought(target)));
        all
    }
}

/// The target that is this program.
fn program_target(name: &str) -> Result<Target, Error> {
    let program: Program = name
        .parse()
        .map_err(|why| Error::new(format!("no program in the target {name:?}: {why}")).hint(hint()))?;
    let started = program.words[0].clone();
    process::target(program).map_err(|refused| match refused {
        Refused::NoStart(error) => {
            Error::new(format!("cannot start the program {started:?}: {}", plain(&error))).hint(hint())
        }
        Refused::NoPlace(error) => {
            Error::new(format!("there is no place for a program's files: {}", plain(&error)))
                .hint("TMPDIR names the directory that they are put in")
        }
        Refused::NoMount(error) => {
            Error::new(format!("the simulated file system cannot be mounted: {}", plain(&error)))
                .status(Status::Unavailable)
                .hint("run it as root, or in `unshare --user --map-root-user --mount`; or use the real disk, with --world none")
        }
        Refused::NoLibrary(why) => Error::new(format!("the library for --world preload is not here: {why}"))
            .status(Status::Unavailable)
            .hint("`cargo build -p asl-preload` builds it beside this program; ASL_SIM_PRELOAD=FILE says where else it is"),
        Refused::NotLed => Error::new(format!(
            "the program {started:?} does not load the library that leads its calls: it is linked statically, or with another C library"
        ))
        .hint("--world fuse takes any program"),
    })
}
