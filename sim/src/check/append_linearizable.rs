//! `append-linearizable`: an append that returned before another was invoked has the smaller number
//!
//! Source: section 4, "sequential ordering".
//!
//! Between clients, and for records in doubt: whatever was known when an append began stands before it.
//!
//! Not checked: the order of reads and appends (a read must show what was acknowledged before it: append-durable)

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "append-linearizable",
    sentence: "an append that returned before another was invoked has the smaller number",
    not_checked: "the order of reads and appends (a read must show what was acknowledged before it: append-durable)",
    applies: super::always,
    breaches: &[Breach::OutOfOrder],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::Story;
    use crate::history::Told;

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
}
