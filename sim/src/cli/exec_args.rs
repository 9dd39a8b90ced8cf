//! The options of hosts that are programs of their own: `exec -- PROGRAM ARGS...`, with the world that it lives in.
//!
//! All of it becomes the name of the target ([`Program`] reads it back), so that cases, campaigns that go on later and other
//! processes of ours carry it as they carry any name.

use super::error::Error;
use crate::base::words::program;
use crate::process::{Program, World};
use std::time::Duration;

/// What is started as the host, if the target is `exec`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ExecArgs {
    /// Where a program finds its files, for the target `exec`.
    #[arg(long, value_name = "WORLD", value_parser = str::parse::<World>)]
    pub(super) world: Option<World>,
    /// How long a program may be silent before it counts as hung, as 10s or 500ms, for the target `exec`.
    #[arg(long, value_name = "TIME", value_parser = crate::process::timeout)]
    pub(super) hang_timeout: Option<Duration>,
    /// The program and its arguments, for the target `exec`.
    #[arg(last = true, value_name = "PROGRAM ARGS")]
    pub(super) program: Vec<String>,
}

impl ExecArgs {
    /// Puts them into the target's name, if it is `exec`.
    pub(super) fn name(&self, target: &mut String) -> Result<(), Error> {
        let none = self.program.is_empty() && self.world.is_none() && self.hang_timeout.is_none();
        if target != "exec" {
            let spoken = if Program::is_one(target) {
                "the target says already what is started"
            } else {
                "the target is built in"
            };
            return if none {
                Ok(())
            } else {
                Err(Error::new(format!(
                    "--world, --hang-timeout and a program after -- go with the target exec: {spoken}"
                )))
            };
        }
        if self.program.is_empty() {
            return Err(Error::new("the target exec needs a program").hint(hint()));
        }
        let mut program = Program::new(self.program.clone());
        program.world = self.world.unwrap_or(program.world);
        program.hang_timeout = self.hang_timeout.unwrap_or(program.hang_timeout);
        *target = program.to_string();
        Ok(())
    }
}

/// The way out where a program is wanted.
pub(super) fn hint() -> String {
    format!("`{} run exec -- python3 host.py` tests a host that is a program; it stands last", program())
}
