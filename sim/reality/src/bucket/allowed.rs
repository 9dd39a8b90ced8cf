//! What the model allows a program to come to: every order of its requests, on the simulated bucket.
//!
//! A request takes effect at once, at some moment between its sending and its answer. So what clients that ask at once may be told is what
//! some order of their requests tells, in which each client's own stand as it asked them. A request whose answer was lost may take effect
//! at any later moment, or never (O2 of the fault model).
//!
//! Not modelled here: lists that are behind, and conditions that are tested apart from the change. Profiles of such buckets allow more.

use super::carry_out::{FAILED, Outcome, in_order};
use super::program::Program;
use asl_sim::scenario::Profile;
use asl_sim::world::Sandbox;
use object_store::path::Path;
use std::collections::BTreeSet;

/// A client's step.
type Place = (usize, usize);

/// Whether the model allows a program to come to this.
pub fn allows(profile: Profile, program: &Program, seen: &Outcome) -> bool {
    let lost: BTreeSet<Place> =
        places(program).filter(|&(client, nth)| seen.told[client][nth] == FAILED).collect();
    orders(program, &lost).iter().any(|order| outcome(profile, program, order, &lost) == *seen)
}

/// All that a program may come to where no answer is lost.
pub fn all(profile: Profile, program: &Program) -> BTreeSet<Outcome> {
    let none = BTreeSet::new();
    orders(program, &none).iter().map(|order| outcome(profile, program, order, &none)).collect()
}

fn places(program: &Program) -> impl Iterator<Item = Place> {
    program
        .clients
        .iter()
        .enumerate()
        .flat_map(|(client, steps)| (0..steps.len()).map(move |nth| (client, nth)))
}

fn outcome(profile: Profile, program: &Program, order: &[Place], lost: &BTreeSet<Place>) -> Outcome {
    let sandbox = Sandbox::on(profile, 1);
    let bucket = sandbox.object_store();
    let unheard = |client, nth| lost.contains(&(client, nth));
    sandbox.run(in_order(&bucket, &Path::from("program"), program, order, &unheard))
}

/// Every order in which a client's steps stand as it took them. Those whose answers were lost stand anywhere behind those before them, or
/// nowhere.
fn orders(program: &Program, lost: &BTreeSet<Place>) -> Vec<Vec<Place>> {
    let mut all = Vec::new();
    extend(program, lost, &mut Vec::new(), &mut all);
    all
}

fn extend(program: &Program, lost: &BTreeSet<Place>, order: &mut Vec<Place>, all: &mut Vec<Vec<Place>>) {
    let missing = |place: &Place| !order.contains(place);
    if places(program).filter(|place| !lost.contains(place)).all(|place| !missing(&place)) {
        all.push(order.clone());
    }
    let before = |&(client, nth): &Place| {
        (0..nth).all(|nth| lost.contains(&(client, nth)) || order.contains(&(client, nth)))
    };
    let next: Vec<Place> = places(program).filter(missing).filter(before).collect();
    for place in next {
        order.push(place);
        extend(program, lost, order, all);
        order.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::super::program::Step;
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
