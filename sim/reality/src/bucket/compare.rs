//! Holds the model of a bucket against a real one: programs are carried out there, and what comes of them must be what the model allows.
//!
//! What a seed settles: the programs. What it does not: how the requests of clients that ask at once interleave on the real server.

use super::allowed;
use super::carry_out::{Outcome, at_once};
use super::program::{Program, litmus, random};
use asl_sim::conform::block_on;
use asl_sim::scenario::Profile;
use futures_util::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use object_store::path::Path;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What is compared.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The model's row.
    pub profile: Profile,
    /// How many random programs, and the seed of the first.
    pub programs: u64,
    /// The seed of the first random program; the next ones have the next seeds.
    pub seed: u64,
    /// How often each is carried out.
    pub repeats: u32,
}

/// What came of one program.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// What it asks about, or its seed.
    pub name: String,
    /// The program.
    pub program: String,
    /// How many outcomes the model allows where no answer is lost.
    pub allowed: usize,
    /// What was seen, and how often.
    pub seen: BTreeMap<String, u64>,
    /// What was seen and the model does not allow.
    pub outside: BTreeSet<String>,
    /// What the model allows and was not seen.
    pub never_seen: BTreeSet<String>,
    /// How often a client did not hear what became of a request.
    pub unheard: u64,
}

/// A bucket, and another way to the same one, on which nothing is lost.
#[derive(Clone, Copy, Debug)]
pub struct Ways<'a> {
    /// By which clients ask.
    pub bucket: &'a dyn ObjectStore,
    /// By which all is prepared, looked at and removed.
    pub unharmed: &'a dyn ObjectStore,
}

/// Carries out all programs of the plan on this bucket, below a name that nobody else uses, and removes what they leave. Tells what came of
/// each as soon as it is known.
///
/// # Errors
///
/// If what programs leave cannot be removed.
pub fn compare(
    ways: Ways<'_>,
    below: &Path,
    plan: &Plan,
    mut tell: impl FnMut(&Compared),
) -> object_store::Result<Vec<Compared>> {
    let random = (0..plan.programs).map(|nth| {
        let seed = plan.seed.wrapping_add(nth);
        (format!("seed {seed}"), random(seed))
    });
    let named = litmus().into_iter().map(|(about, program)| (about.to_owned(), program));
    let mut all = Vec::new();
    for (nth, (name, program)) in named.chain(random).enumerate() {
        let compared = one(ways, &below.clone().join(nth.to_string()), plan, name, &program)?;
        tell(&compared);
        all.push(compared);
    }
    Ok(all)
}

fn one(
    ways: Ways<'_>,
    below: &Path,
    plan: &Plan,
    name: String,
    program: &Program,
) -> object_store::Result<Compared> {
    let allowed = allowed::all(plan.profile, program);
    let mut outcomes: BTreeMap<Outcome, u64> = BTreeMap::new();
    for repeat in 0..plan.repeats {
        let below = below.clone().join(repeat.to_string());
        let outcome =
            block_on(at_once(ways.bucket, ways.unharmed, &below, program, plan.seed ^ u64::from(repeat)));
        *outcomes.entry(outcome).or_default() += 1;
        block_on(remove(ways.unharmed, &below))?;
    }
    let is_outside =
        |seen: &Outcome| !allowed.contains(seen) && !allowed::allows(plan.profile, program, seen);
    let unheard = outcomes.iter().filter(|(seen, _)| seen.has_failures()).map(|(_, count)| count).sum();
    Ok(Compared {
        name,
        program: program.to_string(),
        allowed: allowed.len(),
        outside: outcomes.keys().filter(|seen| is_outside(seen)).map(Outcome::to_string).collect(),
        never_seen: allowed
            .iter()
            .filter(|one| !outcomes.contains_key(one))
            .map(Outcome::to_string)
            .collect(),
        seen: outcomes.iter().map(|(seen, &count)| (seen.to_string(), count)).collect(),
        unheard,
    })
}

async fn remove(bucket: &dyn ObjectStore, below: &Path) -> object_store::Result<()> {
    let all: Vec<Path> = bucket.list(Some(below)).map_ok(|found| found.location).try_collect().await?;
    let all = futures_util::stream::iter(all.into_iter().map(Ok)).boxed();
    let mut removed = bucket.delete_stream(all);
    while let Some(one) = removed.next().await {
        match one {
            Err(object_store::Error::NotFound { .. }) | Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;

    #[test]
    fn a_bucket_in_memory_is_inside_of_the_model_and_leaves_nothing() {
        let bucket = InMemory::new();
        let plan = Plan { profile: Profile::Aws, programs: 60, seed: 1, repeats: 1 };
        let compared =
            compare(Ways { bucket: &bucket, unharmed: &bucket }, &Path::from("compare"), &plan, |_| ())
                .expect("it answers");
        let outside: Vec<_> = compared.iter().filter(|one| !one.outside.is_empty()).collect();
        assert!(outside.is_empty(), "{outside:#?}");
        let left: Vec<_> = block_on(bucket.list(None).try_collect::<Vec<_>>()).expect("it answers");
        assert_eq!(left.len(), 0);
    }
}
