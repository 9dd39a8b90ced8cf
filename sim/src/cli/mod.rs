//! The command line: reads what is asked for, has it done, prints what came of it, and answers with an exit status.
//!
//! Results go to standard output, as text or as lines of JSON; progress and errors go to standard error. An error is one
//! line, with a way out in it or on a second line, and never a backtrace.

mod args;
mod conform;
mod determinism;
mod doctor;
mod error;
mod exec_args;
mod explain;
mod explore;
mod failure;
mod fuzz_case;
mod known;
mod list;
mod mount;
mod out;
#[cfg(feature = "vendors")]
mod probe;
mod promote;
mod publish;
mod replay;
mod resume;
mod run;
mod run_args;
mod shrink;
mod specimens;
mod specimens_args;
mod targets;
mod wishes;

pub use crate::base::Status;

use crate::base::panics;
use crate::base::words::call_program;
use crate::hosts::Target;
use args::{Args, Command};
use clap::Parser;
use out::Out;
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use targets::Targets;

/// Does what the command line asks for. A panic outside of runs is told as a bug of ours.
pub fn main(command_line: impl IntoIterator<Item = OsString>) -> Status {
    obey_or_tell(Vec::new(), command_line.into_iter().collect())
}

/// The whole `main` of a program that has every command for hosts of its own: runs, replays, exhaustive search, stories, the contract on a
/// real disk. The hosts that come with the simulator are there as well.
///
/// ```no_run
/// # use asl_host::{PosixHost, PosixOptions};
/// use asl_sim::target::Target;
///
/// fn main() -> std::process::ExitCode {
///     let mine = Target::new("mine", "my host", |machine| {
///         // MyHost::new(machine.file_system(), machine.env(), machine.root())
/// #       PosixHost::with_seams(machine.file_system(), machine.env(), machine.root(), PosixOptions::default())
///     });
///     asl_sim::cli::main_with_targets([mine])
/// }
/// ```
///
/// Commands that are printed begin with what the program was started by, so that they can be pasted. Other processes, in which runs are
/// repeated and writers are killed, are this program once more: nothing may come before this call that such a process must not do.
pub fn main_with_targets(targets: impl IntoIterator<Item = Target>) -> ExitCode {
    let command_line: Vec<OsString> = std::env::args_os().collect();
    obey_or_tell(targets.into_iter().collect(), command_line).into()
}

fn obey_or_tell(own: Vec<Target>, command_line: Vec<OsString>) -> Status {
    panics::install_hook();
    if let Some(started_by) = command_line.first() {
        call_program(&started_by.to_string_lossy());
    }
    let targets = Targets::with(own);
    catch_unwind(AssertUnwindSafe(|| obey(&targets, command_line))).unwrap_or(Status::Bug)
}

fn obey(targets: &Targets, command_line: Vec<OsString>) -> Status {
    let mut args = match Args::try_parse_from(command_line) {
        Ok(args) => args,
        Err(error) => return error::of_clap(&error),
    };
    if let Err(error) = args.command.name_programs() {
        return error.print();
    }
    let mut out = Out::new(args.command.format());
    let result = match &args.command {
        Command::Run(args) => run::run(args, targets, &mut out),
        Command::Replay(args) => replay::replay(args, targets, &mut out),
        Command::Explain(args) => explain::explain(args, targets, &mut out),
        Command::Explore(args) => explore::explore(args, targets, &mut out),
        Command::Shrink(args) => shrink::shrink_case(args, targets, &mut out),
        Command::Promote(args) => promote::promote(args, targets, &mut out),
        Command::FuzzCase(args) => fuzz_case::fuzz_case(args, targets, &mut out),
        Command::Conform(args) => conform::conform(args, targets, &mut out),
        #[cfg(feature = "vendors")]
        Command::Probe(args) => probe::probe(args, &mut out),
        #[cfg(not(feature = "vendors"))]
        Command::Probe(_) => Err(conform::no_vendors()),
        Command::Specimens(args) => specimens::specimens(args, &mut out),
        Command::Mount(args) => mount::mount(args, &mut out),
        Command::Doctor(args) => doctor::doctor(args, &mut out),
        Command::List(args) => Ok(list::list(args, targets, &mut out)),
        Command::ConformPart(args) => conform::take_part(args, targets),
        Command::RepeatRuns(args) => determinism::repeat_runs(args, targets),
        Command::UnmountLeft(args) => mount::unmount_left(args),
    };
    match result.and_then(|status| out.finish().map(|()| status)) {
        Ok(status) => status,
        Err(error) => error.print(),
    }
}
