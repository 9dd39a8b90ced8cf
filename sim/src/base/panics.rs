//! Panics: a host's is data, and ours is a bug that is told in one line.
//!
//! While a run goes on, on its thread, the panic hook prints nothing and notes where the panic was; who catches it says
//! what it means. Outside of runs a panic is a bug of the simulator, and the hook says so, without a backtrace.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::io::Write;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

thread_local! {
    static IN_RUN: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Says what to do about a bug of ours.
pub(crate) const REPORT_IT: &str = "please report it with this command and `asl-sim --version`";

/// From now on, panics inside of runs print nothing, and others one line.
pub(crate) fn install_hook() {
    std::panic::set_hook(Box::new(hook));
}

fn hook(info: &PanicHookInfo<'_>) {
    let place = info.location().map_or_else(String::new, |at| format!(" ({}:{})", at.file(), at.line()));
    if IN_RUN.get() {
        PLACE.set(place);
        return;
    }
    let said = text_of(info.payload());
    let said = said.lines().next().unwrap_or_default();
    // Standard error may be closed; there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "bug in asl-sim: {said}{place}; {REPORT_IT}");
}

/// Carries out runs. If the simulator panics, what it said and where.
pub(crate) fn caught<T>(runs: impl FnOnce() -> T) -> Result<T, String> {
    let outer = IN_RUN.replace(true);
    let result = catch_unwind(AssertUnwindSafe(runs));
    IN_RUN.set(outer);
    result.map_err(|panic| format!("{}{}", text_of(&*panic), PLACE.take()))
}

/// What a panic said.
fn text_of(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_run_is_caught_with_what_it_said() {
        assert_eq!(caught(|| 7), Ok(7));
        let said = caught(|| -> u8 { panic!("{} is wrong", "this") }).expect_err("it panics");
        assert!(said.starts_with("this is wrong"), "{said}");
        assert!(!IN_RUN.get(), "what comes after is outside of runs again");
    }
}
