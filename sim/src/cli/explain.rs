//! `asl-sim explain`: the story of a stored case.
//!
//! The case is run again, and that run is what is told of. That it is not what the case was stored for is said at the end, with
//! the status of a replay that did not reproduce.

use super::Status;
use super::args::ExplainArgs;
use super::error::{Error, plain};
use super::failure::report_bug;
use super::out::Out;
use super::replay::{compare, load, report_comparison, target_of};
use super::targets::Targets;
use crate::base::atomic_file::publish_file;
use crate::base::panics;
use crate::base::words::{program, shell_word, things};
use crate::explain::explain as explained;
use crate::report::explain::page::page;
use crate::report::explain::text::text;
use crate::report::json::Line;
use crate::tell::failure::field;
use crate::tell::style::BOLD;

pub(super) fn explain(args: &ExplainArgs, targets: &Targets, out: &mut Out) -> Result<Status, Error> {
    let case = load(&args.case, targets)?;
    let target = target_of(&case, args.target.as_deref(), targets)?;
    let name = args.case.display().to_string();
    let other =
        args.target.as_ref().map_or_else(String::new, |other| format!(" --target {}", shell_word(other)));
    let command = format!("{} replay {}{other}", program(), shell_word(&name));
    let (trial, explanation) = match panics::caught(|| explained(&target, &case)) {
        Ok(explained) => explained,
        Err(said) => return Ok(report_bug(None, &said, &command, out)),
    };
    if let Some(path) = &args.html {
        publish_file(path, page(&explanation, &name, &command).as_bytes()).map_err(|error| {
            let page = path.display().to_string();
            Error::new(format!("cannot write the page {page:?}: {}", plain(&error)))
                .hint("name a file in a directory that can be written with --html FILE")
        })?;
    }
    let comparison = compare(&case, &target, &trial);
    let operations = things(trial.scenario.ops.len() as u64, "operation", "operations");
    let (of, target) = (format!("case {name}, {operations}"), target.name());
    out.text(&format!("{BOLD}target{BOLD:#} {target}  {BOLD}story of{BOLD:#} {of}\n\n"));
    out.text(&text(&explanation, out.columns(), args.all));
    out.text(&field("replay", &command));
    if let Some(path) = &args.html {
        out.text(&field("page", &path.display().to_string()));
    }
    report_comparison(&comparison, &case, &trial, out);
    out.json(&Line::Explanation {
        case: &name,
        why: comparison.difference.as_deref(),
        explanation: &explanation,
    });
    Ok(if comparison.difference.is_some() { Status::NotReproduced } else { Status::Passed })
}
