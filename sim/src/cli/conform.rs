//! `asl-sim conform`: the contract on a real disk.

use super::Status;
use super::args::{ConformArgs, PartArgs};
use super::error::{Error, plain};
use super::out::Out;
use super::targets::Targets;
use crate::base::Stopwatch;
use crate::base::words::{duration, program, shell_word};
use crate::conform::{self, Checked, Conform, Helper, Options, Outcome, Refused, Report};
use crate::report::conform::{self as report, Line};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the command is called that the other processes of a conform are started with.
pub(super) const PART: &str = "conform-part";

pub(super) fn conform(args: &ConformArgs, targets: &Targets, out: &mut Out) -> Result<Status, Error> {
    let target = targets.find(&args.target)?;
    let location = args.location.display().to_string();
    let options = Options {
        only: args.case.clone(),
        helper: helper(target.name()),
        stop: stop_on_interrupt(),
        ..Options::default()
    };
    let deadline = options.deadline;
    let prepared = Conform::prepare(&target, &args.location, options);
    let prepared = prepared.map_err(|why| refused(why, target.name(), &args.location))?;
    out.text(&report::heading(target.name(), &location, prepared.file_system(), out.columns()));
    out.json(&Line::Start {
        target: target.name(),
        location: &location,
        file_system: &prepared.file_system().name,
        device: &prepared.file_system().device,
        cases: prepared.count(),
    });
    let again =
        format!("{} conform {} --location {}", program(), shell_word(target.name()), shell_word(&location));
    let hung = format!("still running after {}", duration(deadline));
    let mut group = "";
    let watch = Stopwatch::start();
    let done = prepared.run(|checked: &Checked| {
        if checked.group != group {
            group = checked.group;
            let about = conform::groups().find(|(name, _)| *name == group).map_or("", |(_, about)| about);
            out.text(&report::group(group, about));
        }
        let again = format!("{again} --case {}", checked.name);
        out.text(&report::line(checked, deadline, &again, out.columns()));
        out.json(&report::object(checked, &hung));
    });
    let elapsed = watch.elapsed();
    out.text(&report::summary(&done, elapsed, out.columns()));
    out.json(&report::summary_object(&done, elapsed));
    Ok(status(&done))
}

/// This program once more. Without a path to it the checks that need it are skipped by name.
fn helper(target: &str) -> Option<Helper> {
    let program = std::env::current_exe().ok()?;
    Some(Helper::new(program, [PART, target]))
}

/// The first Ctrl-C ends the conform in good order, the second one at once.
fn stop_on_interrupt() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let set = stop.clone();
    let handler = move || {
        if set.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(Status::Interrupted.code()));
        }
    };
    // It fails only if there is a handler already, or no signals; then Ctrl-C does what it does without us.
    let _ = ctrlc::set_handler(handler);
    stop
}

fn refused(why: Refused, target: &str, location: &Path) -> Error {
    let cannot = format!("cannot try {target} in {:?}", location.display().to_string());
    let way_out = "name an existing directory that can be written with --location DIR";
    match why {
        Refused::NotOnDisk => Error::new(format!("{target} cannot be started on a real disk"))
            .hint(format!("`{} run` tries it in simulation", program()))
            .status(Status::Unavailable),
        Refused::Location(why) => Error::new(format!("{cannot}: {why}")).hint(way_out),
        Refused::Io(error) => Error::new(format!("{cannot}: {}", plain(&error))).hint(way_out),
        Refused::NotWritable(error) => {
            Error::new(format!("{cannot}: nothing can be made in it: {error}")).hint(way_out)
        }
        Refused::UnknownCheck(name) => Error::unknown("case", &name, "cases", conform::check_names()),
    }
}

fn status(report: &Report) -> Status {
    let of = |checked: &Checked| match checked.outcome {
        Outcome::Failed(_) => Status::Violation,
        Outcome::Hung => Status::Hang,
        Outcome::Passed | Outcome::NotOffered(_) | Outcome::Skipped(_) => Status::Passed,
    };
    let interrupted = if report.interrupted { Status::Interrupted } else { Status::Passed };
    report.checks.iter().map(of).fold(interrupted, Status::and)
}

/// Takes a part in a conform of another process.
pub(super) fn take_part(args: &PartArgs, targets: &Targets) -> Result<Status, Error> {
    let target = targets.find(&args.target)?;
    conform::take_part(&target, &args.part).map_err(Error::new)?;
    Ok(Status::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_has_no_disk_to_stand_on_has_a_status_of_its_own() {
        let status = |why| refused(why, "mine", Path::new("/data")).print();
        assert_eq!(status(Refused::NotOnDisk).code(), 13);
        assert_eq!(status(Refused::Location("it is not a directory")).code(), 2);
    }
}
