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
mod promote;
mod publish;
mod replay;
mod resume;
mod run;
mod run_args;
mod shrink;
mod specimens;
mod specimens_args;
mod wishes;

pub use crate::base::Status;

use crate::base::panics;
use args::{Args, Command};
use clap::Parser;
use out::Out;
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does what the command line asks for. A panic outside of runs is told as a bug of ours.
pub fn main(command_line: impl IntoIterator<Item = OsString>) -> Status {
    panics::install_hook();
    let command_line: Vec<OsString> = command_line.into_iter().collect();
    catch_unwind(AssertUnwindSafe(|| obey(command_line))).unwrap_or(Status::Bug)
}

fn obey(command_line: Vec<OsString>) -> Status {
    let mut args = match Args::try_parse_from(command_line) {
        Ok(args) => args,
        Err(error) => return error::of_clap(&error),
    };
    if let Err(error) = args.command.name_programs() {
        return error.print();
    }
    let mut out = Out::new(args.command.format());
    let result = match &args.command {
        Command::Run(args) => run::run(args, &mut out),
        Command::Replay(args) => replay::replay(args, &mut out),
        Command::Explain(args) => explain::explain(args, &mut out),
        Command::Explore(args) => explore::explore(args, &mut out),
        Command::Shrink(args) => shrink::shrink_case(args, &mut out),
        Command::Promote(args) => promote::promote(args, &mut out),
        Command::FuzzCase(args) => fuzz_case::fuzz_case(args, &mut out),
        Command::Conform(args) => conform::conform(args, &mut out),
        Command::Specimens(args) => specimens::specimens(args, &mut out),
        Command::Mount(args) => mount::mount(args, &mut out),
        Command::Doctor(args) => doctor::doctor(args, &mut out),
        Command::List(args) => Ok(list::list(args, &mut out)),
        Command::ConformPart(args) => conform::take_part(args),
        Command::RepeatRuns(args) => determinism::repeat_runs(args),
        Command::UnmountLeft(args) => mount::unmount_left(args),
    };
    match result.and_then(|status| out.finish().map(|()| status)) {
        Ok(status) => status,
        Err(error) => error.print(),
    }
}
