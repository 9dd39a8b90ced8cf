//! The proxy as a command: prints where it listens, and runs until it is killed.

mod args;

use args::{Args, Command};
use asl_wire::Wire;
use std::io::{self, Write};
use std::process::ExitCode;

/// Exit statuses: 0 = the help was asked for, 1 = the proxy cannot run here, 2 = the arguments make no sense.
fn main() -> ExitCode {
    let args: Vec<String> =
        std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let done = match args::parse(&args) {
        Ok(Command::Help) => io::stdout().write_all(args::USAGE.as_bytes()),
        Ok(Command::Run(args)) => run(args),
        Err(message) => Err(io::Error::new(io::ErrorKind::InvalidInput, message)),
    };
    let Err(error) = done else { return ExitCode::SUCCESS };
    eprintln!("asl-wire: {error}");
    ExitCode::from(if error.kind() == io::ErrorKind::InvalidInput { 2 } else { 1 })
}

fn run(args: Args) -> io::Result<()> {
    let Args { to, port, seed, rules } = args;
    let wire = Wire::start_on(port, to.as_str(), rules, seed)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot start in front of {to:?}: {error}")))?;
    let mut output = io::stdout();
    writeln!(output, "listening on {}", wire.address())?;
    output.flush()?;
    loop {
        std::thread::park();
    }
}
