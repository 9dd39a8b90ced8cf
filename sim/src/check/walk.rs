//! One pass over a history: leads every event to the models that it concerns, and knows what excuses an error.
//!
//! Not for runs of class `media`, which another model judges.

use super::blocks::Blocks;
use super::log::Log;
use super::marks::Marks;
use super::snapshots::Snapshots;
use super::stores::{Fresh, Stores};
use super::{Breach, Findings, failures, fenced};
use crate::history::{Ask, Event, FaultKind, HARNESS, History, Place, SECOND, Told};
use asl_host::Exclusion;

/// After so many conflicts (409), with no other fault between them, a host may have given up.
const CONFLICTS_MIN: u32 = 3;

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
    /// Whether it is asked through a handle that a later open may have fenced off, or has.
    pub(crate) fence: Fence,
}

/// What has come of the handle that a call is made through, where a host fences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fence {
    /// It is the last that was given out.
    #[default]
    Open,
    /// Another process was opening the store while the call went on: it may be refused, and is in doubt then.
    Closing,
    /// Another process had opened the store before the call was made: it must change nothing.
    Shut,
}

/// Since when the session with a place goes on, and what started it.
#[derive(Clone, Copy, Debug, Default)]
struct Session {
    since: usize,
    after_crash: bool,
}

/// Who may have changed the main store besides whoever has it open.
#[derive(Debug, Default)]
struct Rivals {
    /// Another process has asked for it.
    second_asked: bool,
    /// When the first call was made of which nobody knows what it came to.
    in_doubt_since: Option<usize>,
}

impl Rivals {
    fn is_in_doubt(&mut self, asked: usize) {
        self.in_doubt_since = Some(self.in_doubt_since.map_or(asked, |at| at.min(asked)));
    }
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
    /// Whether a crash came inside of recovery since the main store was last opened.
    pub(crate) crashed_in_recovery: bool,
    /// Whether the handle of the main store was closed, and no other is there yet.
    pub(crate) closed: bool,
    pub(crate) was_ever_full: bool,
    /// When the first of two processes died, if it has not opened the store since.
    first_died_at: Option<usize>,
    rivals: Rivals,
    /// How often a bucket has said, since the last other fault, that somebody else was at it.
    conflicts: u32,
    /// Since when another process is opening the main store while it is open, and since when it has it; of hosts that fence.
    intruded_at: Option<usize>,
    fenced_at: Option<usize>,
}

impl Circumstances {
    /// What has come of the handle through which a client asks.
    fn fence(&self, ask: &Ask, client: u16, asked_at: usize) -> Fence {
        let by_handle = !matches!(
            ask,
            Ask::Create { .. } | Ask::Open { .. } | Ask::Destroy { .. } | Ask::Now | Ask::Identity
        );
        if !by_handle || client == SECOND || place_of(ask) != Place::Main || self.intruded_at.is_none() {
            return Fence::Open;
        }
        if self.fenced_at.is_some_and(|at| at < asked_at) { Fence::Shut } else { Fence::Closing }
    }

    /// Whether it can be that somebody else has changed the main store, or is about to, since the session with it began: another
    /// process, or one that is dead, whose request has outlived it.
    pub(crate) fn may_have_rivals(&self, history: &History) -> bool {
        let since = self.sessions[Place::Main as usize].since;
        self.rivals.second_asked
            || history.late_requests && self.rivals.in_doubt_since.is_some_and(|at| at < since)
    }

    fn excused(&self, place: Place, asked_at: usize, opening: bool) -> bool {
        let since = if opening { asked_at } else { self.sessions[place as usize].since.min(asked_at) };
        self.last_fault.is_some_and(|at| at > since)
            || self.full_since.is_some()
            || self.last_full.is_some_and(|at| at > since)
    }
}

/// One pass over a history.
pub(super) struct Walk<'a> {
    history: &'a History,
    now: Circumstances,
    /// Calls that nobody was told of yet.
    pending: Vec<usize>,
    stores: Stores,
    logs: [Log<'a>; 2],
    blocks: Blocks,
    snapshots: Snapshots,
    marks: Marks,
}

impl<'a> Walk<'a> {
    pub(super) fn new(history: &'a History) -> Walk<'a> {
        Walk {
            history,
            now: Circumstances::default(),
            pending: Vec::new(),
            stores: Stores::new(history.capabilities.exclusion, history.late_requests),
            logs: [Log::new(history), Log::new(history)],
            blocks: Blocks::default(),
            snapshots: Snapshots::default(),
            marks: Marks::default(),
        }
    }
}

impl Walk<'_> {
    pub(super) fn step(&mut self, at: usize, event: &Event, out: &mut Findings) {
        match event {
            Event::Asked { ask, client, .. } => self.asked(at, *client, *ask),
            Event::Told { asked, told } => {
                self.pending.retain(|&pending| pending != *asked);
                let Event::Asked { client, ask, .. } = &self.history.events()[*asked] else {
                    unreachable!("a reply is to a question");
                };
                if matches!(told, Told::Failed { .. } | Told::Cancelled) {
                    self.now.rivals.is_in_doubt(*asked);
                }
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
                    fence: self.now.fence(ask, *client, *asked),
                };
                self.told(&exchange, out);
            }
            Event::Crash { in_recovery, .. } => self.crash(at, *in_recovery),
            Event::Died { second } => self.died(at, *second),
            Event::Fault { kind, .. } => {
                // Where requests outlive their caller, one that stalls is given up by a host that waits no longer.
                let excuses = match kind {
                    FaultKind::Stall => self.history.late_requests,
                    // It says "try again"; nobody has to do that for ever.
                    FaultKind::Conflict => {
                        self.now.conflicts += 1;
                        self.now.conflicts >= CONFLICTS_MIN
                    }
                    _ => true,
                };
                if excuses {
                    (self.now.last_fault, self.now.conflicts) = (Some(at), 0);
                }
            }
            Event::Left { place, name } => {
                let text = format!(
                    "opening {} said that there is none, and left {:?} behind",
                    place.as_str(),
                    self.history.name(*name)
                );
                out.broken(Breach::LeftBehind, at, text);
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
        if client == SECOND || matches!(ask, Ask::Open { second: true, .. } | Ask::Destroy { open: true, .. })
        {
            self.now.rivals.second_asked = true;
        }
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
            Ask::Open { place: Place::Main, second: true } if self.fences() => {
                self.now.intruded_at.get_or_insert(at);
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
        if exchange.fence == Fence::Shut && fenced::judge(self.history, exchange, &mut self.logs[0], out) {
            return;
        }
        match exchange.ask {
            Ask::Create { place } | Ask::Destroy { place, .. } => {
                self.store_told(exchange, place, out);
                self.now.crashed[place as usize] &= *exchange.told != Told::Done;
            }
            Ask::Open { place, second } => {
                self.store_told(exchange, place, out);
                if *exchange.told == Told::Done && second && self.now.intruded_at.is_some() {
                    self.now.fenced_at = Some(exchange.told_at);
                    self.logs[0].opened(exchange.told_at);
                } else if *exchange.told == Told::Done && second && self.now.first_died_at.is_some() {
                    // Whoever it would have shut out is dead.
                    self.logs[0].opened(exchange.told_at);
                } else if *exchange.told == Told::Done && !second {
                    self.opened(exchange.told_at, place);
                }
            }
            Ask::Close { place } => {
                self.stores.closed(place);
                // A second opener that was let in closes a handle of its own; a close that came to no end leaves it usable.
                self.now.closed |=
                    place == Place::Main && exchange.client == HARNESS && *exchange.told == Told::Done;
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
            // What it does, no model knows; errors were judged above.
            Ask::Own { .. } => {}
        }
    }

    fn fences(&self) -> bool {
        self.history.capabilities.exclusion == Exclusion::Fence && self.stores.is_open(Place::Main)
    }

    fn opened(&mut self, at: usize, place: Place) {
        if let Some(log) = self.logs.get_mut(place as usize) {
            log.opened(at);
        }
        self.now.crashed[place as usize] = false;
        if place == Place::Main {
            self.now.crashed_in_recovery = false;
            (self.now.closed, self.now.intruded_at, self.now.fenced_at) = (false, None, None);
            self.now.first_died_at = None;
            self.snapshots.opened();
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
        self.now.crashed_in_recovery |= in_recovery;
        (self.now.intruded_at, self.now.fenced_at) = (None, None);
        self.now.first_died_at = None;
        for asked in std::mem::take(&mut self.pending) {
            self.now.rivals.is_in_doubt(asked);
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

impl Walk<'_> {
    /// One of two processes was killed: what its clients were not told is in doubt. The other goes on with its handle.
    fn died(&mut self, at: usize, second: bool) {
        let events = self.history.events();
        let of_the_dead = |asked: &usize| matches!(&events[*asked], Event::Asked { client, .. } if (*client == SECOND) == second);
        let (dead, alive) = std::mem::take(&mut self.pending).into_iter().partition(of_the_dead);
        self.pending = alive;
        let dead: Vec<usize> = dead;
        for &asked in &dead {
            self.now.rivals.is_in_doubt(asked);
            if let Event::Asked { ask, .. } = &events[asked] {
                let fresh = self.stores.interrupted(ask);
                self.renew(place_of(ask), fresh);
            }
        }
        self.logs.iter_mut().for_each(|log| log.given_up(at, &dead));
        self.snapshots.given_up(&dead, &self.logs[0], &self.blocks);
        if !second {
            (self.now.first_died_at, self.now.closed) = (Some(at), false);
            self.now.crashed = [true; 3];
            if self.now.fenced_at.is_none() {
                // The second one has not opened it yet, and need not shut anybody out.
                self.stores.crash();
                self.now.intruded_at = None;
            }
        }
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
