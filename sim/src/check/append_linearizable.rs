//! `append-linearizable`: an append that returned before another was invoked has the smaller number
//!
//! Source: C2.7, C2.8 (docs/spec/contract.md); ASL-HOST section 4.
//!
//! Between clients, and for records in doubt: whatever was known when an append began stands before it.
//!
//! Not checked: the order of reads and appends (a read must show what was acknowledged before it: append-durable)

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "append-linearizable",
    sentence: "an append that returned before another was invoked has the smaller number",
    sources: &["C2.7", "C2.8"],
    not_checked: "the order of reads and appends (a read must show what was acknowledged before it: append-durable)",
    applies: super::always,
    breaches: &[Breach::OutOfOrder],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{MAIN, Story, failed};
    use crate::history::{Ask, Told};
    use asl_host::ErrorKind;

    #[test]
    fn what_came_before_stands_before() {
        let mut story = Story::new();
        story.begin_append(2, 9);
        story.append(1, 2);
        let later = story.begin_append(1, 2);
        story.tell(later, Told::Seq(1)).breaks("append-linearizable");
        let mut story = Story::new();
        let later = story.append(1, 1).begin_append(1, 2);
        story.tell(later, Told::Seq(2)).keeps("append-linearizable");
    }

    #[test]
    fn a_record_in_doubt_stands_behind_what_was_known_when_it_began() {
        let mut story = Story::new();
        story.begin_append(2, 9);
        story.append(1, 2).append_in_doubt(3).crash_and_open().read(&[3, 1]).breaks("append-linearizable");
    }

    #[test]
    fn after_an_open_numbers_of_unflushed_records_may_be_given_out_before_a_read_showed_that_they_are_gone() {
        let mut story = Story::on_flush();
        story.append(1, 1).append(2, 2).append(3, 3).crash_and_open().append(4, 2).append(5, 3);
        story.read(&[1, 4, 5]).keeps("append-linearizable");
        // Two at once are told in any order.
        let mut story = Story::on_flush();
        story.append(1, 1).append(2, 2).append(3, 3).crash_and_open();
        let (first, second) = (story.begin_append(1, 4), story.begin_append(2, 5));
        story.tell(second, Told::Seq(3)).tell(first, Told::Seq(2)).read(&[1, 4, 5]);
        story.keeps("append-linearizable");
        // A number that was given out in this session is not given out again.
        let mut story = Story::on_flush();
        story.append(1, 1).append(2, 2).crash_and_open().append(4, 2);
        let later = story.begin_append(1, 5);
        story.tell(later, Told::Seq(1)).breaks("append-linearizable");
    }

    #[test]
    fn an_append_in_doubt_may_have_taken_the_number_of_a_record_that_was_lost() {
        let mut story = Story::on_flush();
        story.append(1, 1).append(2, 2).crash_and_open().append_in_doubt(3).read(&[1, 3]);
        story.keeps("append-linearizable");
    }

    #[test]
    fn an_append_if_may_be_refused_while_nobody_knows_what_a_crash_took() {
        let expecting = |story: &mut Story| {
            let data = story.payload(9);
            let ask = Ask::Append { place: MAIN, data, unique: true, expected: Some(2) };
            story.ask(ask, failed(ErrorKind::ConcurrentModification));
        };
        let mut story = Story::on_flush();
        story.append(1, 1).crash_and_open();
        expecting(&mut story);
        story.read(&[]).append(2, 1).keeps("append-linearizable");
        let mut story = Story::on_flush();
        story.append(1, 1).crash_and_open().read(&[1]);
        expecting(&mut story);
        story.breaks("recovery-available");
    }
}
