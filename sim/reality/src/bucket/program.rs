//! Small programs of requests to a bucket: what clients ask, each one thing after the other, all of them at once.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::fmt;

/// The objects that programs are about, by their names.
pub const KEYS: [&str; 2] = ["a", "b"];

/// One of [`KEYS`].
pub type Key = u8;

/// What a client asks. What it puts names the client and the step, so that nobody else puts the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Puts an object, whatever is there.
    Put(Key),
    /// Puts an object if there is none.
    Create(Key),
    /// Puts an object if it is as this client knows it, or, if it knows none, as nobody does.
    Update(Key),
    /// Reads an object.
    Get(Key),
    /// Removes an object.
    Delete(Key),
    /// Puts an object as an upload of one part.
    Upload(Key),
    /// Lists all objects.
    List,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, key) = match self {
            Step::Put(key) => ("put", key),
            Step::Create(key) => ("create", key),
            Step::Update(key) => ("update", key),
            Step::Get(key) => ("get", key),
            Step::Delete(key) => ("delete", key),
            Step::Upload(key) => ("upload", key),
            Step::List => return f.write_str("list"),
        };
        write!(f, "{word} {}", KEYS[usize::from(*key)])
    }
}

/// Clients that begin at once, after some steps that one client takes alone; all know what that one came to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// What is done before.
    pub before: Vec<Step>,
    /// What each client asks.
    pub clients: Vec<Vec<Step>>,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = |steps: &[Step]| steps.iter().map(Step::to_string).collect::<Vec<_>>().join(", ");
        let clients: Vec<String> = self.clients.iter().map(|client| steps(client)).collect();
        if self.before.is_empty() {
            return f.write_str(&clients.join(" | "));
        }
        write!(f, "{}; {}", steps(&self.before), clients.join(" | "))
    }
}

/// A litmus program, with what it asks about in a few words.
pub type Litmus = (&'static str, Program);

/// One for each row of the model's table.
pub fn litmus() -> Vec<Litmus> {
    use Step::{Create, Delete, Get, List, Put, Update, Upload};
    let program = |before: &[Step], clients: &[&[Step]]| Program {
        before: before.to_vec(),
        clients: clients.iter().map(|client| client.to_vec()).collect(),
    };
    vec![
        ("a create where nothing is", program(&[], &[&[Create(0), Get(0)]])),
        ("a create where something is", program(&[Put(0)], &[&[Create(0), Get(0)]])),
        ("a create where something was removed", program(&[Put(0), Delete(0)], &[&[Create(0), Get(0)]])),
        ("creates that race", program(&[], &[&[Create(0)], &[Create(0)]])),
        ("three creates that race", program(&[], &[&[Create(0)], &[Create(0)], &[Create(0)]])),
        ("a create that races with a removal", program(&[Put(0)], &[&[Create(0)], &[Delete(0)]])),
        ("an update of what is known", program(&[Put(0)], &[&[Update(0), Get(0)]])),
        ("an update of what has changed", program(&[Put(0)], &[&[Put(0)], &[Update(0), Get(0)]])),
        ("an update of what was removed", program(&[Put(0), Delete(0)], &[&[Update(0), Get(0)]])),
        ("an update of what never was", program(&[], &[&[Update(0), Get(0)]])),
        ("updates that race", program(&[Put(0)], &[&[Update(0)], &[Update(0)]])),
        ("an update that races with a removal", program(&[Put(0)], &[&[Update(0)], &[Delete(0)]])),
        ("puts that race", program(&[], &[&[Put(0), Get(0)], &[Put(0), Get(0)]])),
        ("a read after a write", program(&[], &[&[Put(0), Get(0), Put(0), Get(0)]])),
        ("a read after a removal", program(&[Put(0)], &[&[Delete(0), Get(0)]])),
        ("a list after writes", program(&[], &[&[Put(0), List, Put(1), List]])),
        ("a list after a removal", program(&[Put(0), Put(1)], &[&[Delete(0), List]])),
        ("a list that races with writes", program(&[], &[&[Put(0), Put(1)], &[List, List]])),
        ("an upload where nothing is", program(&[], &[&[Upload(0), Get(0)]])),
        ("an upload that races with a create", program(&[], &[&[Upload(0)], &[Create(0), Get(0)]])),
        ("a removal of nothing", program(&[], &[&[Delete(0), Get(0)]])),
        ("two objects, read in the other order", program(&[], &[&[Put(0), Put(1)], &[Get(1), Get(0)]])),
    ]
}

/// The random program of a seed: up to three clients, up to six steps in all.
pub fn random(seed: u64) -> Program {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |count: u32| random.next_u32() % count;
    let mut step = |key_first: bool| {
        let key = if key_first { 0 } else { below(2) as Key };
        match below(12) {
            0 | 1 => Step::Put(key),
            2..=4 => Step::Create(key),
            5 | 6 => Step::Update(key),
            7 | 8 => Step::Get(key),
            9 => Step::Delete(key),
            10 => Step::Upload(key),
            _ => Step::List,
        }
    };
    let shape: &[usize] =
        [&[3_usize, 3][..], &[2, 2, 2], &[2, 2], &[1, 1, 1], &[4], &[1, 2, 1]][(seed % 6) as usize];
    let before = (0..seed / 6 % 3).map(|_| step(false)).collect();
    let clients = shape.iter().map(|&steps| (0..steps).map(|_| step(seed.is_multiple_of(2))).collect());
    Program { before, clients: clients.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn random_programs_ask_everything_and_differ() {
        let programs: Vec<Program> = (0..600).map(random).collect();
        let texts: BTreeSet<String> = programs.iter().map(Program::to_string).collect();
        assert!(texts.len() > 450, "{} differ", texts.len());
        let steps = programs.iter().flat_map(|program| program.clients.iter().flatten());
        let words: BTreeSet<String> = steps.map(Step::to_string).collect();
        assert_eq!(words.len(), 6 * KEYS.len() + 1, "{words:?}");
    }

    #[test]
    fn a_program_reads_as_what_is_done_before_and_what_is_done_at_once() {
        let (_, race) = &litmus()[5];
        assert_eq!(race.to_string(), "put a; create a | delete a");
    }
}
