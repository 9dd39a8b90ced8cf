//! The command `asl-sim`. What it does is in the library, in [`asl_sim::cli`].

use std::process::ExitCode;

#[cfg(not(target_os = "linux"))]
compile_error!("asl-sim runs on Linux only: it models the file systems and the system calls of Linux");

fn main() -> ExitCode {
    asl_sim::cli::main(std::env::args_os()).into()
}
