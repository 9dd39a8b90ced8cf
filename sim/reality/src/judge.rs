//! What the model says about a state that was seen.
//!
//! At a position several instants may have been: before a step, while it was in flight, after it, if it wrote nothing. The
//! medium was the same at each of them, so what is seen must be allowed at each. A step is taken to be in flight from before
//! it was asked for until its answer came, which is longer than it was; that makes the model laxer, never stricter.

use crate::recording::Mark;
use asl_sim::scenario::Profile;
use asl_sim::world::program::{Model, State, Step};
use std::collections::BTreeMap;
use std::fmt;

/// Where a program was when power was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instant {
    /// So many steps were done, and no other one begun.
    Between(usize),
    /// So many steps were done, and the next one was in flight.
    During(usize),
}

/// All instants that were at a position.
pub fn instants(marks: &[Mark], position: usize) -> Vec<Instant> {
    let mut instants = Vec::new();
    for done in 0..=marks.len() {
        let began = if done == 0 { 0 } else { marks[done - 1].end };
        let ended = marks.get(done).map_or(usize::MAX, |next| next.begin);
        if began <= position && position <= ended {
            instants.push(Instant::Between(done));
        }
        // At its last position a step may be done, and then all that is allowed is allowed in flight too.
        if marks.get(done).is_some_and(|next| next.begin <= position && position < next.end) {
            instants.push(Instant::During(done));
        }
    }
    instants
}

/// The model, at every instant of a program.
pub struct Judge {
    models: BTreeMap<Instant, Model>,
}

impl Judge {
    /// Takes the model through the program.
    pub fn new(profile: Profile, program: &[Step]) -> Result<Judge, String> {
        let mut model = Model::new(profile);
        let mut models = BTreeMap::new();
        for (done, step) in program.iter().enumerate() {
            models.insert(Instant::Between(done), model.clone());
            let mut begun = model.clone();
            begun.begin(step);
            models.insert(Instant::During(done), begun);
            model
                .apply(step)
                .map_err(|error| format!("step {done}, {step:?}, fails in the model: {error}"))?;
        }
        models.insert(Instant::Between(program.len()), model);
        Ok(Judge { models })
    }

    /// Whether a loss of power at the instant can leave this, and if not, why.
    pub fn allows(&self, instant: Instant, seen: &State) -> Result<(), String> {
        self.models[&instant].allows(seen)
    }

    /// All that a loss of power can leave after the last step, unless it is more than so many.
    pub fn last_states(&self, limit: usize) -> Option<std::collections::BTreeSet<String>> {
        self.models.iter().rfind(|(instant, _)| matches!(instant, Instant::Between(_)))?.1.states(limit)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Instant::Between(0) => write!(f, "before the first step"),
            Instant::Between(done) => write!(f, "after step {done}"),
            Instant::During(done) => write!(f, "during step {}", done + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Instant::{Between, During};
    use super::*;

    fn marks(marks: &[(usize, usize)]) -> Vec<Mark> {
        marks.iter().map(|&(begin, end)| Mark { begin, end }).collect()
    }

    #[test]
    fn inside_of_a_step_that_writes_only_that_step_is_in_flight() {
        assert_eq!(instants(&marks(&[(0, 2), (2, 6)]), 4), [During(1)]);
    }

    #[test]
    fn steps_that_write_nothing_are_all_judged_at_the_same_position() {
        let marks = marks(&[(2, 2), (2, 2), (2, 5)]);
        assert_eq!(instants(&marks, 2), [Between(0), Between(1), Between(2), During(2)]);
        assert_eq!(instants(&marks, 5), [Between(3)]);
    }

    #[test]
    fn what_is_written_between_steps_is_judged_between_them() {
        assert_eq!(instants(&marks(&[(0, 2), (5, 6)]), 3), [Between(1)]);
    }

    #[test]
    fn after_the_last_step_all_are_done() {
        assert_eq!(instants(&marks(&[(0, 2)]), 9), [Between(1)]);
    }
}
