//! A host on plain `std::fs`, crashed a thousand times: `cargo run -p asl-interpose --example std_fs [SEED]`.
//!
//! The host knows nothing of the simulator; what is done to have it tested is `target` below.

#[path = "disk.rs"]
pub mod disk;
#[path = "host.rs"]
pub mod host;

use asl_sim::campaign::{Campaign, Progress, run};
use asl_sim::scenario::generate::Wishes;
use asl_sim::target::Target;
use std::process::ExitCode;

fn target() -> Target {
    asl_interpose::target("std-fs", "a host on plain std::fs", |root| host::StdHost::new(root))
}

fn main() -> ExitCode {
    let Ok(base_seed) = std::env::args().nth(1).as_deref().unwrap_or("1").parse() else {
        eprintln!("error: the seed must be a whole number");
        return ExitCode::from(2);
    };
    let wishes = Wishes::default();
    let campaign = Campaign { target: target(), wishes, base_seed, seeds: 1000, jobs: 2, keep_going: false };
    let summary = run(&campaign, &Progress::default());
    println!("{} runs, {} kinds of failures", summary.runs, summary.failures.len());
    for failure in &summary.failures {
        println!("seed {}: {}", failure.seed, failure.signature);
    }
    if summary.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
