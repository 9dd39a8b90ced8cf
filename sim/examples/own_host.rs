//! A host of one's own on a real disk: `cargo run -p asl-sim --example own_host [DIR]`.
//!
//! Cases with several processes start this program again; it takes its part and ends. Here the host of asl-host stands in
//! for one's own.

use asl_host::{PosixHost, PosixOptions};
use asl_sim::conform::{Conform, Helper, Options, Outcome, take_part};
use asl_sim::target::Target;
use std::error::Error;
use std::ffi::OsString;
use std::process::ExitCode;

/// The first argument of another process.
const PART: &str = "take-part";

fn target() -> Target {
    let options = PosixOptions { segment_len_max: 1 << 10, ..PosixOptions::default() };
    Target::new("own", "the host I write", move |machine| {
        PosixHost::with_seams(machine.file_system(), machine.env(), machine.root(), options)
    })
    .on_disk(move |disk| PosixHost::with_seams(disk.file_system(), disk.env(), disk.root(), options))
}

fn main() -> ExitCode {
    own_host().unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(2)
    })
}

fn own_host() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let [first, part @ ..] = arguments.as_slice()
        && first == PART
    {
        take_part(&target(), part)?;
        return Ok(ExitCode::SUCCESS);
    }
    let location = arguments.first().map_or_else(std::env::temp_dir, Into::into);
    let helper = Helper::new(std::env::current_exe()?, [PART]);
    let options = Options { helper: Some(helper), ..Options::default() };
    let prepared = Conform::prepare(&target(), &location, options)?;
    println!("{} cases on {}", prepared.count(), prepared.medium());
    let report = prepared.run(|checked| {
        if checked.outcome != Outcome::Passed {
            println!("{}: {:?}", checked.name, checked.outcome);
        }
    });
    println!("{}", if report.passed() { "none failed" } else { "some failed" });
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
