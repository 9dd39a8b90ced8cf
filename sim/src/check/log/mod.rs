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
//! Records that are not unique (see [`crate::scenario::payload`]) are told apart by place and number only.

mod names;

use super::{Breach, Circumstances, Exchange, Findings};
use crate::history::{Ask, History, Span, Told};
use asl_host::{Durability, ErrorKind};
use std::cmp::Reverse;

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
    destroyed: Vec<Span>,
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
        let old = self.appends.drain(..).filter(|append| append.unique).map(|append| append.data);
        self.destroyed.extend(old);
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

    fn append_told(
        &mut self,
        exchange: &Exchange<'_>,
        expected: Option<u64>,
        told: &Told,
        out: &mut Findings,
    ) {
        let Some(own) = self.appends.iter().position(|append| append.asked_at == exchange.asked_at) else {
            return;
        };
        match told {
            Told::Seq(seq) => {
                if let Some(expected) = expected {
                    out.expect(*seq == expected, Breach::WrongAnswer, exchange.told_at, || {
                        format!("append_if expected number {expected} and was given {seq}")
                    });
                }
                self.acked(own, *seq, exchange, out);
            }
            // The host says that it did nothing.
            Told::Failed {
                kind:
                    ErrorKind::ConcurrentModification
                    | ErrorKind::TooLarge
                    | ErrorKind::ReadOnly
                    | ErrorKind::Unsupported,
                ..
            } => self.appends[own].fate = Fate::Absent,
            _ => self.appends[own].fate = Fate::Doubt(exchange.told_at),
        }
    }

    fn acked(&mut self, own: usize, seq: u64, exchange: &Exchange<'_>, out: &mut Findings) {
        let at = exchange.told_at;
        if seq > 0 && self.appends[own].asked_at > self.opened_at {
            self.forget_uncertain(seq);
        }
        let append = self.appends[own];
        self.judge_order(&append, seq, at, out);
        out.looked(Breach::NotDense);
        // A record that a read showed as this append's is another's if this one has another number: one more than is known.
        let another = u64::from(matches!(append.fate, Fate::Shown(elsewhere) if elsewhere != seq));
        let most = self.most() + another;
        if seq == 0 || seq > most {
            out.broken(
                Breach::NotDense,
                at,
                format!("an append was given number {seq}, and there can be no more than {most} records"),
            );
            self.appends[own].fate = Fate::Lost;
            return;
        }
        self.judge_reuse(seq, append.data, at, out);
        match self.slot(seq).copied() {
            Some(slot) if self.bytes(slot.data) != self.bytes(append.data) => {
                out.broken(
                    Breach::NumberReused,
                    at,
                    format!("number {seq} was given to two different records"),
                );
            }
            // Found by a read before it was acknowledged; or taken for another with the same bytes.
            Some(Slot { owner: Some(other), .. }) if other != own => self.pass_on(other, own, seq, at, out),
            _ => {}
        }
        if let Fate::Shown(elsewhere) = self.appends[own].fate
            && elsewhere != seq
        {
            self.pass_on_place(own, elsewhere, seq, at, out);
        }
        let since = self.slot(seq).map_or(at, |slot| slot.since);
        let uncertain_since = self.slot(seq).and_then(|slot| slot.uncertain_since);
        let exposure = match self.history.capabilities.durability {
            Durability::OnAppend => Exposure::Acked,
            Durability::OnFlush => Exposure::None,
        };
        self.appends[own].fate = Fate::Acked(seq);
        self.set_slot(
            seq,
            Slot { data: append.data, exposure, closed: false, owner: Some(own), since, uncertain_since },
        );
    }

    fn judge_order(&self, append: &Append, seq: u64, at: usize, out: &mut Findings) {
        out.looked(Breach::NotIncreasing);
        out.looked(Breach::OutOfOrder);
        if seq > append.after {
            if let Some(floor) = self.floor_at(append.asked_at).filter(|&floor| floor >= seq) {
                let text = format!(
                    "{floor} records were called durable before an append began that was given number {seq}"
                );
                out.broken(Breach::CalledDurable, at, text);
            }
            return;
        }
        let own_earlier = self.appends.iter().any(|other| {
            other.client == append.client && matches!(other.fate, Fate::Acked(before) if before >= seq)
        });
        let after = append.after;
        if own_earlier {
            out.broken(
                Breach::NotIncreasing,
                at,
                format!(
                    "an append was given number {seq}, and the client's own earlier one a number not below it"
                ),
            );
        } else {
            out.broken(
                Breach::OutOfOrder,
                at,
                format!("an append was given number {seq}, and number {after} was known before it began"),
            );
        }
    }

    fn judge_reuse(&self, seq: u64, data: Span, at: usize, out: &mut Findings) {
        out.looked(Breach::NumberReused);
        if self.former.iter().any(|&(former, bytes)| former == seq && self.bytes(bytes) != self.bytes(data)) {
            out.broken(
                Breach::NumberReused,
                at,
                format!("number {seq} names another record than it did when it was exposed"),
            );
        }
    }

    /// `other` was taken for the record of a number that turns out to be `own`'s; both have the same bytes.
    fn pass_on(&mut self, other: usize, own: usize, seq: u64, at: usize, out: &mut Findings) {
        match self.appends[other].fate {
            Fate::Shown(_) => self.appends[other].fate = Fate::Doubt(self.appends[other].asked_at),
            Fate::Acked(_) => {
                out.broken(Breach::NumberReused, at, format!("number {seq} was given to two appends"));
            }
            _ => {}
        }
        debug_assert_ne!(other, own);
    }

    /// `own` was taken for the record at `elsewhere`, but has another number: somebody else must be there.
    fn pass_on_place(&mut self, own: usize, elsewhere: u64, seq: u64, at: usize, out: &mut Findings) {
        let bytes = self.bytes(self.appends[own].data);
        let shown_at = self.slot(elsewhere).map_or(at, |slot| slot.since);
        let heir = (0..self.appends.len()).find(|&index| {
            let append = &self.appends[index];
            // One that a read settled as absent was not, if that read, or an earlier one, showed this record as `own`'s.
            let settled_wrongly = matches!(append.fate, Fate::Settled(by) if by >= shown_at);
            let may_be = append.may_show() || settled_wrongly;
            index != own && may_be && append.after < elsewhere && self.bytes(append.data) == bytes
        });
        match heir {
            Some(heir) => {
                self.appends[heir].fate = Fate::Shown(elsewhere);
                if let Some(Some(slot)) = self.slots.get_mut(elsewhere as usize - 1) {
                    slot.owner = Some(heir);
                }
            }
            None => {
                out.broken(
                    Breach::Duplicate,
                    at,
                    format!("the same append has the numbers {elsewhere} and {seq}"),
                );
            }
        }
    }

    fn read_told(
        &mut self,
        from: u64,
        limit: u64,
        records: &[(u64, Span)],
        exchange: &Exchange<'_>,
        now: &Circumstances,
        out: &mut Findings,
    ) {
        let at = exchange.told_at;
        if std::mem::take(&mut self.maybe_replaced) && records.is_empty() {
            self.new_generation();
        }
        let from = from.max(1);
        let mut next = from;
        for &(seq, data) in records {
            out.looked(Breach::Hole);
            if seq < next {
                out.broken(
                    Breach::NotIncreasing,
                    at,
                    format!("a read shows number {seq} after number {}", next - 1),
                );
                return;
            }
            if seq > next {
                out.broken(Breach::Hole, at, format!("a read shows number {seq} after number {}", next - 1));
            }
            self.shown(seq, data, exchange, out);
            next = seq + 1;
        }
        let reached_end = limit == 0 || (records.len() as u64) < limit;
        if !reached_end {
            return;
        }
        let last = next - 1;
        self.judge_missing(from, last, exchange, now, out);
        self.settle(from, exchange.asked_at, exchange.told_at);
        if from == 1 {
            self.since_read = SinceRead::default();
        }
    }

    /// What was in doubt before the read, could have stood where it looked and was not shown is absent for ever.
    fn settle(&mut self, from: u64, asked_at: usize, told_at: usize) {
        for append in &mut self.appends {
            if from <= append.after + 1 && matches!(append.fate, Fate::Doubt(since) if since < asked_at) {
                append.fate = Fate::Settled(told_at);
            }
        }
    }

    /// One record of a read.
    fn shown(&mut self, seq: u64, data: Span, exchange: &Exchange<'_>, out: &mut Findings) {
        out.looked(Breach::Torn);
        out.looked(Breach::Phantom);
        out.looked(Breach::Duplicate);
        let bytes = self.bytes(data);
        let recovered = exchange.told_at;
        if let Some(slot) = self.slot(seq).copied() {
            let newcomer = slot.is_uncertain() && self.is_newcomer(bytes, &slot);
            if slot.data == data || self.bytes(slot.data) == bytes {
                // Where a record that was begun since has the same bytes, it may be that one.
                if !newcomer {
                    self.shown_again(seq);
                }
                return;
            }
            if !newcomer {
                return self.wrong(seq, data, Some(slot), recovered, out);
            }
            self.forget_uncertain(seq);
        }
        let matching = self.find_doubtful(seq, bytes);
        match matching {
            Some(index) => {
                self.judge_reuse(seq, data, recovered, out);
                self.appends[index].fate = Fate::Shown(seq);
                let slot = Slot {
                    data: self.appends[index].data,
                    exposure: self.exposure_by_reading(index),
                    closed: false,
                    owner: Some(index),
                    since: exchange.told_at,
                    uncertain_since: None,
                };
                self.set_slot(seq, slot);
            }
            None => self.wrong(seq, data, None, recovered, out),
        }
    }

    /// Whether an append that was begun since the open at which a record may have gone has these bytes and may be what a read
    /// shows in its place.
    fn is_newcomer(&self, bytes: &[u8], slot: &Slot) -> bool {
        let since = slot.uncertain_since.unwrap_or(self.opened_at);
        self.appends
            .iter()
            .any(|append| append.may_show() && append.asked_at > since && self.bytes(append.data) == bytes)
    }

    /// A read shows a record that is known already: if an open found it, it was made durable then.
    fn shown_again(&mut self, seq: u64) {
        let opened_at = self.opened_at;
        if let Some(Some(slot)) = self.slots.get_mut(seq as usize - 1)
            && slot.exposure == Exposure::None
            && slot.since < opened_at
        {
            slot.exposure = Exposure::Shown;
        }
    }

    /// What a read that shows an append which was in doubt makes of its number.
    fn exposure_by_reading(&self, append: usize) -> Exposure {
        let on_flush = self.history.capabilities.durability == Durability::OnFlush;
        if on_flush && self.appends[append].asked_at > self.opened_at {
            return Exposure::None;
        }
        Exposure::Shown
    }

    /// An append that is in doubt, has these bytes, and may have this number.
    fn find_doubtful(&self, seq: u64, bytes: &[u8]) -> Option<usize> {
        // Among appends with the same bytes, the one with the least room goes first: what is left can stand wherever it could.
        self.appends
            .iter()
            .enumerate()
            .filter(|(_, append)| append.may_show() && append.after < seq && self.bytes(append.data) == bytes)
            .min_by_key(|(_, append)| Reverse(append.after))
            .map(|(index, _)| index)
    }

    /// Notes what is wrong with a record that the contract does not allow at this number, and goes on from what is there:
    /// one wrong record is not to make everything after it wrong.
    fn wrong(&mut self, seq: u64, data: Span, slot: Option<Slot>, at: usize, out: &mut Findings) {
        self.name_wrong(seq, data, slot, at, out);
        let exposure = slot.map_or(Exposure::None, |slot| slot.exposure);
        self.set_slot(
            seq,
            Slot { data, exposure, closed: false, owner: None, since: at, uncertain_since: None },
        );
    }

    /// Everything exposed from `from` on that a read which ends at `last` does not show.
    fn judge_missing(
        &mut self,
        from: u64,
        last: u64,
        exchange: &Exchange<'_>,
        now: &Circumstances,
        out: &mut Findings,
    ) {
        self.look_for_losses(now, out);
        let mut missing = None;
        for seq in last.max(from - 1) + 1..=self.last() {
            let Some(slot) = self.slot(seq).copied() else { continue };
            // Known only since the read began: it need not have seen it.
            if slot.since > exchange.asked_at {
                continue;
            }
            if !slot.is_uncertain() {
                missing = missing.or(Some((seq, slot)));
            }
            if let Some(owner) = slot.owner {
                self.appends[owner].fate = Fate::Lost;
            }
            if slot.exposure != Exposure::None {
                self.former.push((seq, slot.data));
            }
            self.slots[seq as usize - 1] = None;
        }
        self.trim();
        let at = exchange.told_at;
        let floor = self.floor_at(exchange.asked_at).filter(|&floor| from <= floor && last < floor);
        if let Some((seq, slot)) = missing {
            self.name_loss(seq, last, slot, at, now, out);
        } else if let Some(floor) = floor {
            let text = format!("{floor} records were called durable, and the log ends at {last}");
            out.broken(Breach::CalledDurable, at, text);
        }
        if missing.is_some() || floor.is_some() {
            // It was said once: what follows is judged from what is there.
            let end = last.max(from - 1);
            self.floors.retain(|&(_, floor)| floor <= end);
        }
    }

    /// Which losses a read that reaches the end could have shown.
    fn look_for_losses(&self, now: &Circumstances, out: &mut Findings) {
        for breach in [Breach::AckedLost, Breach::ShownLost] {
            out.looked(breach);
        }
        if self.since_read.crashed_in_recovery {
            out.looked(Breach::LostAfterCrashInRecovery);
        }
        if self.since_read.reopened && !self.since_read.crashed {
            out.looked(Breach::LostByReopening);
        }
        if now.was_ever_full {
            out.looked(Breach::LostAfterFull);
        }
        if self.slots.iter().flatten().any(|slot| slot.closed) {
            out.looked(Breach::LostAfterClose);
        }
    }

    /// How many records were called durable before an event.
    fn floor_at(&self, event: usize) -> Option<u64> {
        self.floors.iter().rev().find(|(told, _)| *told < event).map(|(_, floor)| *floor)
    }
}
