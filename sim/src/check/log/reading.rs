//! What a read showed: known records, records that were in doubt, and what is missing at the end.
//!
//! A read that reaches the end settles what was in doubt before it. What it makes of a record that may stand nowhere is named in
//! `names`.

use super::{Exposure, Fate, Log, SinceRead, Slot};
use crate::check::{Breach, Circumstances, Exchange, Findings};
use crate::history::Span;
use asl_host::Durability;
use std::cmp::Reverse;

impl Log<'_> {
    pub(super) fn read_told(
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
}
