//! What a campaign found, each thing once: for programs that show a line for each, such as a CI service.

use super::json::seed;
use crate::base::words::things;
use crate::campaign::Summary;
use crate::check::INVARIANTS;
use crate::tell::failure::HANG;
use std::collections::BTreeMap;

/// Something that was found, however often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Distinct {
    /// What tells it from others.
    pub(crate) signature: String,
    /// What it is, in a sentence.
    pub(crate) what: String,
    /// The first seed that shows it.
    pub(crate) seed: u64,
    /// How many runs did.
    pub(crate) count: u64,
    /// The command that shows it again.
    pub(crate) replay: String,
}

impl Distinct {
    /// All that there is to say about it, in lines.
    pub(crate) fn lines(&self) -> String {
        let Distinct { what, count, replay, .. } = self;
        format!(
            "{what}\n{}, the first with seed {}\n{replay}",
            things(*count, "run", "runs"),
            seed(self.seed)
        )
    }
}

/// What was found, in the order of its first seeds. `replay`: the command that makes the run of a seed again.
pub(crate) fn distinct(summary: &Summary, replay: impl Fn(u64) -> String) -> Vec<Distinct> {
    let mut found: BTreeMap<&str, Distinct> = BTreeMap::new();
    for failure in &summary.failures {
        found.entry(&failure.signature).or_insert_with(|| Distinct {
            signature: failure.signature.clone(),
            what: sentence(&failure.signature),
            seed: failure.seed,
            count: summary.signatures.get(&failure.signature).copied().unwrap_or(1),
            replay: replay(failure.seed),
        });
    }
    let mut found: Vec<Distinct> = found.into_values().collect();
    found.sort_by_key(|distinct| summary.failures.iter().position(|of| of.signature == distinct.signature));
    let mut add = |signature: &str, what: &str, seed: Option<u64>, count: usize| {
        if let Some(seed) = seed {
            let (signature, what) = (signature.to_owned(), what.to_owned());
            found.push(Distinct { signature, what, seed, count: count as u64, replay: replay(seed) });
        }
    };
    let (diverged, fatal, bug) = (&summary.diverged, &summary.fatal, &summary.bug);
    let first = diverged.first().map(|diverged| diverged.seed);
    add("nondeterminism", "the same seed did two different things", first, diverged.len());
    let first = fatal.first().map(|fatal| fatal.seed);
    add("fatal", "the run ends the process that makes it", first, fatal.len());
    if let Some((seed, said)) = bug {
        add("bug", &format!("a bug of asl-sim: {said}"), Some(*seed), 1);
    }
    found
}

/// What a signature says was broken.
fn sentence(signature: &str) -> String {
    let name = signature.split('/').next().unwrap_or_default();
    if name == HANG {
        return "the host hung".to_owned();
    }
    // A user's own invariant is known by its name.
    let invariant = INVARIANTS.iter().find(|invariant| invariant.name == name);
    format!("broken: {}", invariant.map_or(name, |invariant| invariant.sentence))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::base::trace::TraceHash;
    use crate::campaign::Failure;

    /// A campaign that found two things, one of them twice, and another that is known.
    pub(crate) fn summary() -> Summary {
        let trace = TraceHash::try_from("0123456789abcdef-7".to_owned()).expect("it is one");
        let failure = |index, signature: &str| Failure {
            index,
            seed: index + 1,
            signature: signature.to_owned(),
            hang: signature.starts_with("hang"),
            trace,
        };
        Summary {
            runs: 1_000,
            failed: 3,
            failures: vec![
                failure(4, "seal-durable/list_blocks/crash"),
                failure(7, "hang/error"),
                failure(9, "seal-durable/list_blocks/crash"),
            ],
            signatures: [("seal-durable/list_blocks/crash".to_owned(), 2), ("hang/error".to_owned(), 1)]
                .into(),
            known: [("append-durable/read/error".to_owned(), 12)].into(),
            bug: Some((77, "index, out: of <bounds> 100%\nand more".to_owned())),
            ..Summary::default()
        }
    }

    pub(crate) fn found() -> Vec<Distinct> {
        distinct(&summary(), |at| format!("asl-sim replay mine --seed {}", seed(at)))
    }

    #[test]
    fn each_signature_is_told_once_with_its_first_seed() {
        let told: Vec<(String, u64, u64)> =
            found().into_iter().map(|found| (found.signature, found.seed, found.count)).collect();
        let expected = [("seal-durable/list_blocks/crash", 5, 2), ("hang/error", 8, 1), ("bug", 77, 1)];
        assert_eq!(told, expected.map(|(signature, seed, count)| (signature.to_owned(), seed, count)));
    }
}
