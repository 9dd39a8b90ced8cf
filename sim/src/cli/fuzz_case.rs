//! `asl-sim fuzz-case`: what a fuzzer has found, as a case like any other.
//!
//! The input's run is made once more, with its decisions recorded, made small, and stored. An input that does not fail here (of another
//! target, or of a host that was mended) is told of, and is no case.

use super::Status;
use super::args::FuzzCaseArgs;
use super::error::{Error, plain};
use super::failure::{Keeping, Origin, report_bug};
use super::out::Out;
use super::run::check_writable;
use super::targets::Targets;
use super::wishes::profile_for;
use crate::base::panics;
use crate::base::words::{program, shell_word};
use crate::failing::Subject;
use crate::fuzz::Fuzzed;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// No input is longer than this many bytes.
const LEN_MAX: u64 = 1 << 20;

pub(super) fn fuzz_case(args: &FuzzCaseArgs, targets: &Targets, out: &mut Out) -> Result<Status, Error> {
    let target = targets.find(&args.target)?;
    let mut wishes = target.wishes();
    if let Some(name) = &args.profile {
        wishes.profile = profile_for(&target, name)?;
    }
    let bytes = read(&args.input)?;
    check_writable(&args.out)?;
    let subject = Subject::new(target, wishes).map_err(Error::new)?;
    let fuzzed = Fuzzed::new(subject.target.clone(), subject.wishes.clone());
    let trial = match panics::caught(|| fuzzed.settle(&bytes)) {
        Ok(trial) => trial,
        Err(said) => {
            let input = args.input.to_string_lossy();
            let command =
                format!("{} fuzz-case {} {}", program(), shell_word(&args.target), shell_word(&input));
            return Ok(report_bug(None, &said, &command, out));
        }
    };
    if trial.passed() {
        return Err(Error::new(format!(
            "the input {:?} does not fail on {}",
            args.input.display().to_string(),
            args.target
        ))
        .status(Status::NotReproduced)
        .hint("name the target that was fuzzed, and its profile if it was not posix"));
    }
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let keeping =
        Keeping { dir: &args.out, shrink_for: args.shrink_for, jobs, stop: &AtomicBool::new(false) };
    let name =
        args.input.file_stem().map_or_else(|| "input".to_owned(), |name| name.to_string_lossy().into_owned());
    Ok(subject.report(trial, &Origin::Input { path: args.input.clone(), name }, &keeping, out))
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let refused = |why: String| {
        Error::new(format!("cannot read the input {:?}: {why}", path.display().to_string()))
            .hint("an input is a file that the fuzzer stored, fuzz/artifacts/TARGET/crash-* say")
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| refused(plain(&error)))?;
    file.take(LEN_MAX + 1).read_to_end(&mut bytes).map_err(|error| refused(plain(&error)))?;
    if bytes.len() as u64 > LEN_MAX {
        return Err(refused(format!("more than {LEN_MAX} bytes are too many for one")));
    }
    Ok(bytes)
}
