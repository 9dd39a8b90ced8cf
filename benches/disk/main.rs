//! How fast `PosixHost` is on a real disk, beside bare loops over the same system calls in the same minute.
//!
//! ```text
//! cargo bench -p asl-host --bench disk                      # about a minute
//! cargo bench -p asl-host --bench disk -- --quick           # a few seconds, to see that it works
//! cargo bench -p asl-host --bench disk -- --location DIR    # on another file system than the target directory's
//! ```
//!
//! Three things are measured: appends by one client, beside a loop of pwrite and fdatasync; appends by 16 clients at once,
//! beside the barest group commit that there can be ([`bare`]); and what an open costs, beside reading the same bytes
//! ([`opening`]). Arms that are compared take turns in short rounds, and a ratio is the median of the rounds' ratios: a machine
//! or disk that is busy with something else slows both sides of one. Rates say as much about the disk; ratios are what
//! counts, and where their middle half is wide, not even those.
//!
//! Not measured: reads, blocks, snapshots, a cold page cache, a disk under other load, memory. Wanted ratios are printed,
//! not asserted: whatever they are, the status is 0.

mod appending;
mod bare;
mod clients;
mod opening;
mod place;
mod rounds;

use place::Place;
use rounds::Rounds;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// What was asked for on the command line.
struct Options {
    /// Whether this is to measure, not only to show that it works.
    full: bool,
    location: PathBuf,
}

impl Options {
    /// Errors: the argument that is not understood.
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
        // `cargo bench` says --bench; whoever else starts this wants to see that it works.
        let (mut bench, mut quick) = (false, false);
        let mut location = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => bench = true,
                "--quick" | "--test" => quick = true,
                "--location" => location = arguments.next().ok_or("--location needs a directory")?.into(),
                other => return Err(format!("{other:?} is not understood")),
            }
        }
        Ok(Options { full: bench && !quick, location })
    }
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}; usage: [--quick] [--location DIR]");
            return ExitCode::from(2);
        }
    };
    let place = match Place::within(&options.location) {
        Ok(place) => place,
        Err(error) => {
            eprintln!("failed to make a directory in {}: {error}", options.location.display());
            return ExitCode::from(2);
        }
    };
    let rounds = if options.full {
        Rounds { count: 41, length: Duration::from_millis(60) }
    } else {
        Rounds { count: 5, length: Duration::from_millis(30) }
    };
    let note = if options.full { "" } else { "; quick: figures mean little" };
    println!("{place}\nmedians of {} interleaved rounds{note}", rounds.count);
    appending::measure(&place, rounds);
    opening::measure(&place, rounds, if options.full { 1_000_000 } else { 10_000 });
    ExitCode::SUCCESS
}
