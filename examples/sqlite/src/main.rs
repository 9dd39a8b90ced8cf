//! A host that keeps a store in a SQLite database, as a program for the driver protocol:
//! `asl-sim run exec -- target/debug/sqlite-host`.
//!
//! `--synchronous normal` has SQLite sync its write-ahead log at checkpoints only. Its documentation says what that costs: what was
//! committed last may be gone after a loss of power. The host goes on to call it durable, which is wrong, and the simulator finds it.

mod database;
mod host;
mod store;

use database::Synchronous;
use host::SqliteHost;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let synchronous = match arguments[..] {
        [] | ["--synchronous", "full"] => Synchronous::Full,
        ["--synchronous", "normal"] => Synchronous::Normal,
        _ => {
            eprintln!("usage: sqlite-host [--synchronous full|normal]");
            return ExitCode::from(2);
        }
    };
    match asl_driver::serve(|root| SqliteHost::new(root, synchronous)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sqlite-host: {error}");
            ExitCode::FAILURE
        }
    }
}
