//! `log-prefix`: no hole, no phantom, no duplicate
//!
//! Source: C2.10, C2.11, C2.12, C2.16, C3.7, C3.9, C3.12, C6.5 (docs/spec/contract.md); ASL-HOST sections 4 and 6.
//!
//! Every record of a log is one that was appended, stands once, and none before it is missing.
//!
//! Not checked: records that are not unique are judged by place and number only

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "log-prefix",
    sentence: "no hole, no phantom, no duplicate",
    sources: &["C2.10", "C2.11", "C2.12", "C2.16", "C3.7", "C3.9", "C3.12", "C6.5"],
    not_checked: "records that are not unique are judged by place and number only",
    applies: super::always,
    breaches: &[Breach::Hole, Breach::Phantom, Breach::Duplicate],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{MAIN, Story, failed};
    use crate::history::{Ask, Told};
    use asl_host::ErrorKind;

    #[test]
    fn a_missing_record_in_the_middle_is_a_hole() {
        let mut story = Story::new();
        story.append(1, 1).append(2, 2).append(3, 3).crash_and_open();
        story.read_numbered(&[(1, 1), (3, 3)]).breaks_also("log-prefix");
        let mut story = Story::new();
        story.append(1, 1).append(2, 2).append(3, 3).crash_and_open().read(&[1, 3]).breaks_also("log-prefix");
        let mut story = Story::new();
        story.append_in_doubt(1).append_in_doubt(2).crash_and_open();
        story.read_numbered(&[(2, 2)]).breaks("log-prefix");
    }

    #[test]
    fn a_record_that_nobody_appended_is_a_phantom() {
        Story::new().append(1, 1).read(&[1]).keeps("log-prefix");
        let mut story = Story::new();
        let first = story.append(1, 1).payload(1);
        let first = story.history.bytes(first).to_vec();
        story.crash_and_open().read_bytes(&[&first, b"", b""]).breaks("log-prefix");
    }

    #[test]
    fn a_record_that_was_settled_as_absent_does_not_come_back() {
        let mut story = Story::new();
        story.append_in_doubt(1).read(&[]).crash_and_open().read(&[1]).breaks("log-prefix");
    }

    #[test]
    fn a_read_that_begins_behind_a_record_in_doubt_does_not_settle_it() {
        let mut story = Story::new();
        story.append(1, 1).append_in_doubt(2).append(3, 3);
        story
            .ask(Ask::Read { place: MAIN, from: 3, limit: 0 }, Told::Records(Vec::new()))
            .breaks("append-durable");
        let mut story = Story::new();
        let third = story.append(1, 1).append_in_doubt(2).append(3, 3).payload(3);
        story.ask(Ask::Read { place: MAIN, from: 3, limit: 0 }, Told::Records(vec![(3, third)]));
        story.crash_and_open().read(&[1, 2, 3]).keeps("log-prefix");
    }

    #[test]
    fn a_record_that_was_lost_does_not_come_back() {
        let mut story = Story::on_flush();
        story.append(1, 1).crash_and_open().read(&[]).crash_and_open().read(&[1]).breaks("log-prefix");
    }

    #[test]
    fn a_record_stands_once() {
        Story::new().append(1, 1).append_in_doubt(2).read(&[1, 1]).breaks("log-prefix");
        Story::new().append_in_doubt(1).crash_and_open().read(&[1, 1]).breaks("log-prefix");
    }

    #[test]
    fn records_with_the_same_bytes_are_counted() {
        let same = |story: &mut Story, told| {
            let data = story.history.keep(b"");
            story.ask(Ask::Append { place: MAIN, data, unique: false, expected: None }, told);
        };
        let mut story = Story::new();
        same(&mut story, Told::Seq(1));
        same(&mut story, Told::Cancelled);
        same(&mut story, Told::Cancelled);
        story.crash_and_open().read_bytes(&[b"", b"", b""]).keeps("log-prefix");
        let mut story = Story::new();
        same(&mut story, Told::Seq(1));
        same(&mut story, Told::Cancelled);
        story.crash_and_open().read_bytes(&[b"", b"", b""]).breaks("log-prefix");
    }

    #[test]
    fn a_short_record_that_stands_once_more_is_whole() {
        // A host on a bucket put an empty record behind its own object, in the place of a longer one that was acknowledged then, and that
        // was called a torn record.
        let mut story = Story::new();
        let data = story.history.keep(b"");
        story.ask(Ask::Append { place: MAIN, data, unique: false, expected: None }, Told::Seq(1));
        let longer = story.append(1, 2).payload(1);
        let longer = story.history.bytes(longer).to_vec();
        story.crash_and_open().read_bytes(&[b"", b"", &longer]).breaks("log-prefix");
    }

    #[test]
    fn a_record_in_doubt_of_a_store_that_was_destroyed_does_not_show_in_the_one_created_again() {
        let mut story = Story::new();
        story.append_in_doubt(1).close().ask(Ask::Destroy { place: MAIN, open: false }, Told::Done);
        story.ask(Ask::Create { place: MAIN }, Told::Done).read(&[1]).breaks("log-prefix");
        // Of one that was there it is said that what was destroyed came back.
        let mut story = Story::new();
        story.append(1, 1).close().ask(Ask::Destroy { place: MAIN, open: false }, Told::Done);
        story.ask(Ask::Create { place: MAIN }, Told::Done).read(&[1]).breaks("delete-durable");
    }

    #[test]
    fn one_append_with_two_numbers_is_a_duplicate() {
        let mut story = Story::new();
        story.begin_append(2, 9);
        let asked = story.begin_append(1, 1);
        story.read(&[1]).tell(asked, Told::Seq(2)).breaks("log-prefix");
    }

    #[test]
    fn of_two_appends_with_the_same_bytes_a_read_cannot_tell_which_it_shows() {
        let mut story = Story::new();
        let data = story.history.keep(b"");
        let ask = Ask::Append { place: MAIN, data, unique: false, expected: None };
        let first = story.begin(1, ask);
        let second = story.begin(2, ask);
        story.read_bytes(&[b""]).tell(second, Told::Seq(1)).tell(first, Told::Seq(2));
        story.read_bytes(&[b"", b""]).keeps("log-prefix");
        let mut story = Story::new();
        let first = story.begin(1, ask);
        let second = story.begin(2, ask);
        story.history.keep(b"");
        story.read_bytes(&[b""]).tell(first, Told::Seq(2)).tell(second, Told::Seq(1));
        story.read_bytes(&[b"", b""]).keeps("log-prefix");
    }

    #[test]
    fn the_place_of_an_append_that_has_another_number_goes_to_the_one_with_the_least_room() {
        // Of two abandoned appends and an acknowledged one with the same bytes, a read took the first of them for the record that the
        // second must have been, and record 1 was anybody's then: one false alarm in millions of runs.
        let mut story = Story::new();
        story.append_in_doubt(1).append(2, 2);
        let abandoned = story.begin_append(1, 1);
        story.append(3, 3);
        let last = story.begin_append(0, 1);
        story.tell(abandoned, Told::Cancelled);
        let shown = vec![(3, story.payload(3)), (4, story.payload(1))];
        story.ask(Ask::Read { place: MAIN, from: 3, limit: 0 }, Told::Records(shown));
        story.tell(last, Told::Seq(5)).crash_and_open().read(&[1, 2, 3, 1, 1]).keeps("log-prefix");
    }

    #[test]
    fn a_read_that_showed_an_abandoned_append_did_not_settle_it_as_absent() {
        // Two clients append the same bytes, and one stops waiting. A read shows one record: whose, it cannot tell. It was the
        // abandoned one's, as turns out when the other is given the next number.
        let mut story = Story::new();
        let data = story.history.keep(b"");
        let ask = Ask::Append { place: MAIN, data, unique: false, expected: None };
        let slow = story.begin(1, ask);
        let abandoned = story.begin(2, ask);
        story.tell(abandoned, Told::Cancelled).read_bytes(&[b""]).tell(slow, Told::Seq(2));
        story.read_bytes(&[b"", b""]).keeps("log-prefix");
        // But if an earlier read settled it, it cannot be what a later one shows.
        let mut story = Story::new();
        let abandoned = story.begin(2, ask);
        story.history.keep(b"");
        story.tell(abandoned, Told::Cancelled).read_bytes(&[]);
        let slow = story.begin(1, ask);
        story.read_bytes(&[b""]).tell(slow, Told::Seq(2)).breaks("log-prefix");
    }

    #[test]
    fn a_read_from_the_middle_leaves_the_earlier_of_two_doubtful_appends_its_place() {
        // Two appends of the same bytes were abandoned, one before and one after an append that got number 2. What a read
        // from number 2 on shows as number 3 is the later one's, and the earlier one's number 1 is still to be seen.
        let mut story = Story::new();
        let data = story.history.keep(b"");
        let ask = Ask::Append { place: MAIN, data, unique: false, expected: None };
        story.ask(ask, Told::Cancelled).ask(ask, Told::Seq(2)).ask(ask, Told::Cancelled);
        let shown = vec![(2, data), (3, data)];
        story.ask(Ask::Read { place: MAIN, from: 2, limit: 0 }, Told::Records(shown));
        story.ask(Ask::Flush { place: MAIN }, Told::Seq(3));
        story.read_bytes(&[b"", b"", b""]).keeps("log-prefix");
    }

    #[test]
    fn an_append_that_was_refused_is_absent() {
        let mut story = Story::new();
        let data = story.append_in_doubt(1).payload(2);
        let ask = Ask::Append { place: MAIN, data, unique: true, expected: Some(1) };
        story
            .ask(ask, failed(ErrorKind::ConcurrentModification))
            .crash_and_open()
            .read(&[2])
            .breaks("log-prefix");
    }

    #[test]
    fn an_append_that_a_crash_cut_off_is_settled_like_any_other() {
        let mut story = Story::new();
        story.begin_append(0, 1);
        story.crash_and_open().read(&[]).crash_and_open().read(&[1]).breaks("log-prefix");
    }

    #[test]
    fn an_unflushed_record_is_not_lost_from_before_another() {
        let mut story = Story::on_flush();
        story.append(1, 1).append(2, 2).append(3, 3).crash_and_open().read(&[1]).keeps("log-prefix");
        let mut story = Story::on_flush();
        story.append(1, 1).append(2, 2).append(3, 3).crash_and_open().read(&[1, 3]).breaks("log-prefix");
        let mut story = Story::on_flush();
        story.append(1, 1).append_in_doubt(2).crash_and_open().read(&[2]).breaks("log-prefix");
    }

    #[test]
    fn an_unflushed_record_whose_number_was_given_away_does_not_come_back() {
        let mut story = Story::on_flush();
        story.append(1, 1).append(2, 2).crash_and_open().append(3, 1).read(&[3]).keeps("log-prefix");
        let mut story = Story::on_flush();
        story.append(1, 1).append(2, 2).crash_and_open().append(3, 1).read(&[3, 2]).breaks("log-prefix");
    }
}
