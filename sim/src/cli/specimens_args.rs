//! The options of `asl-sim specimens`.

use super::args::{Format, number, ops, seed};
use super::run_args::{jobs, seeds};
use std::path::PathBuf;

/// More rounds than this say no more.
const ROUNDS_MAX: u64 = 1_000;

/// Measures the simulator: how many runs it takes to find each host with a planted bug, and by which invariant.
#[derive(Debug, clap::Args)]
pub(super) struct SpecimensArgs {
    /// A specimen that survives so many runs has survived; hosts without a bug have to pass as many.
    #[arg(long, value_name = "N", default_value_t = 10_000, allow_negative_numbers = true, value_parser = seeds)]
    pub(super) seeds: u64,
    /// The first seed, decimal or 0x hex: the same one each time, so that results can be compared.
    #[arg(long, value_name = "BASE", default_value = "0x1", allow_negative_numbers = true, value_parser = seed)]
    pub(super) seed: u64,
    /// How many operations each run has; drawn if it is not given.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = ops, conflicts_with = "seeds_to_kill")]
    pub(super) ops: Option<u32>,
    /// How many times each is hunted, with seeds of its own; the median counts.
    #[arg(long, value_name = "K", default_value_t = 5, allow_negative_numbers = true, value_parser = rounds)]
    pub(super) rounds: u64,
    /// In how many of a specimen's rounds another invariant may be broken first, which is told.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) others: u64,
    /// How many threads; as many as there are cores if it is not given. What is found does not depend on it.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = jobs)]
    pub(super) jobs: Option<usize>,
    /// Only this specimen, by its name in the table; can be given several times.
    #[arg(long, value_name = "NAME")]
    pub(super) only: Vec<String>,
    /// Store the smallest case of each specimen there, as NAME.json.
    #[arg(long, value_name = "DIR")]
    pub(super) cases: Option<PathBuf>,
    /// Compare with the runs to kill in this file, and add to it what has changed.
    #[arg(long, value_name = "FILE")]
    pub(super) seeds_to_kill: Option<PathBuf>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

fn rounds(text: &str) -> Result<u64, String> {
    number(text, 1, ROUNDS_MAX)
}
