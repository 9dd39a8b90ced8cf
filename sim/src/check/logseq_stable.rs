//! `logseq-stable`: a number once exposed never names other bytes
//!
//! Source: C2.9, C3.17 (docs/spec/contract.md); ASL-HOST section 4.
//!
//! Across any number of crashes: a number that an append was told, or that was shown, never stands for another
//! record.
//!
//! Not checked: numbers that were never exposed

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "logseq-stable",
    sentence: "a number once exposed never names other bytes",
    sources: &["C2.9", "C3.17"],
    not_checked: "numbers that were never exposed",
    applies: super::always,
    breaches: &[Breach::NumberReused],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{MAIN, Story};
    use crate::history::{Ask, Told};

    #[test]
    fn a_number_in_use_is_not_given_again() {
        let mut story = Story::new();
        let other = story.begin_append(1, 2);
        story.append(1, 1).tell(other, Told::Seq(1)).breaks("logseq-stable");
    }

    #[test]
    fn a_number_that_was_shown_and_lost_is_not_given_to_another_record() {
        let mut story = Story::new();
        story.append_in_doubt(1).crash_and_open().read(&[1]).crash_and_open().read(&[]);
        story.append(2, 1).breaks("logseq-stable");
        let mut story = Story::new();
        story.append_in_doubt(1).crash_and_open().read(&[1]).crash_and_open().read(&[]);
        story.append_in_doubt(2).crash_and_open().read(&[2]).breaks("logseq-stable");
    }

    #[test]
    fn a_number_in_doubt_may_go_to_another_record() {
        let mut story = Story::new();
        story.append_in_doubt(1).crash_and_open().read(&[]).append(2, 1).read(&[2]).keeps("logseq-stable");
    }

    #[test]
    fn a_known_number_does_not_turn_into_a_record_in_doubt() {
        Story::new().append(1, 1).append_in_doubt(2).crash_and_open().read(&[2]).breaks("logseq-stable");
    }

    #[test]
    fn two_appends_with_the_same_bytes_have_two_numbers() {
        let mut story = Story::new();
        let data = story.history.keep(b"");
        let ask = Ask::Append { place: MAIN, data, unique: false, expected: None };
        let (first, second) = (story.begin(1, ask), story.begin(2, ask));
        story.tell(first, Told::Seq(1)).tell(second, Told::Seq(1)).breaks("logseq-stable");
    }

    #[test]
    fn a_known_number_does_not_turn_into_a_record_that_was_settled_as_absent() {
        let mut story = Story::new();
        story.append_in_doubt(1).read(&[]).append(2, 1).crash_and_open().read(&[1]).breaks("logseq-stable");
    }

    #[test]
    fn a_number_that_was_shown_after_an_open_is_not_given_to_another() {
        let mut story = Story::on_flush();
        story.append(1, 1).crash_and_open().crash_and_open().append(2, 1).read(&[2]).keeps("logseq-stable");
        let mut story = Story::on_flush();
        story.append(1, 1).crash_and_open().read(&[1]).crash_and_open().append(2, 1);
        story.breaks_also("logseq-stable");
    }

    #[test]
    fn a_record_that_lands_late_before_others_moves_them() {
        // A host went on under the next number after a put whose answer was lost. When that landed, what stood behind it was called a
        // duplicate, which it is not.
        let mut story = Story::new();
        story.append_in_doubt(1).append(2, 1).crash_and_open().read(&[1, 2]).breaks("logseq-stable");
    }
}
