//! What a mismatch between a log and its model is called: the breaches that the log's invariants tell apart.

use super::{Append, Exposure, Fate, Log, Slot};
use crate::check::{Breach, Circumstances, Findings};
use crate::history::{Span, operations_in};

impl Log<'_> {
    /// A record that may not stand at its number.
    pub(super) fn name_wrong(
        &mut self,
        seq: u64,
        data: Span,
        slot: Option<Slot>,
        at: usize,
        out: &mut Findings,
    ) {
        let bytes = self.bytes(data);
        let same = self
            .appends
            .iter()
            .find(|append| append.unique && self.bytes(append.data) == bytes)
            .map(|append| (append.fate, append.after));
        // Its own record may be lost, but not from before others.
        let unexposed = slot.is_some_and(|slot| slot.exposure == Exposure::None);
        if let Some((fate, after)) = same {
            let (breach, text) = match fate {
                Fate::Acked(own) | Fate::Shown(own) if slot.is_some() && own > seq => {
                    (Breach::Hole, format!("number {seq} is missing: record {own} stands in its place"))
                }
                Fate::Open | Fate::Doubt(_) if unexposed && after >= seq => (
                    Breach::Hole,
                    format!("number {seq} is missing: a later append's record stands in its place"),
                ),
                Fate::Acked(own) | Fate::Shown(own) if self.known(own) == Some(bytes) => {
                    (Breach::Duplicate, format!("the record of number {own} stands at number {seq} too"))
                }
                Fate::Acked(own) | Fate::Shown(own) => {
                    (Breach::NumberReused, format!("the record of number {own} stands at number {seq} now"))
                }
                Fate::Open | Fate::Doubt(_) if slot.is_none() => (
                    Breach::OutOfOrder,
                    format!(
                        "an append that was in doubt has number {seq}, and began after number {after} was known"
                    ),
                ),
                Fate::Absent | Fate::Settled(_) if slot.is_none() => {
                    (Breach::Phantom, format!("the record at number {seq} was settled as absent before"))
                }
                Fate::Lost if slot.is_none() => {
                    (Breach::Phantom, format!("the record at number {seq} was lost before, and is back"))
                }
                _ => (Breach::NumberReused, format!("number {seq} names another record than it did")),
            };
            return out.broken(breach, at, text);
        }
        if let Some(old) = self.destroyed.iter().find(|old| self.bytes(old.data) == bytes) {
            let (breach, of) = if old.was_known {
                (Breach::DestroyedCameBack, "is of a store that was destroyed")
            } else {
                (
                    Breach::Phantom,
                    "was sent to a store that was destroyed, and nobody was told that it was there",
                )
            };
            return out.broken(breach, at, format!("record {seq} {of}"));
        }
        if self.appends.iter().any(|append| self.bytes(append.data) == bytes) {
            let (breach, text) = if self.is_there_too_often(seq, bytes, slot.is_some()) {
                (
                    Breach::Duplicate,
                    format!("record {seq} is whole, and is there more often than it was appended"),
                )
            } else {
                (Breach::NumberReused, format!("number {seq} names a record that had another number"))
            };
            return out.broken(breach, at, text);
        }
        let pieces = operations_in(bytes);
        let expected_len = match slot {
            Some(_) => true,
            None => self
                .appends
                .iter()
                .any(|append| append.may_show() && !bytes.is_empty() && append.data.len() == bytes.len()),
        };
        if !pieces.is_empty() || expected_len {
            let of = if pieces.is_empty() {
                "none of its bytes is an append's".to_owned()
            } else {
                format!("it holds bytes of operation {pieces:?}")
            };
            out.broken(
                Breach::Torn,
                at,
                format!("record {seq} ({} bytes) is no record that was appended: {of}", bytes.len()),
            );
        } else {
            out.broken(
                Breach::Phantom,
                at,
                format!("record {seq} ({} bytes) was never appended", bytes.len()),
            );
        }
    }

    /// Whether a record with these bytes, which are not unique, stands up to this number more often than it can have been appended there.
    /// Where the number was another's, one that was settled as absent may have come late.
    fn is_there_too_often(&self, seq: u64, bytes: &[u8], or_late: bool) -> bool {
        let stands = (1..seq).filter(|&other| self.known(other) == Some(bytes)).count() + 1;
        let may_stand = |append: &&Append| {
            let may_be_there = match append.fate {
                Fate::Acked(own) | Fate::Shown(own) => own <= seq,
                Fate::Open | Fate::Doubt(_) => true,
                Fate::Absent | Fate::Settled(_) | Fate::Lost => or_late,
            };
            may_be_there && self.bytes(append.data) == bytes
        };
        stands > self.appends.iter().filter(may_stand).count()
    }

    /// A record that must be there and is not.
    pub(super) fn name_loss(
        &self,
        seq: u64,
        last: u64,
        slot: Slot,
        at: usize,
        now: &Circumstances,
        out: &mut Findings,
    ) {
        let (breach, why) = match slot.exposure {
            Exposure::Shown => (Breach::ShownLost, "was shown by a read"),
            Exposure::Covered => (Breach::AckedLost, "was covered by a flush or a snapshot"),
            _ => (Breach::AckedLost, "was acknowledged"),
        };
        let text = format!("record {seq} {why}, and the log ends at {last}");
        out.broken(breach, at, text.clone());
        if slot.closed {
            out.broken(Breach::LostAfterClose, at, format!("the store was closed in good order, but {text}"));
        }
        if self.since_read.reopened && !self.since_read.crashed {
            out.broken(Breach::LostByReopening, at, format!("closing and opening changed the log: {text}"));
        }
        if self.since_read.crashed_in_recovery {
            out.broken(
                Breach::LostAfterCrashInRecovery,
                at,
                format!("after a crash inside recovery, {text}"),
            );
        }
        if now.was_ever_full {
            out.broken(Breach::LostAfterFull, at, format!("space had run out, and {text}"));
        }
    }
}
