//! Where a test is: its name, the command that runs it alone, and the directory that its cases go to.
//!
//! Cargo builds tests below the target directory, as `TARGET/PROFILE/deps/NAME-HASH`, and runs them in the directory of their
//! package; so do runners that stand in for it, such as cargo-nextest. A test that was started otherwise has its cases in
//! `target/asl-sim` of the directory that it is started in.

use crate::base::words::shell_word;
use std::path::{Path, PathBuf};

/// What cases are kept in, below the target directory.
const CASES: &str = "asl-sim";

/// Where cases go that a test has found.
pub(crate) fn cases_dir() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let target = target_dir(&program).unwrap_or_else(|| Path::new("target"));
    target.join(CASES)
}

/// The target directory that a test's program is in: the one above the profile's, or above that of another platform.
fn target_dir(program: &Path) -> Option<&Path> {
    let deps = program.ancestors().find(|dir| dir.file_name().is_some_and(|name| name == "deps"))?;
    let above = deps.parent()?.parent()?;
    // With `--target` there is one more directory, and Cargo marks only the outermost.
    match above.parent() {
        Some(outer) if !above.join("CACHEDIR.TAG").exists() && outer.join("CACHEDIR.TAG").exists() => {
            Some(outer)
        }
        _ => Some(above),
    }
}

/// The test that is running, as libtest names its thread; none if it runs on the main thread.
pub(crate) fn test_name() -> Option<String> {
    std::thread::current().name().filter(|name| *name != "main").map(str::to_owned)
}

/// A path as the reader of a message types it: relative to where the test is, if it is below.
pub(crate) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}

/// The command that replays a case, or the run of a seed, in the test that is running: with the profile that the test was built with.
pub(crate) fn replay_command(what: &str) -> String {
    let what = shell_word(what);
    let package =
        std::env::var("CARGO_PKG_NAME").map_or_else(|_| String::new(), |name| format!(" -p {name}"));
    let profile = profile_option(&std::env::current_exe().unwrap_or_default());
    match test_name() {
        Some(name) => {
            format!("ASL_SIM_REPLAY={what} cargo test{package}{profile} {name} -- --exact --nocapture")
        }
        None => format!("ASL_SIM_REPLAY={what} cargo test{package}{profile} -- --nocapture"),
    }
}

/// The option of Cargo's for the profile that a program was built with, which the directory is named after that it is in.
fn profile_option(program: &Path) -> String {
    let deps = program.ancestors().find(|dir| dir.file_name().is_some_and(|name| name == "deps"));
    let profile = deps.and_then(Path::parent).and_then(Path::file_name).map(|name| name.to_string_lossy());
    match profile.as_deref() {
        None | Some("debug") => String::new(),
        Some("release") => " --release".to_owned(),
        Some(other) => format!(" --profile {}", shell_word(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_started_again_with_the_profile_that_it_was_built_with() {
        for (program, option) in [
            ("/w/target/debug/deps/conformance-0a", ""),
            ("/w/target/release/deps/conformance-0a", " --release"),
            ("/w/target/x86_64-unknown-linux-gnu/quick/deps/conformance-0a", " --profile quick"),
            ("/somewhere/conformance", ""),
        ] {
            assert_eq!(profile_option(Path::new(program)), option, "{program}");
        }
    }
}
