//! Campaigns against the hosts that come with the simulator: correct ones raise no alarm. (That each specimen is found is in
//! `specimens.rs`.) And what makes findings worth having: runs repeat exactly.

use asl_sim::campaign::{Campaign, Conduct, Progress, Summary, capabilities, run, run_seed, run_with};
use asl_sim::scenario::generate::Wishes;
use asl_sim::scenario::{FaultClass, FaultKind, Profile};
use asl_sim::target::find;
use asl_sim::trial::trial;
use std::time::Duration;

fn campaign(target: &str, seeds: u64, jobs: usize, keep_going: bool, wishes: Wishes) -> Summary {
    let target = find(target).expect("a built-in target");
    let campaign = Campaign { target, wishes, base_seed: 1, seeds, jobs, keep_going };
    let summary = run(&campaign, &Progress::default());
    assert_eq!(summary.bug, None);
    summary
}

#[track_caller]
fn raises_no_alarm(target: &str, wishes: Wishes) {
    let summary = campaign(target, 1_500, 2, true, wishes);
    assert_eq!((summary.runs, summary.failures), (1_500, Vec::new()));
}

#[test]
fn the_posix_host_raises_no_alarm() {
    raises_no_alarm("posix", Wishes::default());
}

#[test]
fn the_posix_host_raises_no_alarm_with_many_clients() {
    raises_no_alarm("posix", Wishes { clients: Some(8), ops: Some(40), ..Wishes::default() });
}

#[test]
fn the_posix_host_raises_no_alarm_in_a_world_without_faults() {
    raises_no_alarm("posix", Wishes { classes: vec![FaultClass::None], ..Wishes::default() });
}

#[test]
fn the_posix_host_raises_no_alarm_when_one_kind_of_fault_comes_often() {
    for &(kind, class, _) in FaultKind::ALL {
        raises_no_alarm("posix", Wishes { classes: vec![class], kinds: vec![kind], ..Wishes::default() });
    }
}

#[test]
fn the_hosts_that_specimens_are_made_of_raise_no_alarm() {
    raises_no_alarm("specimen:control", Wishes::default());
    raises_no_alarm("specimen:control-single", Wishes::default());
    raises_no_alarm("specimen:control-on-flush", Wishes::default());
}

#[test]
fn the_posix_host_raises_no_alarm_on_any_file_system() {
    for &(profile, _) in Profile::ALL {
        raises_no_alarm("posix", Wishes { profile, ..Wishes::default() });
    }
}

#[test]
fn hosts_that_detect_damage_raise_no_alarm_when_there_is_some() {
    for &(profile, _) in Profile::ALL {
        let wishes = Wishes { profile, classes: vec![FaultClass::Media], ..Wishes::default() };
        raises_no_alarm("posix", wishes.clone());
        raises_no_alarm("specimen:control", wishes);
    }
}

/// The profiles in which a specimen is found out.
fn wrong_on(specimen: &str) -> Vec<Profile> {
    let wrong = |profile: &Profile| {
        let name = format!("specimen:{specimen}");
        campaign(&name, 1_500, 2, false, Wishes { profile: *profile, ..Wishes::default() }).failed > 0
    };
    Profile::ALL.iter().map(|(profile, _)| *profile).filter(wrong).collect()
}

#[test]
fn a_host_is_judged_by_the_file_system_that_it_stands_on() {
    // An fsync of the new file itself makes its name durable everywhere but in the weakest of worlds,
    assert_eq!(wrong_on("segment-dir-not-synced"), [Profile::Posix]);
    // one of another file where there is a journal;
    assert_eq!(wrong_on("mark-left-to-journal"), [Profile::Posix, Profile::Btrfs]);
    // a rename that nothing follows nowhere.
    assert_eq!(wrong_on("seal-rename-not-synced").len(), Profile::ALL.len());
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    for keep_going in [false, true] {
        let with = |jobs| campaign("specimen:canary", 400, jobs, keep_going, Wishes::default());
        let (one, three) = (with(1), with(3));
        assert!(one.failed > 0);
        assert_eq!(one.failures, three.failures);
        assert_eq!((one.runs, one.totals, one.armed), (three.runs, three.totals, three.armed));
    }
}

#[test]
fn a_seed_repeats_exactly_and_so_does_its_record() {
    for name in ["posix", "specimen:commit-mark-unchecked"] {
        let target = find(name).expect("a built-in target");
        let wishes = Wishes::default();
        let offered = capabilities(&target, &wishes);
        for seed in 0..300 {
            let first = run_seed(&target, seed, &wishes, &offered, true);
            let again = run_seed(&target, seed, &wishes, &offered, false);
            assert_eq!(first.outcome.trace, again.outcome.trace, "{name}, seed {seed}");
            let record = asl_sim::decide::Decider::replaying(first.outcome.decisions.clone());
            let replayed = trial(&target, &first.scenario, &record);
            assert_eq!(first.outcome.trace, replayed.outcome.trace, "{name}, seed {seed}, replayed");
            assert_eq!(first.verdict, replayed.verdict);
        }
    }
}

#[test]
fn different_seeds_do_different_things() {
    let target = find("posix").expect("a built-in target");
    let wishes = Wishes::default();
    let offered = capabilities(&target, &wishes);
    let mut traces: Vec<String> = (0..200)
        .map(|seed| run_seed(&target, seed, &wishes, &offered, false).outcome.trace.to_string())
        .collect();
    traces.sort_unstable();
    traces.dedup();
    assert_eq!(traces.len(), 200);
}

#[test]
fn shards_find_together_what_the_whole_finds() {
    let target = find("specimen:canary").expect("a built-in target");
    let campaign =
        Campaign { target, wishes: Wishes::default(), base_seed: 1, seeds: 700, jobs: 2, keep_going: true };
    let of = |shard: &str| {
        let conduct = Conduct { shard: shard.parse().expect("it is one"), ..Conduct::default() };
        run_with(&campaign, conduct, &Progress::default())
    };
    let whole = of("1/1");
    let parts = ["1/3", "2/3", "3/3"].map(of);
    let mut failures: Vec<_> = parts.iter().flat_map(|part| part.failures.clone()).collect();
    failures.sort_by_key(|failure| failure.index);
    assert!(whole.failed > 1);
    assert_eq!(failures, whole.failures);
    assert_eq!(parts.map(|part| part.runs), [234, 233, 233]);
}

#[test]
fn a_known_failure_is_counted_and_ends_nothing() {
    let target = find("specimen:canary").expect("a built-in target");
    let campaign =
        Campaign { target, wishes: Wishes::default(), base_seed: 1, seeds: 700, jobs: 2, keep_going: false };
    let all = run(&Campaign { keep_going: true, ..campaign.clone() }, &Progress::default());
    let known = all.signatures.keys().cloned().collect();
    let conduct = Conduct { known: Some(&known), ..Conduct::default() };
    let summary = run_with(&campaign, conduct, &Progress::default());
    assert_eq!((summary.runs, summary.failed, summary.known), (700, 0, all.signatures));
}

#[test]
fn a_campaign_ends_when_its_time_is_up_or_when_all_runs_are_made() {
    let target = find("posix").expect("a built-in target");
    let within = |seconds, seeds| {
        let (target, wishes) = (target.clone(), Wishes::default());
        let campaign = Campaign { target, wishes, base_seed: 1, seeds, jobs: 2, keep_going: false };
        let conduct = Conduct { time_max: Some(Duration::from_secs(seconds)), ..Conduct::default() };
        run_with(&campaign, conduct, &Progress::default())
    };
    let summary = within(1, u64::MAX);
    assert!(summary.time_is_up && !summary.interrupted && summary.runs > 0);
    let summary = within(600, 40);
    assert!(!summary.time_is_up && summary.runs == 40);
}
