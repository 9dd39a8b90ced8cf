//! The options, as clap reads them. Names of targets, faults and profiles are looked up later, so that an unknown one is
//! answered with the nearest that there is.

use super::error::Error;
use super::exec_args::ExecArgs;
use super::explore::ExploreArgs;
use super::run_args::{RunArgs, Time, jobs, time_or_none};
use super::specimens_args::SpecimensArgs;
use crate::base::quantities;
use crate::scenario::{Runtime, Scenario};
use clap::{Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Most crashes of a run, besides those inside recovery.
const CRASHES_MAX: u64 = 1_000;

/// Breaks hosts of append-only stores until they are right.
///
/// A run drives a host with clients, injects faults, crashes it, lets it recover, and judges what the clients were told by
/// the invariants of the contract. It depends on nothing but its seed.
#[derive(Debug, Parser)]
#[command(name = "asl-sim", version, max_term_width = 100, arg_required_else_help = true, after_help = STATUSES)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

const STATUSES: &str = "Exit status: 0 passed, 2 usage or unreadable input, 3 a bound cut the search short, 5 replay did not reproduce, 10 violation, 11 hang, \
12 nondeterminism, 13 the target cannot run here, 14 a specimen survived, 70 a bug of ours, 130 interrupted with nothing found";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Run(RunArgs),
    Replay(ReplayArgs),
    Explore(ExploreArgs),
    Explain(ExplainArgs),
    Shrink(ShrinkArgs),
    FuzzCase(FuzzCaseArgs),
    Promote(PromoteArgs),
    Conform(ConformArgs),
    Probe(ProbeArgs),
    Specimens(SpecimensArgs),
    Mount(MountArgs),
    Doctor(DoctorArgs),
    List(ListArgs),
    #[command(hide = true)]
    ConformPart(PartArgs),
    #[command(hide = true)]
    RepeatRuns(RepeatArgs),
    #[command(hide = true)]
    UnmountLeft(UnmountArgs),
}

impl Command {
    /// Puts what is to be started into the names of targets that are programs.
    pub(super) fn name_programs(&mut self) -> Result<(), Error> {
        match self {
            Command::Run(args) => args.exec.name(&mut args.target),
            Command::Explore(args) => args.exec.name(&mut args.target),
            Command::Conform(args) => args.exec.name(&mut args.target),
            Command::Replay(args) => match (&mut args.target, &mut args.what) {
                (Some(target), _) => args.exec.name(target),
                (None, Some(what)) => args.exec.name(what),
                (None, None) => args.exec.name(&mut String::new()),
            },
            _ => Ok(()),
        }
    }

    pub(super) fn format(&self) -> Format {
        match self {
            Command::Run(args) => args.format,
            Command::Replay(args) => args.format,
            Command::Explore(args) => args.format,
            Command::Explain(args) => args.format,
            Command::Shrink(args) => args.format,
            Command::FuzzCase(args) => args.format,
            Command::Promote(args) => args.format,
            Command::Conform(args) => args.format,
            Command::Probe(args) => args.format,
            Command::Specimens(args) => args.format,
            Command::Doctor(args) => args.format,
            Command::List(args) => args.format,
            Command::Mount(args) => args.format,
            Command::ConformPart(_) | Command::RepeatRuns(_) | Command::UnmountLeft(_) => Format::Text,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// Makes one run again: a stored case, or the run of a seed.
#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    /// A case file; with --seed, a target.
    #[arg(value_name = "CASE|TARGET", required_unless_present = "expect_pass")]
    pub(super) what: Option<String>,
    /// Generate the run of this seed, decimal or 0x hex.
    #[arg(long, value_name = "S", allow_negative_numbers = true, value_parser = seed, requires = "what")]
    pub(super) seed: Option<u64>,
    /// Print everything that happened.
    #[arg(long)]
    pub(super) trace: bool,
    /// Try the case on another host.
    #[arg(long, value_name = "T", conflicts_with = "seed")]
    pub(super) target: Option<String>,
    /// These cases, and those in these directories, must pass now: status 0 if all do, else 10.
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with_all = ["what", "seed", "trace"])]
    pub(super) expect_pass: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) world: WorldArgs,
    #[command(flatten)]
    pub(super) exec: ExecArgs,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// Tells the story of a stored case: what clients, the host and the disk did, what was acknowledged, what was durable, and what
/// came back.
///
/// Status 0 if the story is told, whatever the run stands for (`replay` says that); 5 if the case does not show what it was
/// stored for: then what happens now is told.
#[derive(Debug, clap::Args)]
pub(super) struct ExplainArgs {
    /// A case file.
    pub(super) case: PathBuf,
    /// Leave nothing out.
    #[arg(long)]
    pub(super) all: bool,
    /// Write the story as a page for a browser, too: one file, which asks for nothing from anywhere.
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Try the case on another host.
    #[arg(long, value_name = "T")]
    pub(super) target: Option<String>,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// Makes a stored case smaller: fewer operations, faults and crashes that fail in the same way.
#[derive(Debug, clap::Args)]
pub(super) struct ShrinkArgs {
    /// A case file.
    pub(super) case: PathBuf,
    /// When to end with what there is, as in 30s or 2m.
    #[arg(long = "for", value_name = "TIME", default_value = "60s", allow_negative_numbers = true)]
    pub(super) time: Time,
    /// How many threads; as many as there are cores if it is not given. What comes out does not depend on it.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = jobs)]
    pub(super) jobs: Option<usize>,
    /// Where the smaller case is stored, even over another [default: beside the case, as NAME.small.json].
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// Makes a case of a fuzzer's input that fails: the same run, made small and stored. Status 10; 5 if it passes.
#[derive(Debug, clap::Args)]
pub(super) struct FuzzCaseArgs {
    /// The host that was fuzzed; `asl-sim list targets` names them.
    pub(super) target: String,
    /// The input, as libFuzzer stored it: fuzz/artifacts/TARGET/crash-*.
    pub(super) input: PathBuf,
    /// The file system, if it was not posix; `asl-sim list profiles` names them.
    #[arg(long, value_name = "P")]
    pub(super) profile: Option<String>,
    /// Where the case is stored.
    #[arg(long, value_name = "DIR", default_value = "./asl-sim-out")]
    pub(super) out: PathBuf,
    /// How long it is made smaller before it is stored; 0 for not at all.
    #[arg(long, value_name = "TIME", default_value = "10s", allow_negative_numbers = true, value_parser = time_or_none)]
    pub(super) shrink_for: Duration,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// Copies cases to where they are kept, to be replayed with every change.
#[derive(Debug, clap::Args)]
pub(super) struct PromoteArgs {
    /// Case files.
    #[arg(value_name = "CASE", required = true)]
    pub(super) cases: Vec<PathBuf>,
    /// The directory for them; made when it is needed.
    #[arg(long, value_name = "DIR")]
    pub(super) to: PathBuf,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// What scenarios are like.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct WorldArgs {
    /// The file system, or the bucket; `asl-sim list profiles` names them.
    #[arg(long, value_name = "P")]
    pub(super) profile: Option<String>,
    /// Classes (crash, error, none) and kinds of faults, with commas between them [default: crash,error].
    #[arg(long, value_name = "LIST")]
    pub(super) faults: Option<String>,
    /// How many clients share the store; drawn for each run if it is not given.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clients)]
    pub(super) clients: Option<u16>,
    /// How many operations a run has; drawn for each run if it is not given.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = ops)]
    pub(super) ops: Option<u32>,
    /// How many crashes a run has, besides those inside recovery and the one at the end.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = crashes)]
    pub(super) crashes: Option<u32>,
    /// What moves tasks and time: stepped, or madsim, in builds that have it, for hosts on tokio [default: stepped].
    #[arg(long, value_name = "R", value_parser = runtime)]
    pub(super) runtime: Option<Runtime>,
}

impl WorldArgs {
    /// Whether none of them is given.
    pub(super) fn is_empty(&self) -> bool {
        let WorldArgs { profile, faults, clients, ops, crashes, runtime } = self;
        let numbers = [clients.is_none(), ops.is_none(), crashes.is_none()];
        profile.is_none() && faults.is_none() && runtime.is_none() && numbers.into_iter().all(|none| none)
    }
}

/// Tries a host on a real disk or a real object store: the contract's cases, processes that are killed, and what can go wrong there.
#[derive(Debug, clap::Args)]
pub(super) struct ConformArgs {
    /// The host to try; `asl-sim list targets` names them.
    pub(super) target: String,
    /// An existing directory, or the URL of a bucket (`s3://`, `az://`, `gs://`, or `file://` for files on which a bucket is made); what is
    /// made in it is removed at the end.
    #[arg(long, value_name = "DIR|URL")]
    pub(super) location: PathBuf,
    /// The command that starts the bucket's server in the foreground: it is started, killed in the middle of appends, and started again.
    #[arg(long, value_name = "COMMAND")]
    pub(super) server: Option<String>,
    /// How often a process is killed in each case that kills some.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) kills: u64,
    /// Only this case, by the name that is printed when it fails; can be given several times.
    #[arg(long, value_name = "NAME")]
    pub(super) case: Vec<String>,
    #[command(flatten)]
    pub(super) exec: ExecArgs,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// Says which axioms a bucket keeps, before anybody puts a log on it.
///
/// Tries each condition, races clients for keys, reads and lists after writes, and measures puts. Works below a prefix that it names first, and
/// removes what it put. Status 10: the bucket breaks something that the host on object stores needs; 3: that could not be decided in time.
#[derive(Debug, clap::Args)]
pub(super) struct ProbeArgs {
    /// The bucket: `s3://`, `az://`, `gs://` or `file://`; credentials and endpoint are in the environment (`AWS_*`, `AZURE_*`, `GOOGLE_*`).
    pub(super) url: String,
    /// Below which name to work; nothing may be there [default: a fresh one].
    #[arg(long, value_name = "NAME")]
    pub(super) prefix: Option<String>,
    /// How many clients race for a key.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = racers)]
    pub(super) racers: usize,
    /// On how many keys a race must end well.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = racers)]
    pub(super) keys: usize,
    /// How long each check that races may go on.
    #[arg(long, value_name = "T", default_value = "15s", value_parser = some_time)]
    pub(super) race_for: Duration,
    /// How long to wait for an answer.
    #[arg(long, value_name = "T", default_value = "10s", value_parser = some_time)]
    pub(super) timeout: Duration,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// A time that is not nothing.
fn some_time(text: &str) -> Result<Duration, String> {
    let time = quantities::time(text).filter(|time| !time.is_zero());
    time.ok_or_else(|| "a time is expected, as 90s, 30m or 2h".to_owned())
}

/// A number of clients, or of keys.
fn racers(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|count| (2..=10_000).contains(count))
        .ok_or_else(|| "a number from 2 to 10000 is expected".to_owned())
}

/// Mounts a simulated file system for any program.
///
/// It is empty, and is served until Ctrl-C, a signal to end, or `umount`. Commands over the control socket, one a line:
/// `crash` (the power fails, and all that may be lost may be), `fail next CALL` (fsync, fsyncdir, read, write, name), `stats`.
#[derive(Debug, clap::Args)]
pub(super) struct MountArgs {
    /// An existing directory.
    pub(super) dir: PathBuf,
    /// The file system that it is like; `asl-sim list profiles` names them [default: posix].
    #[arg(long, value_name = "P")]
    pub(super) profile: Option<String>,
    /// What crashes leave is drawn from it, decimal or 0x hex; a random one if it is not given.
    #[arg(long, value_name = "S", allow_negative_numbers = true, value_parser = seed)]
    pub(super) seed: Option<u64>,
    /// Where the control socket is; in a new temporary directory if it is not given.
    #[arg(long, value_name = "PATH")]
    pub(super) control: Option<PathBuf>,
    /// How what can be used is printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// Unmounts what another process leaves behind.
#[derive(Debug, clap::Args)]
pub(super) struct UnmountArgs {
    pub(super) source: String,
}

/// Says what this machine offers, and what will be skipped for want of what it does not.
#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    /// The directory that hosts would be tried in; this one if it is not given.
    #[arg(long, value_name = "DIR", default_value = ".", hide_default_value = true)]
    pub(super) location: PathBuf,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// Takes a part in a conform that another process carries out.
#[derive(Debug, clap::Args)]
pub(super) struct PartArgs {
    pub(super) target: String,
    pub(super) part: Vec<OsString>,
}

/// Makes the runs of seeds that another process asks for.
#[derive(Debug, clap::Args)]
pub(super) struct RepeatArgs {
    pub(super) target: String,
    #[command(flatten)]
    pub(super) world: WorldArgs,
}

/// Prints what there is.
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Of what.
    #[arg(value_enum)]
    pub(super) what: Listed,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Listed {
    /// Hosts that can be tested.
    Targets,
    /// What the contract promises, and what is not checked of it.
    Invariants,
    /// What can be injected.
    Faults,
    /// File systems.
    Profiles,
    /// What is tried on a real disk.
    Cases,
}

pub(super) fn number(text: &str, least: u64, most: u64) -> Result<u64, String> {
    let value = text.parse().ok().filter(|value| (least..=most).contains(value));
    value.ok_or_else(|| format!("a whole number from {least} to {most} is expected"))
}

fn clients(text: &str) -> Result<u16, String> {
    number(text, 1, u64::from(Scenario::CLIENTS_MAX)).map(|clients| clients as u16)
}

pub(super) fn ops(text: &str) -> Result<u32, String> {
    number(text, 0, u64::from(Scenario::OPS_MAX)).map(|ops| ops as u32)
}

fn crashes(text: &str) -> Result<u32, String> {
    number(text, 0, CRASHES_MAX).map(|crashes| crashes as u32)
}

fn runtime(text: &str) -> Result<Runtime, String> {
    let all = [Runtime::Stepped, Runtime::Madsim];
    let found = all.into_iter().find(|runtime| runtime.as_str() == text);
    found.ok_or_else(|| "there are stepped and madsim".to_owned())
}

/// A seed, as we print it or in decimal.
pub(super) fn seed(text: &str) -> Result<u64, String> {
    quantities::seed(text).ok_or_else(|| "a number below 2^64 is expected, decimal or 0x hex".to_owned())
}
