//! The second runtime, from a build that does not have it. What it does is in the tests of `examples/tokio`.
use std::process::{Command, Output};

fn asl_sim(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_asl-sim")).args(args).output().expect("it can be started")
}

#[test]
fn without_it_the_status_is_13_and_the_error_says_how_to_build_it() {
    let output = asl_sim(&["run", "posix", "--runtime", "madsim", "--seeds", "1"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(13), "{told}");
    insta::assert_snapshot!(told, @r#"
    error: this build has no runtime "madsim"
    hint: build one that has it: RUSTFLAGS="--cfg madsim --cfg tokio_unstable" cargo build --release --package asl-sim --features madsim --target-dir target/madsim
    "#);
}

#[test]
fn a_check_that_asks_for_it_says_how_to_build_it() {
    let check = asl_sim::conformance::Conformance::of(asl_sim::target::posix());
    let check = check.runtime(asl_sim::scenario::Runtime::Madsim);
    let checked = std::panic::AssertUnwindSafe(|| check.check());
    let panic = std::panic::catch_unwind(checked).expect_err("it cannot be run");
    let said = panic.downcast_ref::<String>().expect("a text");
    assert!(said.contains("--cfg madsim --cfg tokio_unstable"), "{said}");
}

/// Its default features bring bincode 1, which nobody maintains.
#[test]
fn nothing_that_nobody_maintains_comes_with_it() {
    let lock = include_str!("../../../Cargo.lock");
    assert!(lock.contains("name = \"madsim\""), "the second runtime is locked");
    assert!(!lock.contains("name = \"bincode\""), "bincode is there");
}
