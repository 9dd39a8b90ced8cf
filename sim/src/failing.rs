//! A failing run: made again as its case will replay it, made small, told in words. The command and the library's doors share it.

use crate::base::panics;
use crate::base::trace::TraceHash;
use crate::base::words::things;
use crate::case::Case;
use crate::hosts::Target;
use crate::report::json;
use crate::scenario::generate::Wishes;
use crate::shrink::Shrunk;
use crate::tell::failure;
use crate::tell::story::story;
use crate::trial::Trial;
use crate::trial::settle_seed;
use asl_host::Capabilities;

/// What it takes to make the run of a seed.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) target: Target,
    pub(crate) wishes: Wishes,
    pub(crate) capabilities: Capabilities,
}

/// What came of a run that was made again.
pub(crate) enum Again {
    /// It can be relied on.
    Settled(Box<Trial>),
    /// It did another thing.
    Diverged(Vec<TraceHash>),
    /// The simulator has a bug; what it said.
    Bug(String),
}

impl Subject {
    /// A host that cannot say what it offers is refused, in words, and so is a runtime that this build does not have.
    pub(crate) fn new(target: Target, wishes: Wishes) -> Result<Subject, String> {
        if !wishes.runtime.is_built_in() {
            return Err(crate::scenario::Runtime::HOW_TO_BUILD.to_owned());
        }
        let capabilities = panics::caught(|| crate::trial::capabilities(&target, &wishes))
            .map_err(|said| format!("the host {:?} cannot even say what it offers: {said}", target.name()))?;
        Ok(Subject { target, wishes, capabilities })
    }

    /// Makes the run of a seed as its case would replay. `expected`: what its trace was before.
    pub(crate) fn again(&self, seed: u64, expected: Option<TraceHash>) -> Again {
        match panics::caught(|| settle_seed(&self.target, seed, &self.wishes, &self.capabilities)) {
            Err(said) => Again::Bug(said),
            Ok((trial, other)) => {
                let mut hashes: Vec<TraceHash> = expected.into_iter().collect();
                hashes.push(trial.outcome.trace);
                hashes.extend(other.map(|other| other.outcome.trace));
                let same = hashes.windows(2).all(|pair| pair[0] == pair[1]);
                if same { Again::Settled(Box::new(trial)) } else { Again::Diverged(hashes) }
            }
        }
    }
}

/// A failure as it is told of and stored.
pub(crate) enum Found {
    AsItWas(Trial),
    Smaller(Shrunk),
}

impl Found {
    pub(crate) fn trial(&self) -> &Trial {
        match self {
            Found::AsItWas(trial) => trial,
            Found::Smaller(shrunk) => &shrunk.trial,
        }
    }

    pub(crate) fn case(&self, target: &str, seed: Option<u64>, story: Vec<String>) -> Case {
        match self {
            Found::AsItWas(trial) => Case::of(trial, target, seed, story),
            Found::Smaller(shrunk) => Case::of_shrunk(shrunk, target, seed, story),
        }
    }

    pub(crate) fn ops_before(&self) -> usize {
        match self {
            Found::AsItWas(trial) => trial.scenario.ops.len(),
            Found::Smaller(shrunk) => shrunk.ops_before,
        }
    }

    /// What is told of it: what broke, how it came to that, and whatever else there is to say, by name.
    pub(crate) fn told(&self, seed: Option<u64>, more: &[(&str, String)], columns: usize) -> String {
        let trial = self.trial();
        let seed = seed.map(|seed| ("seed", json::seed(seed)));
        let shrunk = match self {
            Found::AsItWas(_) => None,
            Found::Smaller(shrunk) => Some(("shrunk", from_to(shrunk))),
        };
        let fields = [("signature", trial.signature().unwrap_or_default())]
            .into_iter()
            .chain(seed)
            .chain([("trace", trial.outcome.trace.to_string())])
            .chain(shrunk);
        let parts = [
            failure::headline(trial, columns),
            "\n".to_owned(),
            failure::story(&story(trial)),
            "\n".to_owned(),
            failure::also_broken(trial, columns),
        ];
        let fields = fields.map(|(name, value)| failure::field(name, &value));
        let more = more.iter().map(|(name, value)| failure::field(name, value));
        parts.into_iter().chain(fields).chain(more).collect()
    }
}

/// How much smaller a run has become.
pub(crate) fn from_to(shrunk: &Shrunk) -> String {
    let now = things(shrunk.trial.scenario.ops.len() as u64, "operation", "operations");
    format!("from {} to {now}", shrunk.ops_before)
}
