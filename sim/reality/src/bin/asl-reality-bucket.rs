//! The command `asl-reality-bucket`. What it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    asl_reality::bucket::cli::main(std::env::args_os().collect()).into()
}
