//! The stored cases in corpus/cases: the smallest failure of each specimen. Each still fails as it did, and opens with its story.
//!
//! They are made anew by `cargo run --release -- specimens --cases corpus/cases`.

use asl_sim::case::Case;
use asl_sim::scenario::FaultClass;
use asl_sim::target::{self, Target};
use asl_sim::trial::{Trial, trial};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn cases() -> Vec<(PathBuf, Case)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/cases");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)
        .expect("the corpus is there")
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    paths.sort();
    let load = |path: PathBuf| {
        let case = Case::load(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        (path, case)
    };
    paths.into_iter().map(load).collect()
}

fn tried(case: &Case, target: &Target) -> Trial {
    trial(target, &Arc::new(case.scenario.clone()), &case.decider())
}

fn primary(trial: &Trial) -> Option<&'static str> {
    trial.verdict.primary().map(asl_sim::check::Violation::name)
}

#[test]
fn every_stored_case_fails_as_it_did_and_opens_with_its_story() {
    for (path, case) in cases() {
        let target = target::find(&case.target).expect("it is of a built-in target");
        assert_eq!(primary(&tried(&case, &target)), Some(&*case.invariant), "{}", path.display());
        assert!(!case.story.is_empty(), "{}", path.display());
    }
}

#[test]
fn the_host_without_a_bug_passes_them() {
    let control = target::find("specimen:control").expect("it is built in");
    // It does not detect damage.
    for (path, case) in cases().iter().filter(|(_, case)| case.scenario.setup.class != FaultClass::Media) {
        assert_eq!(primary(&tried(case, &control)), None, "{}", path.display());
    }
}

#[test]
fn every_specimen_has_its_case_by_the_invariant_that_it_breaks() {
    let cases = cases();
    for target in target::built_in() {
        let Some(broken) = target.breaks() else { continue };
        let found = cases.iter().find(|(_, case)| case.target == target.name());
        let (path, case) = found.unwrap_or_else(|| {
            panic!(
                "{} has no case: run `cargo run --release -- specimens --cases corpus/cases`",
                target.name()
            )
        });
        assert_eq!(case.invariant, broken, "{}", path.display());
    }
}
