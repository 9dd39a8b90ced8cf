//! The options of `asl-sim run`, and the words that say the same, which a campaign that may have to go on later keeps.

use super::args::{Args, Command, Format, WorldArgs, number, seed};
use super::exec_args::ExecArgs;
use crate::base::quantities;
use crate::campaign::Shard;
use crate::determinism::Sample;
use clap::Parser;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Most threads that a campaign has.
const JOBS_MAX: u64 = 256;
/// Runs of a campaign that is told neither how many nor for how long.
const SEEDS_USUAL: u64 = 1000;

/// Makes many runs, each from a seed of its own, and stores what fails as cases.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct RunArgs {
    /// The host to test; `asl-sim list targets` names them; `exec` is the program that stands last, after `--`.
    pub(super) target: String,
    /// How many runs; run i has the seed BASE+i [default: 1000; with --for, as many as there is time for].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = seeds)]
    pub(super) seeds: Option<u64>,
    /// The first seed, decimal or 0x hex; random, and printed, if it is not given.
    #[arg(long, value_name = "BASE", allow_negative_numbers = true, value_parser = seed)]
    pub(super) seed: Option<u64>,
    /// How long, as 90s, 30m or 2h; with --seeds, whatever ends first.
    #[arg(long = "for", value_name = "TIME", allow_negative_numbers = true)]
    pub(super) time: Option<Time>,
    #[command(flatten)]
    pub(super) world: WorldArgs,
    #[command(flatten)]
    pub(super) exec: ExecArgs,
    /// How many threads; as many as there are cores if it is not given. What is found does not depend on it.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = jobs)]
    pub(super) jobs: Option<usize>,
    /// Only one of N parts of the runs, for machines that share them: those with i = I-1 mod N.
    #[arg(long, value_name = "I/N", allow_negative_numbers = true)]
    pub(super) shard: Option<Shard>,
    /// Go on after a failure.
    #[arg(long)]
    pub(super) keep_going: bool,
    /// Signatures of failures that are known, one a line, # for comments: they are counted, and do not fail the campaign.
    #[arg(long, value_name = "FILE")]
    pub(super) known: Option<PathBuf>,
    /// Go on with the campaign that was interrupted or killed in --out. Options that are not given are as they were.
    #[arg(long)]
    pub(super) resume: bool,
    /// Repeat every Nth run in another process and compare what it does, or none [default: some in a hundred].
    #[arg(long, value_name = "N|off", allow_negative_numbers = true, value_parser = sample)]
    pub(super) check_determinism: Option<Sample>,
    /// Where failing cases are stored, and what it takes to go on with a campaign; made when it is needed.
    #[arg(long, value_name = "DIR", default_value = "./asl-sim-out")]
    pub(super) out: PathBuf,
    /// How long a failure of each kind is made smaller before it is stored; 0 for not at all.
    #[arg(long, value_name = "TIME", default_value = "10s", allow_negative_numbers = true, value_parser = time_or_none)]
    pub(super) shrink_for: Duration,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    /// Also write the results as a JUnit report, with a test case for each signature and one for the campaign.
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
}

impl RunArgs {
    /// How many runs there are, all parts together.
    pub(super) fn seeds(&self) -> u64 {
        self.seeds.unwrap_or(if self.time.is_some() { u64::MAX } else { SEEDS_USUAL })
    }

    /// What decides which runs are made and how they are judged, as words of a command line.
    pub(super) fn words(&self) -> Vec<String> {
        let WorldArgs { profile, faults, clients, ops, crashes, runtime } = &self.world;
        let options = [
            ("seeds", self.seeds.map(|seeds| seeds.to_string())),
            ("seed", self.seed.map(|seed| format!("{seed:#x}"))),
            ("for", self.time.map(|time| time.to_string())),
            ("profile", profile.clone()),
            ("faults", faults.clone()),
            ("clients", clients.map(|clients| clients.to_string())),
            ("ops", ops.map(|ops| ops.to_string())),
            ("crashes", crashes.map(|crashes| crashes.to_string())),
            ("runtime", runtime.map(|runtime| runtime.as_str().to_owned())),
            ("shard", self.shard.map(|shard| shard.to_string())),
            ("known", self.known.as_ref().map(|path| path.to_string_lossy().into_owned())),
            ("check-determinism", self.check_determinism.map(|sample| sample.to_string())),
        ];
        let mut words = vec!["run".to_owned(), self.target.clone()];
        words.extend(
            options.into_iter().filter_map(|(name, value)| Some([format!("--{name}"), value?])).flatten(),
        );
        words.extend(self.keep_going.then(|| "--keep-going".to_owned()));
        words
    }

    /// The options that words say; none if they are no such words.
    pub(super) fn of_words(words: &[String]) -> Option<RunArgs> {
        match Args::try_parse_from(std::iter::once("asl-sim").chain(words.iter().map(String::as_str))) {
            Ok(Args { command: Command::Run(args) }) => Some(args),
            _ => None,
        }
    }
}

/// For how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time(pub(super) Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quantities::time_text(self.0))
    }
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Time, String> {
        quantities::time(text).map(Time).ok_or_else(|| "a time is expected, as 90s, 30m or 2h".to_owned())
    }
}

pub(super) fn time_or_none(text: &str) -> Result<Duration, String> {
    if text == "0" { Ok(Duration::ZERO) } else { text.parse().map(|Time(time)| time) }
}

pub(super) fn seeds(text: &str) -> Result<u64, String> {
    number(text, 1, u64::MAX)
}

pub(super) fn jobs(text: &str) -> Result<usize, String> {
    number(text, 1, JOBS_MAX).map(|jobs| jobs as usize)
}

fn sample(text: &str) -> Result<Sample, String> {
    if text == "off" {
        return Ok(Sample::Nothing);
    }
    let expected = |_| "a whole number from 1, or \"off\", is expected".to_owned();
    number(text, 1, u64::MAX).map(Sample::OneIn).map_err(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_they_are_written() {
        let line = "run posix --seeds 7 --seed 0x1 --for 90s --profile xfs --faults crash --clients 2 --ops 3 --crashes 1 \
                    --shard 2/3 --known a/b --check-determinism off --keep-going";
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        assert_eq!(RunArgs::of_words(&words).expect("it is right").words(), words);
        assert!(RunArgs::of_words(&["list".to_owned(), "targets".to_owned()]).is_none());
    }
}
