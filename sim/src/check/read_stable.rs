//! `read-stable`: what a reader saw after recovery is still there after the next crash
//!
//! Source: section 3.2, "durable, consistent view".
//!
//! A record in doubt that a read showed is settled: it survives like an acknowledged one.
//!
//! Not checked: what readers of an open block saw

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "read-stable",
    sentence: "what a reader saw after recovery is still there after the next crash",
    not_checked: "what readers of an open block saw",
    applies: super::always,
    breaches: &[Breach::ShownLost],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::Story;

    #[test]
    fn what_was_shown_stays() {
        let mut story = Story::new();
        story.append_in_doubt(1).crash_and_open().read(&[1]).crash_and_open().read(&[1]).keeps("read-stable");
        let mut story = Story::new();
        story.append_in_doubt(1).crash_and_open().read(&[1]).crash_and_open().read(&[]).breaks("read-stable");
    }
}
