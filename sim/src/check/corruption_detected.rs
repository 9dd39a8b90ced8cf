//! `corruption-detected`: damaged media never give wrong bytes, and never silently fewer records than evidence covers
//!
//! Source: C10.2, C10.3 (docs/spec/contract.md); ASL-HOST sections 1 and 6.
//!
//! Broken by a record, a sealed block or a snapshot that reads as other bytes than were written, whatever the medium did; and
//! by a log that ends, without an error, before a record that was acknowledged when a later one, or a snapshot, was begun
//! which is still on the medium: that is the evidence.
//!
//! Damage to the last sync batch looks exactly like a torn write: a record that no later one covers may be gone. The same is true
//! of a sector that a loss of power tears inside (a shorn write): whatever stands in it, in the version that was in flight or in
//! an earlier one, counts as hit, since a host may check a sector as a whole. What it acknowledges afterwards is evidence again:
//! the shorn sector was never called durable.
//!
//! A later record is no evidence if the damage hit it as well, or a record that may have been written together with it, because
//! neither was durable when the other was appended; if it could not be recognised on the medium (where nobody can tell
//! whether it was hit); or if it was acknowledged after a write or flush that the medium lied about. A snapshot is none if
//! anything but a record's own bytes was hit.
//!
//! Not checked: silent loss of the last sync batch, of blocks and snapshots, and of anything after a lie of the medium; other
//! stores than the main one; clock and identity

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "corruption-detected",
    sentence: "damaged media never give wrong bytes, and never silently fewer records than evidence covers",
    sources: &["C10.2", "C10.3"],
    not_checked: "silent loss of the last sync batch, of blocks and snapshots, and of anything after a lie of the \
                  medium; other stores than the main one; clock and identity",
    applies: super::always,
    breaches: &[Breach::WrongBytes, Breach::SilentLoss],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{MAIN, Story, failed};
    use crate::history::Site;
    use crate::history::{Ask, Event, Hit, Told};
    use crate::history::{FaultClass, FaultKind};
    use asl_host::ErrorKind;

    fn media() -> Story {
        let mut story = Story::new();
        story.history.class = FaultClass::Media;
        story
    }

    fn damage(story: &mut Story, kind: FaultKind, hit: Hit) {
        story.history.push(Event::Damage { site: Site::Op(9), kind, hit });
    }

    /// Damage at the bytes of these operations; if there are none, at something else. The first ten are on the medium.
    fn at(hit: &[u32]) -> Hit {
        Hit { operations: hit.to_vec(), others: hit.is_empty(), visible: (1..=10).collect() }
    }

    /// Records 1 to 3, and damage that hits these operations.
    fn three_damaged(hit: &[u32]) -> Story {
        let mut story = media();
        story.append(1, 1).append(2, 2).append(3, 3);
        damage(&mut story, FaultKind::BitRot, at(hit));
        story
    }

    #[test]
    fn a_damaged_record_in_the_middle_is_not_the_end_of_the_log() {
        three_damaged(&[2]).crash().open().read(&[1]).breaks("corruption-detected");
    }

    #[test]
    fn a_damaged_record_may_be_told_as_an_error() {
        let mut story = three_damaged(&[2]);
        story.crash();
        story
            .ask(Ask::Open { place: MAIN, second: false }, failed(ErrorKind::Corrupt))
            .keeps("corruption-detected");
    }

    #[test]
    fn damage_to_the_last_record_looks_like_a_torn_write() {
        three_damaged(&[3]).crash().open().read(&[1, 2]).keeps("corruption-detected");
        three_damaged(&[2, 3]).crash().open().read(&[1]).keeps("corruption-detected");
    }

    #[test]
    fn a_snapshot_is_evidence_of_the_records_that_it_holds() {
        let shows_two = |deleted: bool, hit: &[u32]| {
            let mut story = media();
            story.append(1, 1).append(2, 2).append(3, 3);
            let snapshot = story.history.intern("snapshot");
            story.ask(Ask::CreateSnapshot, Told::Named(snapshot));
            if deleted {
                story.ask(Ask::DeleteSnapshot { snapshot }, Told::Done);
            }
            damage(&mut story, FaultKind::BitRot, at(hit));
            story.crash().open().read(&[1, 2]);
            story
        };
        shows_two(false, &[3]).breaks("corruption-detected");
        shows_two(true, &[3]).keeps("corruption-detected");
        shows_two(false, &[]).keeps("corruption-detected");
    }

    #[test]
    fn of_records_that_were_appended_at_once_one_is_no_evidence_of_the_other() {
        let mut story = media();
        let (first, second) = (story.begin_append(0, 1), story.begin_append(1, 2));
        story.tell(first, Told::Seq(1)).tell(second, Told::Seq(2));
        damage(&mut story, FaultKind::BitRot, at(&[1]));
        story.crash().open().read(&[]).keeps("corruption-detected");
    }

    #[test]
    fn what_one_flush_made_durable_may_share_a_checksum() {
        // A host that writes what it buffered as one batch, at a close, was told that record 3 is evidence of record 1, though
        // the damage to record 2 had made the whole batch unreadable.
        let lost = |flushed_between: bool| {
            let mut story = Story::on_flush();
            story.history.class = FaultClass::Media;
            story.append(1, 1).ask(Ask::Flush { place: MAIN }, Told::Seq(1)).append(2, 2);
            if flushed_between {
                story.ask(Ask::Flush { place: MAIN }, Told::Seq(2));
            }
            story.append(3, 3).ask(Ask::Close { place: MAIN }, Told::Done);
            damage(&mut story, FaultKind::MisdirectedRead, at(&[1, 2]));
            story.crash().open().read(&[]);
            story
        };
        lost(false).keeps("corruption-detected");
        lost(true).breaks("corruption-detected");
    }

    #[test]
    fn wrong_bytes_are_never_excused() {
        three_damaged(&[3]).crash().open().read(&[1, 2, 7]).breaks("corruption-detected");
        three_damaged(&[3]).crash().open().read(&[1, 3]).breaks("corruption-detected");
        three_damaged(&[]).read(&[1, 2, 3]).keeps("corruption-detected");
    }

    #[test]
    fn what_was_lost_with_the_last_batch_may_be_replaced() {
        let mut story = three_damaged(&[3]);
        story.crash().open().read(&[1, 2]).append(4, 3).read(&[1, 2, 4]).keeps("corruption-detected");
        story.read(&[1, 2, 3]).breaks("corruption-detected");
    }

    #[test]
    fn a_record_in_doubt_may_be_there_or_not() {
        let mut story = three_damaged(&[]);
        story.append_in_doubt(4).crash().open().read(&[1, 2, 3, 4]).keeps("corruption-detected");
        let mut story = three_damaged(&[]);
        story.append_in_doubt(4).crash().open().read(&[1, 2, 3]).keeps("corruption-detected");
    }

    #[test]
    fn after_a_lie_nothing_new_is_evidence_and_what_was_before_still_is() {
        let mut story = media();
        story.append(1, 1).append(2, 2).append(3, 3);
        damage(&mut story, FaultKind::LyingFlush, at(&[]));
        story.append(4, 4).append(5, 5);
        story.crash().open().read(&[1, 2, 3]).keeps("corruption-detected");
        let mut story = media();
        story.append(1, 1).append(2, 2).append(3, 3);
        damage(&mut story, FaultKind::PhantomWrite, at(&[]));
        story.append(4, 4).crash().open().read(&[1]).breaks("corruption-detected");
    }

    #[test]
    fn of_a_host_that_is_durable_on_flush_only_what_was_flushed_is_missed() {
        let ends_at_one = |flushed: bool| {
            let mut story = Story::on_flush();
            story.history.class = FaultClass::Media;
            story.append(1, 1).append(2, 2);
            if flushed {
                story.ask(Ask::Flush { place: MAIN }, Told::Seq(2));
            }
            story.append(3, 3);
            if flushed {
                story.ask(Ask::Flush { place: MAIN }, Told::Seq(3));
            }
            damage(&mut story, FaultKind::BitRot, at(&[2]));
            story.crash().open().read(&[1]);
            story
        };
        ends_at_one(false).keeps("corruption-detected");
        ends_at_one(true).breaks("corruption-detected");
    }

    #[test]
    fn where_records_cannot_be_recognised_nothing_is_evidence() {
        let mut story = media();
        story.append(1, 1).append(2, 2).append(3, 3);
        damage(&mut story, FaultKind::BitRot, Hit { others: true, ..Hit::default() });
        story.crash().open().read(&[1]).keeps("corruption-detected");
    }

    #[test]
    fn an_unreadable_sector_is_an_io_error_and_nothing_else() {
        let told = |kind| {
            let mut story = media();
            story.append(1, 1);
            damage(&mut story, FaultKind::LatentError, at(&[1]));
            story.crash();
            story.ask(Ask::Open { place: MAIN, second: false }, failed(kind));
            story
        };
        told(ErrorKind::Io).keeps("error-honest");
        told(ErrorKind::Corrupt).breaks("error-honest");
        told(ErrorKind::NotFound).breaks("error-honest");
    }

    #[test]
    fn a_store_is_absent_only_where_nothing_gives_it_away() {
        // The one sector that told of an empty store's creation was hit: it looked like a creation that had been cut off.
        let absent = |records: u32| {
            let mut story = media();
            for op in 1..=records {
                story.append(op, u64::from(op));
            }
            damage(&mut story, FaultKind::MisdirectedRead, at(&[1]));
            story.crash();
            story.ask(Ask::Open { place: MAIN, second: false }, failed(ErrorKind::NotFound));
            story
        };
        absent(0).keeps("error-honest");
        absent(2).breaks("error-honest");
    }

    #[test]
    fn an_unflushed_record_is_no_evidence_since_it_may_be_gone_itself() {
        let lost = |flushed: bool| {
            let mut story = Story::on_flush();
            story.history.class = FaultClass::Media;
            story.append(1, 1).ask(Ask::Flush { place: MAIN }, Told::Seq(1)).append(2, 2);
            if flushed {
                story.ask(Ask::Flush { place: MAIN }, Told::Seq(2));
            }
            damage(&mut story, FaultKind::BitRot, at(&[1]));
            story.crash().open().read(&[]);
            story
        };
        lost(false).keeps("corruption-detected");
        lost(true).breaks("corruption-detected");
    }

    #[test]
    fn what_was_lost_unflushed_and_not_read_since_is_not_covered_by_a_later_flush() {
        // A read after the first crash failed, so that nobody was told that record 2 was gone.
        let reused = |until: u64| {
            let mut story = Story::on_flush();
            story.history.class = FaultClass::Media;
            story.append(1, 1).append(2, 2).append(3, 3).crash();
            damage(&mut story, FaultKind::BitRot, at(&[9]));
            story.open().append(4, 2).ask(Ask::Flush { place: MAIN }, Told::Seq(2)).append(5, 3);
            story.ask(Ask::Flush { place: MAIN }, Told::Seq(3)).crash().open();
            story.read(&[1, 4, 5][..until as usize]);
            story
        };
        reused(3).keeps("corruption-detected");
        reused(1).breaks("corruption-detected");
    }

    #[test]
    fn what_an_open_may_have_lost_without_a_word_is_not_covered_by_a_later_snapshot() {
        // The last record rotted, and an open took it for a torn one, as it may. Before anybody had read that, a snapshot was made, and
        // was taken to be evidence of the record.
        let reused = |seen: bool| {
            let mut story = three_damaged(&[3]);
            story.crash().open();
            if seen {
                story.read(&[1, 2, 3]);
            }
            story.snapshot("s");
            story.append(4, 3);
            story
        };
        reused(false).keeps("corruption-detected");
        reused(true).breaks("corruption-detected");
    }

    #[test]
    fn a_read_that_shows_nothing_tells_of_no_record_before_it() {
        // A read from behind the end was taken to say that everything before it was there, and a snapshot to cover it.
        let mut story = Story::on_flush();
        story.history.class = FaultClass::Media;
        story.append(1, 1).ask(Ask::Flush { place: MAIN }, Told::Seq(1)).append(2, 2).crash();
        damage(&mut story, FaultKind::LatentError, at(&[1]));
        story.open().ask(Ask::Read { place: MAIN, from: 3, limit: 0 }, Told::Records(Vec::new()));
        story.snapshot("s");
        story.append(3, 2).keeps("corruption-detected");
    }
}
