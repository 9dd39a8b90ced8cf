//! Requests that outlive their caller, and processes that die alone: in runs, replays, shrinking, exhaustive search and stories. The
//! medium is one that is there for this, cells behind a network, and so are the hosts on it.

use asl_sim::campaign::{capabilities, run_seed};
use asl_sim::case::Case;
use asl_sim::decide::Decider;
use asl_sim::explain::explain;
use asl_sim::explore::{self, explore};
use asl_sim::history::{Event, Told};
use asl_sim::scenario::{
    Action, CrashKind, CrashPlan, Cut, FaultClass, MediumSetup, Op, Payload, Profile, Runtime, Scenario,
    Setup, Style, When,
};
use asl_sim::shrink::{self, shrink};
use asl_sim::target::{self, Target};
use asl_sim::trial::{Trial, trial};
use std::collections::BTreeMap;
use std::sync::Arc;

const PAYLOAD: Payload = Payload { style: Style::Unique, len: 24 };
/// The client that stands for the second process in histories.
const SECOND: u16 = u16::MAX - 1;

fn target(name: &str) -> Target {
    target::find(name).unwrap_or_else(|near| panic!("{name} is a target, as {near:?} are"))
}

/// These operations of one client, crashed in the last of them.
fn crashed(actions: Vec<Action>, at: Cut) -> Arc<Scenario> {
    let ops: Vec<Op> = (0..).zip(actions).map(|(id, action)| Op { id, client: 0, action }).collect();
    let op = ops.last().map(|op| op.id);
    let setup = Setup {
        medium: MediumSetup::plain(Profile::Cells),
        class: FaultClass::Crash,
        clients: 1,
        segment_len_max: 1 << 20,
        entropy: 7,
        goes_on_after_errors: false,
        runtime: Runtime::Stepped,
    };
    let crashes = vec![CrashPlan { op, at, inside: Vec::new() }];
    Arc::new(Scenario { setup, ops, crashes, faults: Vec::new(), full: Vec::new(), clock_jumps: Vec::new() })
}

/// An append whose put is on its way when its process is killed.
fn on_its_way() -> Arc<Scenario> {
    crashed(vec![Action::Append(PAYLOAD)], Cut::new(0, When::Within, CrashKind::Kill))
}

/// How many calls that could tell found that the put had not landed.
fn missed(trial: &Trial) -> usize {
    trial.outcome.decisions.keys().filter(|address| address.to_string().contains("/landing ")).count()
}

/// How many records the first read after the crash showed.
fn shown(trial: &Trial) -> usize {
    let events = trial.outcome.history.events();
    let crash = events.iter().position(|event| matches!(event, Event::Crash { .. })).expect("it crashed");
    let records = events[crash..].iter().find_map(|event| match event {
        Event::Told { told: Told::Records(records), .. } => Some(records.len()),
        _ => None,
    });
    records.expect("recovery shows the log")
}

#[test]
fn a_request_on_its_way_at_a_crash_lands_at_each_place_in_some_seed_and_replays_there() {
    let (target, scenario) = (target("late:log"), on_its_way());
    let mut places: BTreeMap<usize, u64> = BTreeMap::new();
    for seed in 0..64 {
        let drawn = trial(&target, &scenario, &Decider::seeded(seed).recording());
        assert!(drawn.passed(), "seed {seed}: {:?}", drawn.signature());
        // Before the host lists the log, before it claims the place, or too late for that.
        assert_eq!(shown(&drawn), usize::from(missed(&drawn) < 2), "seed {seed}");
        let replayed = trial(&target, &scenario, &Decider::replaying(drawn.outcome.decisions.clone()));
        assert_eq!(replayed.outcome.trace, drawn.outcome.trace, "seed {seed}");
        places.entry(missed(&drawn).min(2)).or_insert(seed);
    }
    assert_eq!(places.keys().copied().collect::<Vec<_>>(), [0, 1, 2], "{places:?}");
}

#[test]
fn without_a_decision_it_lands_at_once() {
    let trial = trial(&target("late:log"), &on_its_way(), &Decider::replaying(BTreeMap::new()));
    assert_eq!((missed(&trial), shown(&trial)), (0, 1));
}

#[test]
fn what_was_not_sent_never_lands_and_what_had_landed_is_there() {
    for (when, records) in [(When::Before, 0), (When::After, 1)] {
        let scenario = crashed(vec![Action::Append(PAYLOAD)], Cut::new(0, when, CrashKind::Kill));
        for seed in 0..16 {
            let trial = trial(&target("late:log"), &scenario, &Decider::seeded(seed).recording());
            assert_eq!((shown(&trial), missed(&trial)), (records, 0), "{when:?}, seed {seed}");
        }
    }
}

/// The first failing run of a campaign, recorded.
fn failing(name: &str) -> Trial {
    let target = target(name);
    let wishes = target.wishes();
    let offered = capabilities(&target, &wishes);
    let mut trials = (0..1_000).map(|seed| run_seed(&target, seed, &wishes, &offered, true));
    trials.find(|trial| !trial.passed()).expect("its bug shows")
}

#[test]
fn a_record_that_shows_up_too_late_is_found_made_small_and_replays_as_a_case() {
    for name in ["late:unclaimed", "late:forgotten"] {
        let (target, failing) = (target(name), failing(name));
        let shrunk = shrink(&target, &failing, &shrink::Options::default(), &shrink::Progress::default());
        assert_eq!(shrunk.trial.signature(), failing.signature(), "{name}");
        assert!(shrunk.trial.scenario.ops.len() <= 3, "{name}: {:?}", shrunk.trial.scenario.ops);
        let case = Case::of_shrunk(&shrunk, name, None, Vec::new());
        let read = Case::parse(&case.to_json()).expect("it is a case");
        let again = trial(&target, &Arc::new(read.scenario.clone()), &read.decider());
        assert_eq!(again.outcome.trace, case.trace_hash, "{name}");
    }
}

#[test]
fn exhaustive_search_tries_every_place_and_its_failures_have_a_story() {
    let options = explore::Options { profile: Profile::Cells, ops: 1, ..explore::Options::default() };
    let sound = explore(&target("late:log"), &options, &explore::Progress::default());
    assert!(sound.complete() && sound.found.is_empty(), "{:?}, {:?}", sound.bug, sound.signatures);
    let unclaimed = target("late:unclaimed");
    let report = explore(&unclaimed, &options, &explore::Progress::default());
    let found = &report.found.first().expect("its bug shows").trial;
    let case = Case::of(found, "late:unclaimed", None, Vec::new());
    let (told, story) = explain(&unclaimed, &case);
    assert_eq!(told.outcome.trace, found.outcome.trace);
    let disk: Vec<&str> = story.rows.iter().map(|row| row.disk.as_str()).collect();
    assert!(disk.contains(&"not there yet"), "{disk:?}");
    assert!(disk.iter().any(|text| text.ends_with("that op 0 had sent lands now")), "{disk:?}");
    let sentences = story.sentences.join("\n");
    assert!(sentences.contains("that op 0 had sent landed only then"), "{sentences}");
}

#[test]
fn one_of_two_processes_dies_and_the_other_goes_on() {
    let target = target("late:log");
    for (process, second) in [(0, false), (1, true)] {
        for change in 0..3 {
            let cut = Cut { process: Some(process), ..Cut::new(change, When::After, CrashKind::Kill) };
            let scenario = crashed(vec![Action::Append(PAYLOAD), Action::TakeOver(PAYLOAD)], cut);
            let trial = trial(&target, &scenario, &Decider::seeded(u64::from(change)).recording());
            assert!(trial.passed(), "process {process}, change {change}: {:?}", trial.signature());
            let events = trial.outcome.history.events();
            let died = events.iter().position(|event| *event == Event::Died { second });
            let died = died.unwrap_or_else(|| panic!("process {process} dies at change {change}"));
            // Up to where all that is left dies too.
            let rest = &events[died..];
            let alive = rest.iter().take_while(|event| !matches!(event, Event::Crash { .. }));
            let told: Vec<u16> = alive
                .filter_map(|event| match event {
                    Event::Told { asked, .. } => Some(&events[*asked]),
                    _ => None,
                })
                .filter_map(
                    |asked| if let Event::Asked { client, .. } = asked { Some(*client) } else { None },
                )
                .collect();
            assert!(told.iter().any(|client| (*client == SECOND) != second), "the other goes on: {told:?}");
            let dead = told.iter().any(|client| if second { *client == SECOND } else { *client == 0 });
            assert!(!dead, "whoever is dead is told of nothing: {told:?}");
            let replayed = self::trial(&target, &scenario, &Decider::replaying(trial.outcome.decisions));
            assert_eq!(replayed.outcome.trace, trial.outcome.trace);
        }
    }
}

#[test]
fn hosts_that_fence_survive_that_one_process_dies_alone() {
    let target = target::sim_fence().with_processes_that_die_alone();
    let wishes = target.wishes();
    let offered = capabilities(&target, &wishes);
    let mut died = 0;
    for seed in 0..10_000 {
        let trial = run_seed(&target, seed, &wishes, &offered, false);
        assert!(trial.passed(), "seed {seed}: {:?}", trial.signature());
        let events = trial.outcome.history.events().iter();
        died += events.filter(|event| matches!(event, Event::Died { .. })).count();
    }
    assert!(died > 30, "{died} processes died alone");
}

#[test]
fn a_case_with_a_process_that_no_run_has_is_refused() {
    let case = Case::of(&failing("late:forgotten"), "late:forgotten", None, Vec::new());
    let text = case.to_json().replacen("\"kind\": \"power\"", "\"kind\": \"kill\", \"process\": 2", 1);
    let text = text.replacen("\"crashes\": []", r#""crashes": [{"op": 0, "at": {"change": 0, "when": "after", "kind": "kill", "process": 2}, "inside": []}]"#, 1);
    let refused = Case::parse(&text).expect_err("there are two processes at most").to_string();
    assert!(refused.contains("a crash of process 2: they are numbered below 2"), "{refused}");
}
