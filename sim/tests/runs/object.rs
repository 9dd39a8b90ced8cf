//! The host on object stores, in simulated buckets: it keeps its word where the bucket does, and where the bucket does not, that is found.

use asl_sim::campaign::{capabilities, run_seed};
use asl_sim::case::Case;
use asl_sim::decide::Decider;
use asl_sim::explain::explain;
use asl_sim::explore::{self, explore};
use asl_sim::history::{Ask, Event, Told};
use asl_sim::scenario::generate::Wishes;
use asl_sim::scenario::{
    Action, CrashKind, CrashPlan, Cut, FaultClass, MediumSetup, Op, Payload, Profile, Runtime, Scenario,
    Setup, Style, When,
};
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

#[test]
fn what_was_sent_to_a_store_that_was_destroyed_shows_in_the_next_one_if_its_log_knows_nothing_of_that() {
    let payload = Payload { style: Style::Unique, len: 24 };
    let actions = [
        Action::SideCreate(payload),
        Action::SideUse(payload),
        Action::SideDestroy,
        Action::SideCreate(payload),
        Action::SideUse(payload),
    ];
    let setup = Setup {
        medium: MediumSetup::plain(Profile::Aws),
        class: FaultClass::Crash,
        clients: 1,
        segment_len_max: 1 << 20,
        entropy: 7,
        goes_on_after_errors: false,
        runtime: Runtime::Stepped,
    };
    let ops: Vec<Op> = (0..).zip(actions).map(|(id, action)| Op { id, client: 0, action }).collect();
    let cut_at = |change| {
        let at = Cut::new(change, When::Within, CrashKind::Kill);
        let (setup, ops) = (setup.clone(), ops.clone());
        let crashes = vec![CrashPlan { op: Some(1), at, inside: Vec::new() }];
        Arc::new(Scenario {
            setup,
            ops,
            crashes,
            faults: Vec::new(),
            full: Vec::new(),
            clock_jumps: Vec::new(),
        })
    };
    let found = |name: &str| {
        let target = target::find(name).expect("it is a target");
        let runs = (0..8).flat_map(|change| (0..60).map(move |seed| (change, seed)));
        runs.filter_map(|(change, seed)| trial(&target, &cut_at(change), &Decider::seeded(seed)).signature())
            .collect::<Vec<_>>()
    };
    let late = found("specimen:late-put-into-new-store");
    assert!(late.iter().any(|found| found.starts_with("log-prefix/")), "{late:?}");
    assert_eq!(found("specimen:control-bucket"), [""; 0]);
    assert_eq!(found("object"), [""; 0]);
}
