//! The format of case files: cases of the versions before are still read and still fail, and a damaged one is told by its line.

use asl_sim::case::{Case, VERSION};
use asl_sim::check::Violation;
use asl_sim::target::find;
use asl_sim::trial::trial;
use std::path::Path;
use std::sync::Arc;

/// Version 1 said nothing about shrinking, and had its story further down.
#[test]
fn a_case_of_version_1_is_read_and_fails_as_it_did() {
    assert_eq!(reads_as_it_was(1).shrunk, None);
}

/// Version 2 knew no operations of a host's own.
#[test]
fn a_case_of_version_2_is_read_and_fails_as_it_did() {
    assert!(reads_as_it_was(2).shrunk.is_some());
}

/// Version 3 is the last whose setup is that of a file system, whatever the medium.
#[test]
fn a_case_of_version_3_is_read_and_fails_as_it_did() {
    assert!(reads_as_it_was(3).shrunk.is_some());
}

fn reads_as_it_was(version: u32) -> Case {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/case-v{version}.json"));
    let text = std::fs::read_to_string(&path).expect("it is there");
    let said = format!("\"version\": {version},");
    assert!(text.contains(&said) && VERSION >= version, "it was written by that version");
    let case = Case::load(&path).expect("it is read");
    let target = find(&case.target).expect("its host is here");
    let now = trial(&target, &Arc::new(case.scenario.clone()), &case.decider());
    assert_eq!(now.verdict.primary().map(Violation::name), Some(case.invariant.as_str()));
    assert_eq!(now.signature(), Some(case.signature.clone()));
    // Written again, it is a case of this version and says the same.
    assert_eq!(Case::parse(&case.to_json()).expect("it is read"), case);
    case
}

/// When cases of earlier versions were first read by way of a tree of values, all cases were, and no error had a line any more.
#[test]
fn what_is_wrong_in_a_case_is_told_with_its_line() {
    let case = reads_as_it_was(3).to_json();
    let damaged = case.replacen("\"clients\": ", "\"clints\": ", 1);
    let line = damaged.lines().position(|line| line.contains("clints")).expect("it is there") + 1;
    let why = Case::parse(&damaged).expect_err("there is no such setting").to_string();
    assert!(why.contains("clints") && why.contains(&format!("at line {line} ")), "{why}");
}
