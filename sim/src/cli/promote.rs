//! `asl-sim promote`: cases of bugs that are about to be mended, copied to where they are kept and replayed with every change.
//!
//! A case is called there after its host and what broke. Nothing that is there is written over: a case that is there already is left as
//! it is, and another one of the same name gets the hash of its trace as well.

use super::Status;
use super::args::PromoteArgs;
use super::error::{Error, plain};
use super::out::Out;
use super::replay::load;
use super::targets::Targets;
use crate::case::Case;
use crate::report::json::Line;
use std::path::{Path, PathBuf};

pub(super) fn promote(args: &PromoteArgs, targets: &Targets, out: &mut Out) -> Result<Status, Error> {
    // All are read before any is written.
    let cases: Vec<Case> = args.cases.iter().map(|path| load(path, targets)).collect::<Result<_, Error>>()?;
    for (from, case) in args.cases.iter().zip(&cases) {
        let (to, is_new) = place(case, &args.to, targets)?;
        if is_new {
            case.write(&to).map_err(|error| {
                Error::new(format!(
                    "cannot store a case in {:?}: {}",
                    args.to.display().to_string(),
                    plain(&error)
                ))
                .hint("name a directory that can be written with --to DIR")
            })?;
        }
        let note = if is_new { "" } else { "  (it was there)" };
        out.text(&format!("{} -> {}{note}\n", from.display(), to.display()));
        out.json(&Line::Promoted { case: &from.to_string_lossy(), to: &to.to_string_lossy(), new: is_new });
    }
    Ok(Status::Passed)
}

/// Where a case goes, and whether it is not there yet.
fn place(case: &Case, dir: &Path, targets: &Targets) -> Result<(PathBuf, bool), Error> {
    let plain_name = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let name = format!("{}-{}", plain_name(&case.target), plain_name(&case.signature));
    let names = [name.clone(), format!("{name}-{}", case.trace_hash)];
    for name in names {
        let path = dir.join(format!("{name}.json"));
        if !path.exists() {
            return Ok((path, true));
        }
        if load(&path, targets)? == *case {
            return Ok((path, false));
        }
    }
    Err(Error::new(format!(
        "there are other cases of {} with this trace in {:?}",
        case.signature,
        dir.display().to_string()
    ))
    .hint("name another directory with --to DIR"))
}
