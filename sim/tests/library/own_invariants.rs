//! Invariants of a user's own, from a campaign to its replay.

use asl_sim::campaign::{Campaign, Progress, capabilities, run, run_seed};
use asl_sim::check::{INVARIANTS, OwnInvariant};
use asl_sim::history::{Event, Told};
use asl_sim::scenario::generate::Wishes;
use asl_sim::target::{Target, posix};

/// Every number that is told is below 6.
const SMALL: OwnInvariant = OwnInvariant {
    name: "small-numbers",
    sentence: "numbers stay below 6",
    not_checked: "numbers that only a read shows",
    look: |history, looks| {
        for (at, event) in history.events().iter().enumerate() {
            if let Event::Told { told: Told::Seq(seq), .. } = event {
                looks.expect(*seq < 6, at, || format!("number {seq}"));
            }
        }
    },
};

fn campaign(target: Target) -> Campaign {
    Campaign { target, wishes: Wishes::default(), base_seed: 3, seeds: 60, jobs: 2, keep_going: false }
}

#[test]
fn a_campaign_finds_what_breaks_it_and_the_seed_shows_it_again() {
    let campaign = campaign(posix().with_invariant(SMALL));
    let summary = run(&campaign, &Progress::default());
    let failure = summary.failures.first().expect("some run appends six records");
    assert!(failure.signature.starts_with("small-numbers/"), "{}", failure.signature);
    assert_eq!(summary.armed.len(), INVARIANTS.len() + 1);
    assert!(summary.armed[INVARIANTS.len()] > 0);
    let offered = capabilities(&campaign.target, &campaign.wishes);
    let trial = run_seed(&campaign.target, failure.seed, &campaign.wishes, &offered, false);
    assert_eq!(trial.signature().as_ref(), Some(&failure.signature));
    let violation = trial.verdict.primary().expect("it is broken");
    assert_eq!((violation.name(), violation.sentence()), (SMALL.name, SMALL.sentence));
    assert!(violation.text.starts_with("number "), "{}", violation.text);
}

#[test]
fn what_the_host_keeps_breaks_nothing() {
    let never = OwnInvariant { look: |_, looks| looks.expect(true, 0, String::new), ..SMALL };
    let summary = run(&campaign(posix().with_invariant(never)), &Progress::default());
    assert_eq!((summary.runs, summary.failed), (60, 0));
    assert_eq!(summary.armed[INVARIANTS.len()], 60);
}

#[test]
#[should_panic(expected = "two invariants are called log-prefix")]
fn the_names_of_the_contract_are_taken() {
    drop(posix().with_invariant(OwnInvariant { name: "log-prefix", ..SMALL }));
}
