//! The command `asl-sim`. What it does is in the library, in [`asl_sim::cli`].

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Runs allocate much, and little at a time, which this allocator is made for.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[cfg(not(target_os = "linux"))]
compile_error!("asl-sim runs on Linux only: it models the file systems and the system calls of Linux");

fn main() -> ExitCode {
    asl_sim::cli::main(std::env::args_os()).into()
}
