//! `asl-sim specimens`: how soon each planted bug is found.

use super::Status;
use super::error::{Error, plain};
use super::failure::report_bug;
use super::out::Out;
use super::specimens_args::SpecimensArgs;
use crate::base::Stopwatch;
use crate::base::words::program;
use crate::campaign::Progress;
use crate::hosts::Target;
use crate::hunt::past::Past;
use crate::hunt::{self, Hunted, Options, Stopped};
use crate::report::progress::stop_on_interrupt;
use crate::report::specimens::{self as report, Row};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(super) fn specimens(args: &SpecimensArgs, out: &mut Out) -> Result<Status, Error> {
    let targets = chosen(&args.only)?;
    let options = Options {
        base_seed: args.seed,
        seeds: args.seeds,
        ops: args.ops,
        rounds: args.rounds,
        others_max: args.others,
        jobs: args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
    };
    let mut past = args.seeds_to_kill.as_deref().map(read_past).transpose()?;
    out.text(&report::heading(&options));
    out.json(&report::Start::new(&options));
    let watch = Stopwatch::start();
    let (hunted, stopped) = hunt_all(&targets, &options, watch);
    let mut rows = Vec::new();
    for hunted in &hunted {
        let before = past.as_ref().and_then(|past| past.runs_to_kill(&options, &hunted.name));
        let case = args.cases.as_deref().and_then(|dir| store(hunted, dir));
        rows.push(Row { hunted, before, case });
    }
    out.text(&report::table(&rows));
    for row in &rows {
        out.json(&report::line(row));
    }
    out.text(&report::summary(&rows, watch.elapsed()));
    out.json(&report::Summary::new(&rows, watch.elapsed()));
    let mut status = rows.iter().fold(Status::Passed, |status, row| status.and(status_of(row.hunted)));
    match stopped {
        Some(Stopped::Interrupted) => status = status.and(Status::Interrupted),
        Some(Stopped::Bug(seed, said)) => {
            let name = targets.get(hunted.len()).map_or("", Target::name);
            let again = format!("{} replay {name} --seed {seed:#x}", program());
            status = status.and(report_bug(Some(seed), &said, &again, out));
        }
        None => {
            if let (Some(path), Some(past)) = (&args.seeds_to_kill, &mut past) {
                keep(past, path, &options, &hunted)?;
            }
        }
    }
    Ok(status)
}

/// The specimens of these names, all if there are none.
fn chosen(only: &[String]) -> Result<Vec<Target>, Error> {
    let all = hunt::specimens();
    for name in only {
        let short = name.trim_start_matches("specimen:");
        if all.iter().all(|target| hunt::name(target) != short) {
            return Err(Error::unknown("specimen", name, "targets", all.iter().map(hunt::name)));
        }
    }
    let is_wanted = |target: &Target| {
        only.is_empty() || only.iter().any(|name| name.trim_start_matches("specimen:") == hunt::name(target))
    };
    Ok(all.iter().filter(|target| is_wanted(target)).cloned().collect())
}

fn read_past(path: &Path) -> Result<Past, Error> {
    Past::load(path).map_err(|why| {
        Error::new(format!("cannot compare with {:?}: {why}", path.display().to_string()))
            .hint("name a file that --seeds-to-kill wrote, or one that does not exist yet")
    })
}

/// Adds what is new to the file.
fn keep(past: &mut Past, path: &Path, options: &Options, hunted: &[Hunted]) -> Result<(), Error> {
    if !past.add(options, hunted) {
        return Ok(());
    }
    past.save(path).map_err(|error| {
        Error::new(format!("cannot write {:?}: {}", path.display().to_string(), plain(&error)))
    })
}

/// Stores the smallest case. That it cannot be stored is told, and does not matter otherwise.
fn store(hunted: &Hunted, dir: &Path) -> Option<PathBuf> {
    let smallest = hunted.smallest.as_ref()?;
    let saved = smallest.case.save_file(dir, &format!("{}.json", hunted.name));
    if let Err(error) = &saved {
        Error::new(format!("cannot save a case in {}: {error}", dir.display())).print();
    }
    saved.ok()
}

/// A specimen has to be found as it should, and a host without a bug has to pass.
fn status_of(hunted: &Hunted) -> Status {
    match (hunted.is_as_expected(), hunted.expected) {
        (true, _) => Status::Passed,
        (false, Some(_)) => Status::SpecimenSurvived,
        (false, None) => Status::Violation,
    }
}

/// Hunts them one after the other; what was found before it was stopped counts.
fn hunt_all(targets: &[Target], options: &Options, watch: Stopwatch) -> (Vec<Hunted>, Option<Stopped>) {
    let progress = Arc::new(Progress::default());
    stop_on_interrupt(&progress);
    let mut shown = Shown::new(targets.len(), watch);
    let mut all = Vec::new();
    for target in targets {
        shown.at(all.len(), hunt::name(target));
        match hunt::hunt(target, options, &progress) {
            Ok(hunted) => all.push(hunted),
            Err(stopped) => return (all, Some(stopped)),
        }
    }
    (all, None)
}

/// What is shown meanwhile: on a terminal a bar, elsewhere a line every ten seconds; nothing in the first two seconds.
struct Shown {
    count: usize,
    watch: Stopwatch,
    bar: Option<ProgressBar>,
    next_line: Duration,
}

impl Shown {
    fn new(count: usize, watch: Stopwatch) -> Shown {
        Shown { count, watch, bar: None, next_line: Duration::from_secs(10) }
    }

    fn at(&mut self, done: usize, name: &str) {
        let (elapsed, count) = (self.watch.elapsed(), self.count);
        if elapsed < Duration::from_secs(2) {
            return;
        }
        if stderr().is_terminal() {
            let style = ProgressStyle::with_template("[{bar:12}] {pos}/{len} {msg}");
            let style = style.expect("the template is right").progress_chars("=> ");
            let bar = self.bar.get_or_insert_with(|| ProgressBar::new(count as u64).with_style(style));
            bar.set_position(done as u64);
            bar.set_message(name.to_owned());
        } else if elapsed >= self.next_line {
            self.next_line = elapsed + Duration::from_secs(10);
            let _ = writeln!(stderr(), "{done} of {count} hosts, now {name}");
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
