//! `asl-sim conform`: the contract on a real disk or a real object store.

use super::Status;
use super::args::{ConformArgs, PartArgs};
use super::error::{Error, plain};
use super::out::Out;
use super::targets::Targets;
use crate::base::Stopwatch;
use crate::base::words::{duration, program, shell_word};
use crate::conform::{self, Checked, Conform, Helper, Medium, Options, Outcome, Refused, Report};
use crate::hosts::{Target, is_url};
use crate::report::conform::{self as report, Line};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What the command is called that the other processes of a conform are started with.
pub(super) const PART: &str = "conform-part";

/// How long a check may take on a bucket. A request there takes milliseconds, and a server that is killed needs some seconds to come back.
const BUCKET_DEADLINE: Duration = Duration::from_mins(15);

pub(super) fn conform(args: &ConformArgs, targets: &Targets, out: &mut Out) -> Result<Status, Error> {
    let target = targets.find(&args.target)?;
    let location = args.location.display().to_string();
    let on_bucket = is_url(&location);
    let options = Options {
        only: args.case.clone(),
        helper: helper(target.name()),
        kills: args.kills,
        server: args.server.clone(),
        stop: stop_on_interrupt(),
        deadline: if on_bucket { BUCKET_DEADLINE } else { Options::default().deadline },
    };
    if args.server.is_some() && !on_bucket {
        let why = "--server starts the server of a bucket, and --location is a directory";
        return Err(Error::new(why).hint("leave it out, or name a bucket: --location s3://BUCKET"));
    }
    let deadline = options.deadline;
    let prepared = if on_bucket {
        on_a_bucket(&target, &location, options)
    } else {
        Conform::prepare(&target, &args.location, options)
    };
    let prepared = prepared.map_err(|why| refused(why, target.name(), &args.location))?;
    let medium = prepared.medium();
    out.text(&report::heading(target.name(), &location, medium, out.columns()));
    let (file_system, device, prefix) = match medium {
        Medium::FileSystem(on) => (on.name.as_str(), on.device.as_str(), None),
        Medium::Bucket(prefix) => ("", "", Some(prefix)),
    };
    out.json(&Line::Start {
        target: target.name(),
        location: &location,
        file_system,
        device,
        prefix,
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

#[cfg(feature = "vendors")]
fn on_a_bucket(target: &Target, location: &str, options: Options) -> Result<Conform, Refused> {
    Conform::prepare_on_bucket(target, location, options)
}

#[cfg(not(feature = "vendors"))]
fn on_a_bucket(_: &Target, _: &str, _: Options) -> Result<Conform, Refused> {
    Err(Refused::Bucket(NO_VENDORS.0.to_owned(), NO_VENDORS.1.to_owned()))
}

/// Why nothing can be done on buckets, and what would help.
#[cfg(not(feature = "vendors"))]
const NO_VENDORS: (&str, &str) =
    ("this program was built without clients of object stores", "build it with `--features vendors`");

#[cfg(not(feature = "vendors"))]
pub(super) fn no_vendors() -> Error {
    Error::new(NO_VENDORS.0).hint(NO_VENDORS.1).status(Status::Unavailable)
}

/// This program once more. Without a path to it the checks that need it are skipped by name.
fn helper(target: &str) -> Option<Helper> {
    let program = std::env::current_exe().ok()?;
    Some(Helper::new(program, [PART, target]))
}

/// The first Ctrl-C ends the conform in good order, the second one at once.
pub(super) fn stop_on_interrupt() -> Arc<AtomicBool> {
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
            .hint(format!("`{} run` tries it in simulation; a host on object stores takes a URL", program()))
            .status(Status::Unavailable),
        Refused::Location(why) => Error::new(format!("{cannot}: {why}")).hint(way_out),
        Refused::Io(error) => Error::new(format!("{cannot}: {}", plain(&error))).hint(way_out),
        Refused::NotWritable(error) => {
            Error::new(format!("{cannot}: nothing can be made in it: {error}")).hint(way_out)
        }
        Refused::NotOnBuckets => Error::new(format!("{target} cannot be started on a bucket"))
            .hint("name a directory with --location DIR")
            .status(Status::Unavailable),
        #[cfg(feature = "vendors")]
        Refused::Unreachable(why) => super::probe::refused(why),
        Refused::Bucket(why, hint) => {
            let error = Error::new(format!("{cannot}: {why}")).status(Status::Unavailable);
            if hint.is_empty() { error } else { error.hint(hint) }
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
