//! The oracle: judges a history by the contract, and by nothing else.
//!
//! The models (`log`, `stores`, `blocks`, `snapshots`, `marks`) walk the history once, keep the set of states
//! that the contract allows, and note each `Breach`: what was seen and is not in that set. Each invariant has a file of
//! its own that says which sentences of the contract (docs/spec/contract.md) it comes from, which breaches break it, and
//! what it does not check. The list of invariants is in the contract's order, and the first that is broken is the
//! verdict's primary one.
//!
//! A model counts how often it was in a position to note each breach: an invariant that was never armed proves nothing,
//! and a report says so.

mod append_atomic;
mod append_durable;
mod append_linearizable;
mod block_id_unique;
mod blocks;
mod clock_monotonic;
mod close_durable;
mod contract;
mod corruption_detected;
mod create_atomic;
mod create_durable;
mod create_exclusive;
mod delete_durable;
mod error_honest;
mod failures;
mod fenced;
mod identity_stable;
mod log;
mod log_prefix;
mod logseq_monotonic;
mod logseq_stable;
mod marks;
mod media;
mod no_space_safe;
mod open_block_invisible;
mod open_harmless;
mod own;
mod read_stable;
mod recovery_available;
mod recovery_idempotent;
mod seal_durable;
mod seal_immutable;
mod single_writer;
mod snapshot_atomic;
mod snapshot_frozen;
mod snapshot_read_only;
mod snapshot_sealed_only;
mod snapshots;
mod stores;
#[cfg(test)]
mod testing;
mod walk;

use crate::history::{FaultClass, History};
use asl_host::Capabilities;
use walk::Walk;

pub use contract::Sentence;
pub use own::{Looks, OwnInvariant};
pub(crate) use walk::{Circumstances, Exchange, Fence};

/// An invariant of the contract.
#[derive(Debug)]
pub struct Invariant {
    /// Its name, as the contract has it.
    pub name: &'static str,
    /// What holds when it is kept, in one sentence.
    pub sentence: &'static str,
    /// The numbers of the contract's sentences that it comes from (docs/spec/contract.md); see [`Invariant::sentences`].
    pub sources: &'static [&'static str],
    /// What it does not check.
    pub not_checked: &'static str,
    /// Whether it concerns a host of these capabilities.
    pub applies: fn(&Capabilities) -> bool,
    breaches: &'static [Breach],
}

/// For invariants that concern every host.
fn always(_: &Capabilities) -> bool {
    true
}

/// All invariants, in the order that makes one primary.
pub static INVARIANTS: &[&Invariant] = &[
    &error_honest::INVARIANT,
    &corruption_detected::INVARIANT,
    &create_atomic::INVARIANT,
    &create_durable::INVARIANT,
    &create_exclusive::INVARIANT,
    &recovery_available::INVARIANT,
    &append_atomic::INVARIANT,
    &append_durable::INVARIANT,
    &log_prefix::INVARIANT,
    &logseq_monotonic::INVARIANT,
    &logseq_stable::INVARIANT,
    &append_linearizable::INVARIANT,
    &read_stable::INVARIANT,
    &open_harmless::INVARIANT,
    &close_durable::INVARIANT,
    &seal_durable::INVARIANT,
    &seal_immutable::INVARIANT,
    &open_block_invisible::INVARIANT,
    &block_id_unique::INVARIANT,
    &snapshot_sealed_only::INVARIANT,
    &snapshot_frozen::INVARIANT,
    &snapshot_atomic::INVARIANT,
    &snapshot_read_only::INVARIANT,
    &delete_durable::INVARIANT,
    &single_writer::INVARIANT,
    &recovery_idempotent::INVARIANT,
    &no_space_safe::INVARIANT,
    &clock_monotonic::INVARIANT,
    &identity_stable::INVARIANT,
];

macro_rules! breaches {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Something seen that the contract does not allow.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Breach { $($(#[$doc])* $name),* }
        const BREACHES: &[Breach] = &[$(Breach::$name),*];
    };
}

breaches! {
    /// An error's code is not its kind's.
    WrongCode,
    /// An answer that the state of things does not call for.
    WrongAnswer,
    /// An I/O fault was called corruption or absence.
    FaultMisnamed,
    /// An error without a cause, in a session that no crash preceded.
    CauselessError,
    Panicked,
    /// A damaged medium gave bytes that nobody wrote there.
    WrongBytes,
    /// Damage that later records give away made the log shorter, and nobody was told.
    SilentLoss,
    /// Neither nothing nor a store.
    TornCreation,
    StoreLost,
    CreatedTwice,
    /// An open, or what follows it, fails after a crash without a cause.
    NotAvailable,
    /// A record that is partly an append's.
    Torn,
    AckedLost,
    /// Called durable, and not there, or never there.
    CalledDurable,
    Hole,
    Phantom,
    Duplicate,
    NotIncreasing,
    NotDense,
    NumberReused,
    OutOfOrder,
    ShownLost,
    LostByReopening,
    LostAfterClose,
    SealedLost,
    BlockChanged,
    OpenBlockSeen,
    BlockIdReused,
    SnapshotTookOpenBlock,
    SnapshotChanged,
    SnapshotIncomplete,
    SnapshotWritable,
    DeletedCameBack,
    DestroyedCameBack,
    SecondWriter,
    LockedOut,
    LostAfterCrashInRecovery,
    /// An open fails without a cause after a crash inside an earlier one.
    FailsAfterCrashInRecovery,
    /// An open of nothing left something where it looked.
    LeftBehind,
    FailsAfterFull,
    LostAfterFull,
    ClockBackwards,
    IdentityChanged,
}

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its place in [`INVARIANTS`], or behind them if it is one of the target's own.
    pub invariant: usize,
    /// The event of the history at which it showed.
    pub event: usize,
    /// What was seen, for people.
    pub text: String,
    name: &'static str,
    sentence: &'static str,
}

impl Violation {
    /// The invariant's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The sentence that says what holds when it is kept.
    pub fn sentence(&self) -> &'static str {
        self.sentence
    }
}

/// What the oracle says of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Broken invariants, the primary one first, each once.
    pub violations: Vec<Violation>,
    /// Per invariant, how often it was checked: those of the contract, then the target's own.
    pub armed: Vec<u32>,
}

impl Verdict {
    /// The first broken invariant.
    pub fn primary(&self) -> Option<&Violation> {
        self.violations.first()
    }
}

/// What the models note.
#[derive(Debug)]
pub(crate) struct Findings {
    broken: Vec<(Breach, usize, String)>,
    looked: [u32; BREACHES.len()],
}

impl Findings {
    fn new() -> Findings {
        Findings { broken: Vec::new(), looked: [0; BREACHES.len()] }
    }

    /// A model could have noted this breach.
    pub(crate) fn looked(&mut self, breach: Breach) {
        self.looked[breach as usize] += 1;
    }

    /// Notes a breach.
    pub(crate) fn broken(&mut self, breach: Breach, event: usize, text: String) {
        self.broken.push((breach, event, text));
    }

    /// Counts a look, and notes the breach unless all is well.
    pub(crate) fn expect(&mut self, well: bool, breach: Breach, event: usize, text: impl FnOnce() -> String) {
        self.looked(breach);
        if !well {
            self.broken(breach, event, text());
        }
    }

    fn verdict(self) -> Verdict {
        let violations = INVARIANTS
            .iter()
            .enumerate()
            .filter_map(|(index, invariant)| {
                let (_, event, text) =
                    self.broken.iter().find(|(breach, ..)| invariant.breaches.contains(breach))?;
                let (name, sentence) = (invariant.name, invariant.sentence);
                Some(Violation { invariant: index, event: *event, text: text.clone(), name, sentence })
            })
            .collect();
        let armed = INVARIANTS
            .iter()
            .map(|invariant| invariant.breaches.iter().map(|&breach| self.looked[breach as usize]).sum())
            .collect();
        Verdict { violations, armed }
    }
}

/// Judges a history by the contract, and by invariants of a user's own.
pub(crate) fn judge_with(history: &History, own: &[OwnInvariant]) -> Verdict {
    let mut verdict = judge(history);
    own::add(&mut verdict, own, history);
    verdict
}

/// Judges a history by the contract.
pub fn judge(history: &History) -> Verdict {
    let mut findings = Findings::new();
    if history.class == FaultClass::Media {
        let mut media = media::Media::new(history);
        for (at, event) in history.events().iter().enumerate() {
            media.step(at, event, &mut findings);
        }
        return findings.verdict();
    }
    let mut walk = Walk::new(history);
    for (at, event) in history.events().iter().enumerate() {
        walk.step(at, event, &mut findings);
    }
    findings.verdict()
}
