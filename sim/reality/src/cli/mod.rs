//! The command line: what is asked for, whether it can be done here, and what is told of it.
//!
//! Results go to standard output; progress and errors go to standard error. An error is one line.

mod available;
mod progress;
mod status;

pub use status::Status;

use crate::arm::{ARMS, Arm, FileSystem};
use crate::examine::{Plan, Progress, Tally, examine};
use crate::finding::Finding;
use crate::hands::{self, Trouble};
use crate::report::{self, Surroundings};
use asl_sim::world::program::{Program, Step};
use clap::Parser;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Most crash points of a file system.
const CRASH_POINTS_MAX: u64 = 10_000_000;

/// How far a given program's files may reach.
const BYTES_MAX: u64 = 4 << 20;

/// Checks asl-sim's model of crash states against the kernel's own file systems.
///
/// Runs small programs on ext4, xfs and btrfs, on a disk that records every write and every flush; makes the media that a loss
/// of power could leave; has the kernel mount each one; and asks the model whether what is then there is allowed. Needs root,
/// FUSE, loop devices and mkfs. A seed settles the programs and which crash points are taken of a recording; what the kernel
/// writes, and when, differs from run to run.
#[derive(Debug, Parser)]
#[command(name = "asl-reality", version, max_term_width = 100, after_help = STATUSES)]
struct Args {
    /// A file system to look at; may be given several times. All of them by default.
    #[arg(long = "file-system", value_name = "NAME")]
    file_systems: Vec<FileSystem>,
    /// How many losses of power to judge, for each file system and mount mode.
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=CRASH_POINTS_MAX))]
    crash_points: u64,
    /// The first random program's seed; the next ones have the next seeds.
    #[arg(long, value_name = "BASE", default_value_t = 1)]
    seed: u64,
    /// Leaves the litmus programs out.
    #[arg(long, conflicts_with = "program")]
    random_only: bool,
    /// Looks only at the program in this file: a JSON array of steps, as the files of --out have it.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Also writes the report to this file, as Markdown.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Writes what is found to files in this directory, in full.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

const STATUSES: &str = "Exit status: 0 all that was seen is inside of the model, 2 usage, 10 a state outside of the model or a \
file system that did not come back, 11 the kernel did not answer, 13 not available here, 70 something failed, \
130 interrupted with nothing found";

/// Does what the command line asks for.
pub fn main(command_line: Vec<OsString>) -> Status {
    if command_line.get(1).is_some_and(|argument| argument == hands::COMMAND) {
        let arguments = command_line[2..].iter().map(|argument| argument.to_string_lossy().into_owned());
        return match hands::serve(&arguments.collect::<Vec<_>>()) {
            Ok(()) => Status::Passed,
            Err(why) => failed(Status::Usage, &why),
        };
    }
    match Args::try_parse_from(command_line) {
        Ok(args) => obey(&args),
        Err(error) if error.use_stderr() => failed(Status::Usage, &shortened(&error.to_string())),
        Err(help) => {
            // If nobody reads it, there is nobody to tell.
            let _ = help.print();
            Status::Passed
        }
    }
}

/// What clap says is wrong, and with which values it would not be, in one line.
fn shortened(text: &str) -> String {
    let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let told =
        lines.filter(|line| !line.is_empty() && !line.starts_with("For more") && !line.starts_with("tip:"));
    let told: Vec<&str> = told.collect();
    told.join(" ").trim_start_matches("error: ").to_owned()
}

/// Prints an error.
fn failed(status: Status, why: &str) -> Status {
    let _ = writeln!(io::stderr(), "error: {why}");
    status
}

fn obey(args: &Args) -> Status {
    if let Err(why) = available::check().and_then(|()| available::enter_mount_namespace()) {
        return failed(Status::Unavailable, &why);
    }
    let program = match args.program.as_deref().map(read_program).transpose() {
        Ok(program) => program,
        Err(why) => return failed(Status::Usage, &why),
    };
    if let Some(out) = &args.out
        && let Err(error) = std::fs::create_dir_all(out)
    {
        return failed(Status::Usage, &format!("cannot make the directory {}: {error}", out.display()));
    }
    let mut skipped = Vec::new();
    let arms: Vec<Arm> = ARMS.into_iter().filter(|arm| wanted(args, arm, &mut skipped)).collect();
    for why in &skipped {
        let _ = writeln!(io::stderr(), "SKIPPED {why}");
    }
    if arms.is_empty() {
        return failed(Status::Unavailable, "none of the file systems can be looked at here");
    }
    let plan =
        Plan { crash_points: args.crash_points, seed: args.seed, random_only: args.random_only, program };
    compare(args, &plan, &arms, skipped)
}

fn read_program(path: &Path) -> Result<Program, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read the program {}: {error}", path.display()))?;
    let program: Program =
        serde_json::from_str(&text).map_err(|error| format!("{} is no program: {error}", path.display()))?;
    program.iter().try_for_each(check_step).map_err(|why| format!("{}: {why}", path.display()))?;
    Ok(program)
}

/// Steps run as root: they stay inside of the file system that is looked at, and its disk is small.
fn check_step(step: &Step) -> Result<(), String> {
    for path in step.paths() {
        let is_name = |name: &str| !name.is_empty() && name != "." && name != "..";
        let is_root = path.is_empty() && matches!(step, Step::FsyncDir(_));
        if !is_root && !path.split('/').all(is_name) {
            return Err(format!("{step}: a path is relative, and has no empty, \".\" or \"..\" parts"));
        }
    }
    if step.end() > BYTES_MAX {
        return Err(format!("{step}: it reaches beyond {BYTES_MAX} bytes"));
    }
    Ok(())
}

fn wanted(args: &Args, arm: &Arm, skipped: &mut Vec<String>) -> bool {
    let asked_for = args.file_systems.is_empty() || args.file_systems.contains(&arm.file_system);
    match available::check_file_system(arm.file_system) {
        _ if !asked_for => false,
        Ok(()) => true,
        Err(why) => {
            skipped.push(format!("{}: {why}", arm.name));
            false
        }
    }
}

fn compare(args: &Args, plan: &Plan, arms: &[Arm], mut skipped: Vec<String>) -> Status {
    let progress = Arc::new(Progress::default());
    progress::stop_on_interrupt(&progress);
    let mut tallies = Vec::new();
    let mut trouble = None;
    for arm in arms {
        let tell = |number, finding: &Finding| {
            if let Some(out) = &args.out {
                store(out, number, finding);
            }
        };
        let work = || examine(arm, plan, &progress, &tell);
        match progress::watched(arm.name, &progress, plan.crash_points, work) {
            Ok(tally) => tallies.push(tally),
            Err(Trouble::Unmountable(why)) => {
                skipped.push(format!("{}: a new one cannot be mounted: {why}", arm.name));
            }
            Err(other) => {
                trouble = Some(other);
                break;
            }
        }
        if progress.stop.load(Ordering::Relaxed) {
            break;
        }
    }
    let told = tell(args, &tallies, skipped);
    match (told, trouble) {
        (Err(why), _) => failed(Status::Failed, &why),
        (_, Some(trouble @ Trouble::Hung(_))) => failed(Status::Hung, &trouble.to_string()),
        (_, Some(trouble)) => failed(Status::Failed, &trouble.to_string()),
        _ if tallies.iter().any(|tally| tally.findings_count > 0) => Status::Outside,
        _ if progress.stop.load(Ordering::Relaxed) => Status::Interrupted,
        _ if tallies.is_empty() => failed(Status::Unavailable, "none of the file systems could be looked at"),
        _ => Status::Passed,
    }
}

fn tell(args: &Args, tallies: &[Tally], skipped: Vec<String>) -> Result<(), String> {
    let surroundings = Surroundings::here(args.seed, skipped);
    let text = report::text(&surroundings, tallies);
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            return Err(format!("cannot write to standard output: {error}"));
        }
        _ => (),
    }
    if let Some(path) = &args.markdown {
        write_file(path, &report::markdown(&surroundings, tallies))?;
    }
    Ok(())
}

/// Writes a finding to files of its own: for people, and its program for --program.
fn store(out: &Path, number: u64, finding: &Finding) {
    let path = |kind: &str| out.join(format!("{}-{number}.{kind}", finding.arm));
    let program = serde_json::to_string(&finding.steps).expect("a program is plain data");
    let stored = write_file(&path("txt"), &finding.to_string());
    if let Err(why) = stored.and_then(|()| write_file(&path("json"), &program)) {
        let _ = writeln!(io::stderr(), "error: {why}");
    }
}

#[expect(clippy::disallowed_methods, reason = "a report that a loss of power takes can be made again")]
fn write_file(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
