//! The command `asl-reality`. What it does is in the library.

use std::process::ExitCode;

#[cfg(not(target_os = "linux"))]
compile_error!("asl-reality runs on Linux only: it looks at the file systems of Linux");

fn main() -> ExitCode {
    asl_reality::cli::main(std::env::args_os().collect()).into()
}
