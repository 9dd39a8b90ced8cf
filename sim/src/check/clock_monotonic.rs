//! `clock-monotonic`: the host's clock grows from one reading to the next
//!
//! Source: C7.1, C7.2 (docs/spec/contract.md); ASL-HOST section 7.
//!
//! Across restarts and crashes too; for readings of which one was told before the other was asked for.
//!
//! Not checked: how near the readings are to the time of day

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "clock-monotonic",
    sentence: "the host's clock grows from one reading to the next",
    sources: &["C7.1", "C7.2"],
    not_checked: "how near the readings are to the time of day",
    applies: super::always,
    breaches: &[Breach::ClockBackwards],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::Story;
    use crate::history::{Ask, Told};

    #[test]
    fn readings_grow_across_crashes() {
        let mut story = Story::new();
        story
            .ask(Ask::Now, Told::Time(5))
            .crash_and_open()
            .ask(Ask::Now, Told::Time(6))
            .keeps("clock-monotonic");
        story.ask(Ask::Now, Told::Time(6)).breaks("clock-monotonic");
    }

    #[test]
    fn readings_at_the_same_time_may_come_in_any_order() {
        let mut story = Story::new();
        let (first, second) = (story.begin(1, Ask::Now), story.begin(2, Ask::Now));
        story.tell(first, Told::Time(9)).tell(second, Told::Time(8)).ask(Ask::Now, Told::Time(10));
        story.keeps("clock-monotonic");
    }
}
