//! `logseq-monotonic`: numbers strictly increase, dense from 1
//!
//! Source: C2.5, C2.6, C2.18 (docs/spec/contract.md); ASL-HOST section 4.
//!
//! A client's appends get growing numbers; no number is greater than the records there can be; reads show growing
//! numbers.
//!
//! Not checked: the order between clients (append-linearizable)

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "logseq-monotonic",
    sentence: "numbers strictly increase, dense from 1",
    sources: &["C2.5", "C2.6", "C2.18"],
    not_checked: "the order between clients (append-linearizable)",
    applies: super::always,
    breaches: &[Breach::NotIncreasing, Breach::NotDense],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::Story;
    use crate::history::Told;

    #[test]
    fn numbers_grow_by_one() {
        Story::new().append(1, 1).append(2, 2).read(&[1, 2]).keeps("logseq-monotonic");
        Story::new().append(1, 1).append(2, 3).breaks("logseq-monotonic");
        Story::new().append(1, 0).breaks("logseq-monotonic");
        Story::new().append(1, 2).breaks("logseq-monotonic");
    }

    #[test]
    fn a_clients_later_append_has_the_greater_number() {
        let mut story = Story::new();
        story.begin_append(1, 9);
        story.append(1, 2).append(2, 1).breaks("logseq-monotonic");
    }

    #[test]
    fn a_gap_may_be_somebody_elses_append_that_goes_on() {
        let mut story = Story::new();
        let other = story.begin_append(1, 9);
        story.append(1, 2).tell(other, Told::Seq(1)).read(&[9, 1]).keeps("logseq-monotonic");
    }

    #[test]
    fn a_read_does_not_go_backwards() {
        let mut story = Story::new();
        story.append(1, 1).append(2, 2).read_numbered(&[(1, 1), (1, 1)]).breaks("logseq-monotonic");
    }

    #[test]
    fn a_client_is_not_given_the_same_number_twice() {
        Story::new().append(1, 1).append(2, 1).breaks("logseq-monotonic");
    }
}
