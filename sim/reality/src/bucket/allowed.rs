//! What the model allows a program to come to: every order of its requests, on the simulated bucket.
//!
//! A request takes effect at once, at some moment between its sending and its answer. So what clients that ask at once may be told is what
//! some order of their requests tells, in which each client's own stand as it asked them. A request whose answer was lost may take effect
//! at any later moment, or never (O2 of the fault model).
//!
//! Not modelled here: lists that are behind, and conditions that are tested apart from the change. Profiles of such buckets allow more.

use super::carry_out::{FAILED, Outcome, Place, in_order};
use super::program::{Program, Step};
use asl_sim::scenario::Profile;
use asl_sim::world::Sandbox;
use object_store::path::Path;
use std::collections::BTreeSet;

/// Whether the model allows a program to come to this.
pub fn allows(profile: Profile, program: &Program, seen: &Outcome) -> bool {
    let lost = places(program).filter(|place| seen.told[place.client][place.nth] == FAILED).collect();
    orders(program, &lost).iter().any(|order| outcome(profile, program, order, &lost) == *seen)
}

/// All that a program may come to where no answer is lost.
pub fn all(profile: Profile, program: &Program) -> BTreeSet<Outcome> {
    let none = BTreeSet::new();
    orders(program, &none).iter().map(|order| outcome(profile, program, order, &none)).collect()
}

fn places(program: &Program) -> impl Iterator<Item = Place> {
    program.clients.iter().enumerate().flat_map(|(client, steps)| {
        steps.iter().enumerate().flat_map(move |(nth, step)| {
            let parts = if matches!(step, Step::Upload(_)) { 2 } else { 1 };
            (0..parts).map(move |part| Place { client, nth, part })
        })
    })
}

fn outcome(profile: Profile, program: &Program, order: &[Place], lost: &BTreeSet<Place>) -> Outcome {
    let sandbox = Sandbox::on(profile, 1);
    let bucket = sandbox.object_store();
    let unheard = |place: &Place| lost.contains(place);
    sandbox.run(in_order(&bucket, &Path::from("program"), program, order, &unheard))
}

/// Every order in which a client's steps stand as it took them. Those whose answers were lost stand anywhere behind those before them, or
/// nowhere.
fn orders(program: &Program, lost: &BTreeSet<Place>) -> Vec<Vec<Place>> {
    let places: Vec<Place> = places(program).collect();
    let mut all = Vec::new();
    extend(&places, lost, &mut Vec::new(), &mut all);
    all
}

fn extend(places: &[Place], lost: &BTreeSet<Place>, order: &mut Vec<Place>, all: &mut Vec<Vec<Place>>) {
    if places.iter().all(|place| lost.contains(place) || order.contains(place)) {
        all.push(order.clone());
    }
    for &place in places {
        let follows = |before: &Place| {
            // An upload whose answers were lost is completed only if it was begun.
            let needed = !lost.contains(before) || before.nth == place.nth;
            before.client == place.client && *before < place && needed
        };
        if !order.contains(&place) && places.iter().filter(|one| follows(one)).all(|one| order.contains(one))
        {
            order.push(place);
            extend(places, lost, order, all);
            order.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(outcomes: &BTreeSet<Outcome>) -> Vec<String> {
        outcomes.iter().map(Outcome::to_string).collect()
    }

    fn race() -> Program {
        Program { before: Vec::new(), clients: vec![vec![Step::Create(0)], vec![Step::Create(0)]] }
    }

    #[test]
    fn of_creates_that_race_the_model_lets_one_win() {
        let expected = ["done | exists; then a=1.1 b=absent", "exists | done; then a=2.1 b=absent"];
        assert_eq!(texts(&all(Profile::Seaweedfs, &race())), expected);
    }

    #[test]
    fn two_winners_are_outside_of_the_model() {
        let won = || vec!["done".to_owned()];
        let seen = Outcome { told: vec![won(), won()], after: vec!["1.1".to_owned(), "absent".to_owned()] };
        assert!(!allows(Profile::Seaweedfs, &race(), &seen));
    }

    #[test]
    fn a_create_whose_answer_was_lost_was_carried_out_or_not() {
        let program = Program { before: Vec::new(), clients: vec![vec![Step::Create(0), Step::Get(0)]] };
        let seen = |read: &str, after: &str| Outcome {
            told: vec![vec![FAILED.to_owned(), read.to_owned()]],
            after: vec![after.to_owned(), "absent".to_owned()],
        };
        for (read, after) in [("1.1", "1.1"), ("absent", "1.1"), ("absent", "absent")] {
            assert!(allows(Profile::Aws, &program, &seen(read, after)), "{read}, {after}");
        }
        assert!(!allows(Profile::Aws, &program, &seen("1.1", "absent")));
    }

    #[test]
    fn three_clients_with_two_steps_each_have_ninety_orders() {
        let client = vec![Step::Get(0), Step::Get(1)];
        let program = Program { before: Vec::new(), clients: vec![client; 3] };
        assert_eq!(orders(&program, &BTreeSet::new()).len(), 90);
    }
}
