//! The log as the contract allows it: which number must hold which record, and which records are in doubt.
//!
//! A number is *known* once an append was told it or a read showed it, and *exposed* when it must survive: acknowledged by a
//! host that is durable on append, covered by a flush, a close or a snapshot, or shown after an open that it was there
//! before. A host that is durable on flush may show what it has acknowledged, to whom it likes, without having made it
//! durable: a read in the session in which a record was appended exposes nothing, and what is known by it is covered by
//! the next flush as if it had been acknowledged. What an open has found, it has made durable: showing that exposes it.
//!
//! Records that are not exposed may be lost, with all that follow them, by a crash, or when a store is opened again that
//! could not be closed in good order. From that open on they are *uncertain* until a read shows the end of the log, or
//! a number of theirs is given to another record, which tells that they are gone.
//!
//! Every other record in a log must be one that is in doubt and whose place fits the order of real time. A read that
//! reaches the end settles what was in doubt before it: what it does not show is absent for ever.
//!
//! Records that are not unique (`base::payload`) are told apart by place and number only.

mod appending;
mod names;
mod reading;

use super::{Breach, Circumstances, Exchange, Findings};
use crate::history::{Ask, History, Span, Told};

/// Why a number must survive. Later reasons are stronger only in what they say; all of them bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exposure {
    /// Known, but an unflushed record of a host that is durable on flush: may be lost, with all that follow it.
    None,
    Acked,
    /// Covered by a flush, a snapshot or what was called durable.
    Covered,
    /// Shown by a read.
    Shown,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    data: Span,
    exposure: Exposure,
    closed: bool,
    /// The append that it is, where that is certain.
    owner: Option<usize>,
    /// The event since which the number is known.
    since: usize,
    /// The first open since then that the record was not exposed at: it may have gone there.
    uncertain_since: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Asked, not told.
    Open,
    Acked(u64),
    /// In doubt since this event.
    Doubt(usize),
    /// In doubt once; a read showed it.
    Shown(u64),
    /// It did not happen, or was settled so.
    Absent,
    /// A read that this event told settled that it did not happen.
    Settled(usize),
    /// It was in the log once, and no more.
    Lost,
}

#[derive(Clone, Copy, Debug)]
struct Append {
    asked_at: usize,
    client: u16,
    data: Span,
    unique: bool,
    fate: Fate,
    /// Its number is greater than this one: that of an append which was over before it began.
    after: u64,
}

/// A record of a store that was destroyed.
#[derive(Clone, Copy, Debug)]
struct Old {
    data: Span,
    /// Whether anybody was told that it was in the log.
    was_known: bool,
}

/// What happened to a store since its log was last read whole.
#[derive(Clone, Copy, Debug, Default)]
struct SinceRead {
    /// A crash inside recovery.
    crashed_in_recovery: bool,
    /// A crash of any kind.
    crashed: bool,
    reopened: bool,
}

impl Slot {
    /// Whether the record may be gone since a store was opened: nothing had exposed it.
    fn is_uncertain(&self) -> bool {
        self.exposure == Exposure::None && self.uncertain_since.is_some()
    }
}

impl Append {
    fn may_show(&self) -> bool {
        matches!(self.fate, Fate::Open | Fate::Doubt(_))
    }

    fn was_known(&self) -> bool {
        matches!(self.fate, Fate::Acked(_) | Fate::Shown(_) | Fate::Lost)
    }
}

/// The model of one store's log.
#[derive(Debug)]
pub(crate) struct Log<'a> {
    history: &'a History,
    appends: Vec<Append>,
    /// Known numbers, from 1.
    slots: Vec<Option<Slot>>,
    /// Records with these bytes bore these numbers, exposed, and were lost: the numbers must not be used for others.
    former: Vec<(u64, Span)>,
    /// The log has at least so many records since that event, even where it is not known which; growing.
    floors: Vec<(usize, u64)>,
    /// Records of stores that were destroyed.
    destroyed: Vec<Old>,
    /// Whether the store may have been replaced by an empty one.
    maybe_replaced: bool,
    /// The event at which the store was last opened.
    opened_at: usize,
    since_read: SinceRead,
}

impl<'a> Log<'a> {
    pub(super) fn new(history: &'a History) -> Log<'a> {
        Log {
            history,
            appends: Vec::new(),
            slots: Vec::new(),
            former: Vec::new(),
            floors: Vec::new(),
            destroyed: Vec::new(),
            maybe_replaced: false,
            opened_at: 0,
            since_read: SinceRead::default(),
        }
    }

    /// A store was created: nothing of one that was there before may show.
    pub(super) fn new_generation(&mut self) {
        let old = self.appends.drain(..).filter(|append| append.unique);
        self.destroyed.extend(old.map(|append| Old { data: append.data, was_known: append.was_known() }));
        self.slots.clear();
        self.former.clear();
        self.floors.clear();
        self.maybe_replaced = false;
    }

    /// The store may have been destroyed and created again: the next read shows whether it was.
    pub(super) fn maybe_new_generation(&mut self) {
        self.maybe_replaced = true;
    }

    fn bytes(&self, span: Span) -> &'a [u8] {
        self.history.bytes(span)
    }

    fn slot(&self, seq: u64) -> Option<&Slot> {
        self.slots.get(usize::try_from(seq).ok()?.checked_sub(1)?)?.as_ref()
    }

    fn set_slot(&mut self, seq: u64, slot: Slot) {
        let at = seq as usize - 1;
        if self.slots.len() <= at {
            self.slots.resize(at + 1, None);
        }
        self.slots[at] = Some(slot);
    }

    /// The greatest known number.
    pub(super) fn last(&self) -> u64 {
        self.slots.len() as u64
    }

    /// How many records there can be at most.
    pub(super) fn most(&self) -> u64 {
        let doubtful = self.appends.iter().filter(|append| append.may_show()).count();
        let known = self.slots.iter().flatten().count();
        (known + doubtful) as u64
    }

    /// The record of a number, if it is known.
    pub(super) fn known(&self, seq: u64) -> Option<&'a [u8]> {
        self.slot(seq).map(|slot| self.bytes(slot.data))
    }

    /// A snapshot, a flush or a close covers everything known before this event.
    pub(super) fn cover(&mut self, before: usize) {
        let opened_at = self.opened_at;
        let known = |slot: &&mut Slot| slot.since < before && slot.since > opened_at;
        for slot in self.slots.iter_mut().flatten().filter(known) {
            if slot.exposure == Exposure::None {
                slot.exposure = Exposure::Covered;
            }
        }
    }

    /// The greatest number that is known since before this event, and certain to be there.
    pub(super) fn known_last(&self, before: usize) -> u64 {
        let known = |slot: &Slot| slot.since < before && !slot.is_uncertain();
        self.slots.iter().rposition(|slot| slot.as_ref().is_some_and(known)).map_or(0, |at| at as u64 + 1)
    }

    pub(super) fn opened(&mut self, at: usize) {
        self.opened_at = at;
        for slot in self.slots.iter_mut().flatten().filter(|slot| slot.exposure == Exposure::None) {
            slot.uncertain_since.get_or_insert(at);
        }
        self.since_read.reopened = true;
    }

    pub(super) fn closed(&mut self, asked_at: usize) {
        self.cover(asked_at);
        self.slots.iter_mut().flatten().for_each(|slot| slot.closed = true);
    }

    pub(super) fn crash(&mut self, at: usize, in_recovery: bool) {
        self.since_read.crashed = true;
        self.since_read.crashed_in_recovery |= in_recovery;
        self.appends
            .iter_mut()
            .filter(|append| append.fate == Fate::Open)
            .for_each(|append| append.fate = Fate::Doubt(at));
    }

    /// Nobody will be told what came of the appends that these events asked for.
    pub(super) fn given_up(&mut self, at: usize, asked: &[usize]) {
        let dead = |append: &&mut Append| append.fate == Fate::Open && asked.contains(&append.asked_at);
        self.appends.iter_mut().filter(dead).for_each(|append| append.fate = Fate::Doubt(at));
    }

    /// A number from `seq` on was given to another record than an uncertain one: that, and all uncertain ones behind it,
    /// are gone. What was begun since the open at which they went need not stand behind them any more.
    fn forget_uncertain(&mut self, seq: u64) {
        let mut gone_since = self.opened_at;
        for at in seq as usize - 1..self.slots.len() {
            let Some(slot) = self.slots[at].filter(Slot::is_uncertain) else { continue };
            gone_since = gone_since.min(slot.uncertain_since.unwrap_or(gone_since));
            if let Some(owner) = slot.owner {
                self.appends[owner].fate = Fate::Lost;
            }
            self.slots[at] = None;
        }
        self.trim();
        for own in 0..self.appends.len() {
            let asked_at = self.appends[own].asked_at;
            if asked_at > gone_since {
                let known = |slot: &Slot| slot.since < asked_at;
                let after = self.slots.iter().rposition(|slot| slot.as_ref().is_some_and(known));
                self.appends[own].after = after.map_or(0, |at| at as u64 + 1);
            }
        }
    }

    /// Numbers that are not known any more do not count.
    fn trim(&mut self) {
        let len = self.slots.iter().rposition(Option::is_some).map_or(0, |at| at + 1);
        self.slots.truncate(len);
    }

    pub(super) fn asked(&mut self, at: usize, client: u16, data: Span, unique: bool) {
        let after = self.last();
        self.appends.push(Append { asked_at: at, client, data, unique, fate: Fate::Open, after });
    }

    /// Whether an append that expected this number may be told that the next number is another.
    pub(super) fn may_refuse(&self, asked_at: usize, expected: u64) -> bool {
        let Some(own) = self.appends.iter().position(|append| append.asked_at == asked_at) else {
            return true;
        };
        let others = self.appends.iter().enumerate().any(|(index, append)| {
            // Whoever was at work meanwhile, or is in doubt, may have had the number, or made way for it.
            index != own && (append.may_show() || index > own)
        });
        let uncertain = self.slots.iter().flatten().any(Slot::is_uncertain);
        others
            || uncertain
            || self.last() > self.appends[own].after
            || expected != self.appends[own].after + 1
    }

    pub(super) fn told(&mut self, exchange: &Exchange<'_>, now: &Circumstances, out: &mut Findings) {
        match (exchange.ask, exchange.told) {
            (Ask::Append { expected, .. }, told) => self.append_told(exchange, expected, told, out),
            (Ask::Flush { .. }, Told::Seq(durable)) => {
                let known = self.known_last(exchange.asked_at);
                out.expect(*durable >= known, Breach::CalledDurable, exchange.told_at, || {
                    format!("flush says that {durable} records are durable, and {known} were acknowledged before it")
                });
                self.cover(exchange.asked_at);
                self.called_durable(*durable, exchange, out);
            }
            (Ask::DurableUpto { .. }, Told::Seq(durable)) => self.called_durable(*durable, exchange, out),
            (Ask::Read { from, limit, .. }, Told::Records(records)) => {
                self.read_told(from, limit, records, exchange, now, out);
            }
            _ => {}
        }
    }

    fn called_durable(&mut self, durable: u64, exchange: &Exchange<'_>, out: &mut Findings) {
        let most = self.most();
        out.expect(durable <= most, Breach::CalledDurable, exchange.told_at, || {
            format!("{durable} records are called durable, and there can be no more than {most}")
        });
        self.has_durably(durable, exchange.told_at);
    }

    /// A mounted snapshot shows so many records: they are in the log too.
    pub(super) fn snapshot_shows(&mut self, count: u64, at: usize, out: &mut Findings) {
        let most = self.most();
        out.expect(count <= most, Breach::CalledDurable, at, || {
            format!("a snapshot shows {count} records, and the log has no more than {most}")
        });
        self.has_durably(count, at);
    }

    /// At least so many records are durable, as far as there can be so many.
    fn has_durably(&mut self, count: u64, at: usize) {
        if count > self.most() {
            return;
        }
        if self.floors.last().is_none_or(|&(_, floor)| floor < count) {
            self.floors.push((at, count));
        }
        let opened_at = self.opened_at;
        for slot in self.slots.iter_mut().take(count as usize).flatten() {
            if slot.exposure == Exposure::None && slot.since > opened_at {
                slot.exposure = Exposure::Covered;
            }
        }
    }

    /// How many records were called durable before an event.
    fn floor_at(&self, event: usize) -> Option<u64> {
        self.floors.iter().rev().find(|(told, _)| *told < event).map(|(_, floor)| *floor)
    }
}
