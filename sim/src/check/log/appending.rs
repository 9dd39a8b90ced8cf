//! What an append was told: its number, or that it is not there, or nothing that one could rely on.
//!
//! A number must be dense, fit the order of real time, and never have named other bytes. Where reads have taken a record for that
//! of an append with the same bytes, the numbers that are told later put that right.

use super::{Append, Exposure, Fate, Log, Slot};
use crate::check::{Breach, Exchange, Fence, Findings};
use crate::history::{Span, Told};
use asl_host::{Durability, ErrorKind};
use std::cmp::Reverse;

impl Log<'_> {
    pub(super) fn append_told(
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
            // It may have come as far as the medium before the fence did.
            Told::Failed { kind: ErrorKind::ConcurrentModification, .. }
                if exchange.fence == Fence::Closing =>
            {
                self.appends[own].fate = Fate::Doubt(exchange.told_at);
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

    /// An append was let through that should have been refused: it may be there or not.
    pub(in crate::check) fn in_doubt(&mut self, asked_at: usize, since: usize) {
        self.set_fate(asked_at, Fate::Doubt(since));
    }

    /// An append that must never show.
    pub(in crate::check) fn never_there(&mut self, asked_at: usize) {
        self.set_fate(asked_at, Fate::Absent);
    }

    fn set_fate(&mut self, asked_at: usize, fate: Fate) {
        if let Some(append) = self.appends.iter_mut().find(|append| append.asked_at == asked_at) {
            append.fate = fate;
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
        // A later open, which fenced its handle off, need not have found it.
        let may_be_gone = exposure == Exposure::None && append.asked_at < self.opened_at;
        let uncertain_since = uncertain_since.or(may_be_gone.then_some(self.opened_at));
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

    pub(super) fn judge_reuse(&self, seq: u64, data: Span, at: usize, out: &mut Findings) {
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
        // As in a read: the one with the least room goes first.
        let may_be = |index: &usize| {
            let append = &self.appends[*index];
            // One that a read settled as absent was not, if that read, or an earlier one, showed this record as `own`'s.
            let settled_wrongly = matches!(append.fate, Fate::Settled(by) if by >= shown_at);
            let may_be = append.may_show() || settled_wrongly;
            *index != own && may_be && append.after < elsewhere && self.bytes(append.data) == bytes
        };
        let heirs = (0..self.appends.len()).filter(may_be);
        let heir = heirs.min_by_key(|&index| Reverse(self.appends[index].after));
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
}
