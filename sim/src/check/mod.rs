//! The oracle: judges a history by the contract, and by nothing else.
//!
//! The models (`log`, `stores`, `blocks`, `snapshots`, `marks`) walk the history once, keep the set of states
//! that the contract allows, and note each `Breach`: what was seen and is not in that set. Each invariant has a file of
//! its own that says which sentence of the specification it comes from, which breaches break it, and what it does not
//! check. The list of invariants is in the contract's order, and the first that is broken is the verdict's primary one.
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
mod corruption_detected;
mod create_atomic;
mod create_durable;
mod create_exclusive;
mod delete_durable;
mod error_honest;
mod failures;
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

use crate::history::{Ask, Event, History, Place, Told};
use crate::scenario::{FaultClass, FaultKind};
use asl_host::Capabilities;
use stores::Fresh;

pub use own::{Looks, OwnInvariant};

/// An invariant of the contract.
#[derive(Debug)]
pub struct Invariant {
    /// Its name, as the contract has it.
    pub name: &'static str,
    /// The sentence that it comes from.
    pub sentence: &'static str,
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

/// A call and what came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange<'a> {
    pub(crate) asked_at: usize,
    pub(crate) told_at: usize,
    pub(crate) client: u16,
    pub(crate) ask: Ask,
    pub(crate) told: &'a Told,
    /// Whether a fault, or want of space, since the store was opened may be the cause of an error.
    pub(crate) excused: bool,
    /// Whether a call failed while it went on.
    pub(crate) faulted: bool,
    /// Whether a crash came before the store was opened, and nothing else did since the one before.
    pub(crate) after_crash: bool,
}

/// Since when the session with a place goes on, and what started it.
#[derive(Clone, Copy, Debug, Default)]
struct Session {
    since: usize,
    after_crash: bool,
}

/// What excuses errors, as the walk has come to know it.
#[derive(Debug, Default)]
pub(crate) struct Circumstances {
    sessions: [Session; 3],
    last_fault: Option<usize>,
    /// When there was no space: since, and until when.
    full_since: Option<usize>,
    last_full: Option<usize>,
    /// Whether a crash came since the last time that the store at each place was opened.
    crashed: [bool; 3],
    /// Whether the handle of the main store was closed, and no other is there yet.
    pub(crate) closed: bool,
    pub(crate) was_ever_full: bool,
}

impl Circumstances {
    fn excused(&self, place: Place, asked_at: usize, opening: bool) -> bool {
        let since = if opening { asked_at } else { self.sessions[place as usize].since.min(asked_at) };
        self.last_fault.is_some_and(|at| at > since)
            || self.full_since.is_some()
            || self.last_full.is_some_and(|at| at > since)
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
    let mut walk = Walk {
        history,
        now: Circumstances::default(),
        pending: Vec::new(),
        stores: stores::Stores::default(),
        logs: [log::Log::new(history), log::Log::new(history)],
        blocks: blocks::Blocks::default(),
        snapshots: snapshots::Snapshots::default(),
        marks: marks::Marks::default(),
    };
    for (at, event) in history.events().iter().enumerate() {
        walk.step(at, event, &mut findings);
    }
    findings.verdict()
}

/// One pass over a history.
struct Walk<'a> {
    history: &'a History,
    now: Circumstances,
    /// Calls that nobody was told of yet.
    pending: Vec<usize>,
    stores: stores::Stores,
    logs: [log::Log<'a>; 2],
    blocks: blocks::Blocks,
    snapshots: snapshots::Snapshots,
    marks: marks::Marks,
}

impl Walk<'_> {
    fn step(&mut self, at: usize, event: &Event, out: &mut Findings) {
        match event {
            Event::Asked { ask, client, .. } => self.asked(at, *client, *ask),
            Event::Told { asked, told } => {
                self.pending.retain(|&pending| pending != *asked);
                let Event::Asked { client, ask, .. } = &self.history.events()[*asked] else {
                    unreachable!("a reply is to a question");
                };
                let opening = matches!(ask, Ask::Open { .. } | Ask::Create { .. } | Ask::Destroy { .. });
                let place = place_of(ask);
                let exchange = Exchange {
                    asked_at: *asked,
                    told_at: at,
                    client: *client,
                    ask: *ask,
                    told,
                    excused: self.now.excused(place, *asked, opening),
                    faulted: self.now.last_fault.is_some_and(|fault| fault > *asked),
                    after_crash: self.now.sessions[place as usize].after_crash
                        || (opening && self.now.crashed[place as usize]),
                };
                self.told(&exchange, out);
            }
            Event::Crash { in_recovery, .. } => self.crash(at, *in_recovery),
            Event::Fault { kind, .. } => {
                if *kind != FaultKind::Stall {
                    self.now.last_fault = Some(at);
                }
            }
            // What a damaged medium does is judged by another model.
            Event::Damage { .. } => {}
            Event::Full => {
                self.now.full_since = Some(at);
                self.now.was_ever_full = true;
            }
            Event::Freed => {
                if self.now.full_since.take().is_some() {
                    self.now.last_full = Some(at);
                }
            }
        }
    }

    fn asked(&mut self, at: usize, client: u16, ask: Ask) {
        self.pending.push(at);
        match ask {
            Ask::Append { place, data, unique, .. } => {
                if let Some(log) = self.logs.get_mut(place as usize) {
                    log.asked(at, client, data, unique);
                }
            }
            // A creation that is refused because the store is there, and open, begins no session.
            Ask::Create { place } | Ask::Open { place, second: false } if !self.stores.is_open(place) => {
                self.now.sessions[place as usize] =
                    Session { since: at, after_crash: self.now.crashed[place as usize] };
            }
            Ask::CreateSnapshot => self.snapshots.asked(at, &self.logs[0], &self.blocks),
            Ask::DeleteSnapshot { snapshot } => self.snapshots.delete_asked(snapshot),
            Ask::SealBlock { block } => self.blocks.seal_asked(block),
            _ => {}
        }
    }

    fn told(&mut self, exchange: &Exchange<'_>, out: &mut Findings) {
        let models = failures::Models {
            stores: &self.stores,
            blocks: &self.blocks,
            snapshots: &self.snapshots,
            logs: &self.logs,
        };
        failures::judge(self.history, exchange, &self.now, models, out);
        match exchange.ask {
            Ask::Create { place } | Ask::Destroy { place, .. } => {
                self.store_told(exchange, place, out);
                self.now.crashed[place as usize] &= *exchange.told != Told::Done;
            }
            Ask::Open { place, second } => {
                self.store_told(exchange, place, out);
                if *exchange.told == Told::Done && !second {
                    self.opened(exchange.told_at, place);
                }
            }
            Ask::Close { place } => {
                self.stores.closed(place);
                // A second opener that was let in closes a handle of its own; a close that came to no end leaves it usable.
                self.now.closed |= place == Place::Main
                    && exchange.client == crate::run::HARNESS
                    && *exchange.told == Told::Done;
                if *exchange.told == Told::Done
                    && let Some(log) = self.logs.get_mut(place as usize)
                {
                    log.closed(exchange.asked_at);
                }
            }
            Ask::Append { place, .. }
            | Ask::Flush { place }
            | Ask::DurableUpto { place }
            | Ask::Read { place, .. } => {
                if let Some(log) = self.logs.get_mut(place as usize) {
                    log.told(exchange, &self.now, out);
                }
            }
            Ask::CreateBlock
            | Ask::WriteBlock { .. }
            | Ask::SealBlock { .. }
            | Ask::ReadBlock { .. }
            | Ask::ListBlocks => {
                self.blocks.told(self.history, exchange, out);
            }
            Ask::CreateSnapshot
            | Ask::InspectSnapshot { .. }
            | Ask::ListSnapshots
            | Ask::DeleteSnapshot { .. } => {
                self.snapshots.told(self.history, exchange, &mut self.logs[0], &self.blocks, out);
            }
            Ask::Now | Ask::Identity => self.marks.told(self.history, exchange, out),
        }
    }

    fn opened(&mut self, at: usize, place: Place) {
        if let Some(log) = self.logs.get_mut(place as usize) {
            log.opened(at);
        }
        self.now.crashed[place as usize] = false;
        if place == Place::Main {
            self.now.closed = false;
            self.blocks.writer_gone();
        }
    }

    /// A store that begins its life, be it by a creation that was in doubt until now, holds nothing of an earlier one.
    fn store_told(&mut self, exchange: &Exchange<'_>, place: Place, out: &mut Findings) {
        let fresh = self.stores.told(exchange, out);
        self.renew(place, fresh);
    }

    fn renew(&mut self, place: Place, fresh: Fresh) {
        if let Some(log) = self.logs.get_mut(place as usize) {
            match fresh {
                Fresh::Yes => log.new_generation(),
                Fresh::Maybe => log.maybe_new_generation(),
                Fresh::No => {}
            }
        }
    }

    fn crash(&mut self, at: usize, in_recovery: bool) {
        // Once an open has completed, recovery is over, though the harness may still be looking at what it showed.
        let in_recovery = in_recovery && !self.stores.is_open(Place::Main);
        (self.now.crashed, self.now.closed) = ([true; 3], false);
        for asked in std::mem::take(&mut self.pending) {
            if let Event::Asked { ask, .. } = &self.history.events()[asked] {
                let fresh = self.stores.interrupted(ask);
                self.renew(place_of(ask), fresh);
            }
        }
        self.stores.crash();
        self.logs.iter_mut().for_each(|log| log.crash(at, in_recovery));
        self.snapshots.crash(&self.logs[0], &self.blocks);
    }
}

/// The store that a call is about; for calls about the host itself, the main one.
fn place_of(ask: &Ask) -> Place {
    match *ask {
        Ask::Create { place }
        | Ask::Open { place, .. }
        | Ask::Close { place }
        | Ask::Destroy { place, .. }
        | Ask::Append { place, .. }
        | Ask::Flush { place }
        | Ask::DurableUpto { place }
        | Ask::Read { place, .. } => place,
        _ => Place::Main,
    }
}
