//! What becomes of a failure: minimised, told, stored as a case, and replayed to the same end.
#![cfg(madsim)]

mod hasty;

use asl_sim::case::Case;
use asl_sim::conformance::Conformance;
use asl_sim::scenario::Runtime;
use asl_sim::target::Target;
use asl_sim::trial::trial;
use hasty::Hasty;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use tokio_host::TokioHost;

#[test]
fn an_acknowledgement_before_the_flush_becomes_a_small_case_that_replays() {
    let hasty = Target::new("tokio-host-hasty", "acknowledged first, flushed by a timer", |machine| {
        Hasty(TokioHost::new(machine.file_system(), machine.env(), machine.root()))
    });
    let mended = Target::new("tokio-host-hasty", "the same without the bug", |machine| {
        TokioHost::new(machine.file_system(), machine.env(), machine.root())
    });
    let check = Conformance::of(hasty.clone()).runtime(Runtime::Madsim);
    let panic = catch_unwind(AssertUnwindSafe(|| check.check())).expect_err("it is found");
    let told = panic.downcast_ref::<String>().expect("a text");
    assert!(told.contains("violation: append-durable"), "{told}");
    let line = told.lines().find_map(|line| line.trim().strip_prefix("case ")).expect("the path of the case");
    let case = Case::load(Path::new(line.trim())).expect("a case");
    assert!(case.scenario.ops.len() <= 3, "{told}");

    let again = trial(&hasty, &Arc::new(case.scenario.clone()), &case.decider());
    assert_eq!(again.signature().as_ref(), Some(&case.signature));
    assert_eq!(again.outcome.trace, case.trace_hash);
    assert!(trial(&mended, &Arc::new(case.scenario.clone()), &case.decider()).passed());
}
