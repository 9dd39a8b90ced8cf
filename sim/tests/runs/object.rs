//! The host on object stores, in simulated buckets: it keeps its word where the bucket does, and where the bucket does not, that is found.

use asl_sim::campaign::{capabilities, run_seed};
use asl_sim::case::Case;
use asl_sim::explain::explain;
use asl_sim::explore::{self, explore};
use asl_sim::history::{Ask, Event, Told};
use asl_sim::scenario::Profile;
use asl_sim::scenario::generate::Wishes;
use asl_sim::shrink::{self, shrink};
use asl_sim::target;
use asl_sim::trial::{Trial, trial};
use std::sync::Arc;

fn on(profile: Profile) -> Wishes {
    Wishes { profile, ..target::object().wishes() }
}

fn runs(profile: Profile, count: u64) -> impl Iterator<Item = Trial> {
    let (target, wishes) = (target::object(), on(profile));
    let offered = capabilities(&target, &wishes);
    (0..count).map(move |seed| run_seed(&target, seed, &wishes, &offered, true))
}

#[test]
fn it_keeps_the_contract_where_conditions_are_atomic_also_if_lists_are_behind() {
    for profile in [Profile::Aws, Profile::StaleList] {
        for (seed, trial) in runs(profile, 1_500).enumerate() {
            assert!(trial.passed(), "{profile:?}, seed {seed}: {:?}", trial.signature());
        }
    }
}

#[test]
fn where_conditions_are_tested_before_the_change_two_writers_lose_records_and_that_is_found() {
    let target = target::object();
    let failing = runs(Profile::NotAtomicConditions, 200).find(|trial| !trial.passed()).expect("it shows");
    let shrunk = shrink(&target, &failing, &shrink::Options::default(), &shrink::Progress::default());
    assert!(shrunk.trial.scenario.ops.len() <= 3, "{:?}", shrunk.trial.scenario.ops);
    let case = Case::of_shrunk(&shrunk, "object", None, Vec::new());
    let read = Case::parse(&case.to_json()).expect("it is a case");
    let again = trial(&target, &Arc::new(read.scenario.clone()), &read.decider());
    assert_eq!(again.outcome.trace, case.trace_hash);
    let (told, story) = explain(&target, &case);
    assert_eq!(told.outcome.trace, case.trace_hash);
    assert!(story.rows.iter().any(|row| row.host.starts_with("test a condition")), "the story shows how");
}

#[test]
fn a_bucket_that_ignores_conditions_is_refused_when_a_store_is_created() {
    for trial in runs(Profile::IgnoresConditions, 20) {
        let events = trial.outcome.history.events();
        let created = events.iter().find_map(|event| match event {
            Event::Told { asked, told } => match events[*asked] {
                Event::Asked { ask: Ask::Create { .. }, .. } => Some(told),
                _ => None,
            },
            _ => None,
        });
        assert!(!matches!(created, Some(Told::Done)), "{created:?}");
    }
}

#[test]
fn every_crash_point_of_one_operation_is_tried_with_every_place_where_a_request_may_land() {
    let options = explore::Options { profile: Profile::Aws, ops: 1, ..explore::Options::default() };
    let report = explore(&target::object(), &options, &explore::Progress::default());
    assert!(report.complete() && report.found.is_empty(), "{:?}, {:?}", report.bug, report.signatures);
}
