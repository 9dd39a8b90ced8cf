//! An invariant of one's own, over the history that the contract is judged by: `cargo run -p asl-sim --example own_invariant`.
//!
//! A store above a host that is durable on flush may want to know how much a crash can cost. This one asks that never more
//! than a few acknowledged records are unflushed. The host of asl-host promises no such thing, so that a run breaks it; with a
//! bound that no run reaches, none does.

use asl_sim::campaign::{Campaign, Progress, capabilities, run, run_seed};
use asl_sim::check::{Looks, OwnInvariant};
use asl_sim::history::{Ask, Event, History, Place, Told};
use asl_sim::scenario::generate::Wishes;
use asl_sim::target::{Target, posix_on_flush};

/// How many records a crash may cost.
const UNFLUSHED_MAX: u64 = 12;

const BOUNDED_LOSS: OwnInvariant = OwnInvariant {
    name: "bounded-loss",
    sentence: "never more than 12 acknowledged records are unflushed",
    not_checked: "the second store",
    look: bounded_loss,
};

/// Walks the history once. What a reply answers is the event that it names.
fn bounded_loss(history: &History, looks: &mut Looks) {
    let (mut acknowledged, mut durable) = (0, 0);
    for (at, event) in history.events().iter().enumerate() {
        let Event::Told { asked, told } = event else { continue };
        let Event::Asked { ask, .. } = &history.events()[*asked] else { continue };
        match (ask, told) {
            (Ask::Append { place: Place::Main, .. }, Told::Seq(seq)) => acknowledged = *seq,
            (Ask::Flush { place: Place::Main } | Ask::DurableUpto { place: Place::Main }, Told::Seq(seq)) => {
                durable = *seq;
            }
            // What an open has found is durable, and the first read shows it.
            (Ask::Read { place: Place::Main, from: 1, limit: 0 }, Told::Records(records)) => {
                let opened = history.events()[..at].iter().rev().find_map(|event| match event {
                    Event::Asked { ask, .. } => Some(matches!(ask, Ask::Open { .. })),
                    _ => None,
                });
                if opened == Some(true) {
                    (acknowledged, durable) = (records.len() as u64, records.len() as u64);
                }
            }
            (Ask::Close { place: Place::Main } | Ask::CreateSnapshot, Told::Done | Told::Named(_)) => {
                durable = acknowledged;
            }
            _ => {}
        }
        let unflushed = acknowledged.saturating_sub(durable);
        looks.expect(unflushed <= UNFLUSHED_MAX, at, || format!("{unflushed} records are unflushed"));
    }
}

fn target() -> Target {
    posix_on_flush().with_invariant(BOUNDED_LOSS)
}

fn main() {
    let campaign = Campaign {
        target: target(),
        wishes: Wishes::default(),
        base_seed: 1,
        seeds: 500,
        jobs: 1,
        keep_going: false,
    };
    let summary = run(&campaign, &Progress::default());
    let Some(failure) = summary.failures.first() else {
        return println!("{} runs kept it", summary.runs);
    };
    let offered = capabilities(&campaign.target, &campaign.wishes);
    let trial = run_seed(&campaign.target, failure.seed, &campaign.wishes, &offered, false);
    let violation = trial.verdict.primary().expect("the same seed breaks the same invariant");
    println!("{} after {} runs: {}", failure.signature, summary.runs, violation.text);
}
