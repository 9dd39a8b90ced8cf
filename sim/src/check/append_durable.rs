//! `append-durable`: what must survive survives every crash
//!
//! Source: C2.20, C3.2, C3.3, C3.4, C3.5, C3.6, C3.19, C6.10 (docs/spec/contract.md); ASL-HOST sections 3.3, 4 and 6.
//!
//! Everything acknowledged (by a host that is durable on append), or covered by a flush, a snapshot or what was
//! called durable, is in the log after every crash, and in every read that begins after it.
//!
//! Not checked: records that nobody was told of

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "append-durable",
    sentence: "what must survive survives every crash",
    sources: &["C2.20", "C3.2", "C3.3", "C3.4", "C3.5", "C3.6", "C3.19", "C6.10"],
    not_checked: "records that nobody was told of",
    applies: super::always,
    breaches: &[Breach::AckedLost, Breach::CalledDurable],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{MAIN, Story, failed};
    use crate::history::{Ask, Told};
    use asl_host::ErrorKind;

    const FLUSH: Ask = Ask::Flush { place: MAIN };

    #[test]
    fn acknowledged_records_survive() {
        Story::new().append(1, 1).append(2, 2).crash_and_open().read(&[1, 2]).keeps("append-durable");
        Story::new().append(1, 1).append(2, 2).crash_and_open().read(&[1]).breaks("append-durable");
        Story::new().append(1, 1).crash_and_open().read(&[]).breaks("append-durable");
    }

    #[test]
    fn an_unflushed_record_of_a_host_that_flushes_may_go_with_all_that_follow_it() {
        Story::on_flush().append(1, 1).append(2, 2).crash_and_open().read(&[1]).keeps("append-durable");
        let mut story = Story::on_flush();
        story.append(1, 1).ask(FLUSH, Told::Seq(1)).append(2, 2).crash_and_open().read(&[]);
        story.breaks("append-durable");
    }

    #[test]
    fn an_append_that_a_flush_did_not_wait_for_is_not_covered() {
        let mut story = Story::on_flush();
        let flushing = story.begin(1, FLUSH);
        story.append(1, 1).tell(flushing, Told::Seq(0)).crash_and_open().read(&[]).keeps("append-durable");
    }

    #[test]
    fn a_lost_unflushed_number_may_be_used_again() {
        let mut story = Story::on_flush();
        story.append(1, 1).append(2, 2).crash_and_open().read(&[1]).append(3, 2).read(&[1, 3]);
        story.keeps("append-durable");
    }

    #[test]
    fn a_lost_unflushed_number_may_be_used_again_by_an_append_that_a_second_crash_cut_off() {
        // After the first crash no read came through, so that nobody was told that record 2 was gone; an append took its number
        // and was in doubt at the second crash. The record that it left was called another's.
        let mut story = Story::on_flush();
        story.append(1, 1).append(2, 2).crash_and_open();
        story.begin_append(1, 3);
        story.crash_and_open().read(&[1, 3]).crash_and_open().read(&[1, 3]).keeps("log-prefix");
        story.crash_and_open().read(&[1]).breaks("read-stable");
        // But one that was begun before the record could be lost stands behind it.
        let mut story = Story::on_flush();
        story.append(1, 1).append(2, 2);
        story.begin_append(1, 3);
        story.crash_and_open().read(&[1, 3]).breaks("log-prefix");
    }

    #[test]
    fn what_is_called_durable_is_there() {
        let mut story = Story::on_flush();
        story.append(1, 1).ask(Ask::DurableUpto { place: MAIN }, Told::Seq(1)).crash_and_open().read(&[]);
        story.breaks("append-durable");
        let mut story = Story::new();
        story.append(1, 1).ask(Ask::DurableUpto { place: MAIN }, Told::Seq(2)).breaks("append-durable");
        let mut story = Story::on_flush();
        story.append(1, 1).append(2, 2).ask(FLUSH, Told::Seq(1)).breaks("append-durable");
        let mut story = Story::on_flush();
        story
            .append_in_doubt(1)
            .ask(Ask::DurableUpto { place: MAIN }, Told::Seq(1))
            .crash_and_open()
            .read(&[]);
        story.breaks("append-durable");
    }

    #[test]
    fn a_snapshot_covers_what_was_acknowledged_before_it() {
        let mut story = Story::on_flush();
        story.append(1, 1).snapshot("s");
        story.crash_and_open().read(&[]).breaks("append-durable");
    }

    #[test]
    fn a_read_shows_what_was_acknowledged_before_it_began_and_need_not_show_more() {
        Story::new().append(1, 1).append(2, 2).read(&[1]).breaks("append-durable");
        let mut story = Story::new();
        let reading = story.begin(1, Ask::Read { place: MAIN, from: 1, limit: 0 });
        story.append(1, 1).tell(reading, Told::Records(Vec::new())).keeps("append-durable");
    }

    #[test]
    fn a_read_with_a_limit_says_nothing_of_what_follows() {
        let mut story = Story::new();
        story.append(1, 1).append(2, 2);
        let records = vec![(1, story.payload(1))];
        story.ask(Ask::Read { place: MAIN, from: 1, limit: 1 }, Told::Records(records)).keeps("log-prefix");
        let records = vec![(1, story.payload(1))];
        story
            .ask(Ask::Read { place: MAIN, from: 1, limit: 2 }, Told::Records(records))
            .breaks("append-durable");
    }

    #[test]
    fn a_record_acknowledged_while_its_neighbour_was_not_needs_the_neighbour() {
        let mut story = Story::new();
        story.begin_append(1, 1);
        story.append(2, 2).crash_and_open().read(&[1, 2]).keeps("append-durable");
        let mut story = Story::new();
        story.begin_append(1, 1);
        story.append(2, 2).crash_and_open().read(&[]).breaks("append-durable");
    }

    #[test]
    fn what_is_called_durable_grows() {
        let durable = Ask::DurableUpto { place: MAIN };
        let mut story = Story::on_flush();
        story.append(1, 1).ask(durable, Told::Seq(1)).append_in_doubt(2).ask(durable, Told::Seq(2));
        story.crash_and_open().read(&[1]).breaks("append-durable");
    }

    #[test]
    fn an_append_that_was_told_after_a_flush_began_is_not_covered() {
        let mut story = Story::on_flush();
        let appending = story.begin_append(1, 1);
        let flushing = story.begin(2, FLUSH);
        story.tell(appending, Told::Seq(1)).tell(flushing, Told::Seq(0)).keeps("append-durable");
    }

    #[test]
    fn a_flush_covers_what_was_told_before_it_began_and_not_what_was_told_meanwhile() {
        let mut story = Story::on_flush();
        let appending = story.begin_append(1, 1);
        let flushing = story.begin(2, FLUSH);
        story.tell(appending, Told::Seq(1)).tell(flushing, Told::Seq(0)).crash_and_open().read(&[]);
        story.keeps("append-durable");
        let mut story = Story::on_flush();
        let appending = story.begin_append(1, 1);
        story.tell(appending, Told::Seq(1));
        let flushing = story.begin(2, FLUSH);
        story.tell(flushing, Told::Seq(1)).crash_and_open().read(&[]).breaks("append-durable");
    }

    #[test]
    fn what_a_crash_may_have_taken_is_neither_flushed_nor_in_a_snapshot_afterwards() {
        let mut story = Story::on_flush();
        story.append(1, 1).append(2, 2).crash_and_open().ask(FLUSH, Told::Seq(1)).read(&[1]);
        let snapshot = story.snapshot("s");
        story.inspect(snapshot, &[1], &[]).keeps("append-durable");
        let mut story = Story::on_flush();
        let flushing = story.append(1, 1).append(2, 2).crash_and_open().append(3, 2).begin(0, FLUSH);
        story.tell(flushing, Told::Seq(1)).breaks("append-durable");
    }

    #[test]
    fn an_unflushed_record_may_go_when_a_store_is_opened_again_that_was_not_closed_in_good_order() {
        let close = Ask::Close { place: MAIN };
        let mut story = Story::on_flush();
        story.append(1, 1).fault().ask(close, failed(ErrorKind::Io)).open().read(&[]).keeps("append-durable");
        Story::on_flush().append(1, 1).close().open().read(&[]).breaks("append-durable");
    }

    #[test]
    fn an_unflushed_record_does_not_go_while_the_store_is_open() {
        Story::on_flush().append(1, 1).read(&[1]).read(&[1]).keeps("append-durable");
        Story::on_flush().append(1, 1).read(&[]).breaks("append-durable");
        Story::on_flush().append(1, 1).crash_and_open().append(2, 2).read(&[1]).breaks("append-durable");
    }

    #[test]
    fn what_was_called_durable_before_an_append_has_numbers_of_its_own() {
        let durable = Ask::DurableUpto { place: MAIN };
        let mut story = Story::on_flush();
        story.append_in_doubt(1).ask(durable, Told::Seq(1)).append(2, 2).keeps("append-durable");
        let mut story = Story::on_flush();
        story.append_in_doubt(1).ask(durable, Told::Seq(1)).append(2, 1).breaks("append-durable");
    }

    #[test]
    fn a_snapshot_that_nobody_was_told_of_covers_its_records_once_it_is_seen() {
        let tell = |log: &[u32]| {
            let mut story = Story::on_flush();
            story.append(1, 1);
            story.begin(0, Ask::CreateSnapshot);
            let snapshot = story.crash_and_open().read(log).name("s");
            story.list_snapshots(&[snapshot]).inspect(snapshot, &[1], &[]);
            story
        };
        tell(&[1]).keeps("append-durable");
        tell(&[]).breaks("append-durable");
    }
}
