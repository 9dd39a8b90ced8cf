//! `snapshot-sealed-only`: a snapshot never holds an open block
//!
//! Source: section 5, "a consistent view of sealed blocks".
//!
//! Every block that a mounted snapshot shows was sealed.
//!
//! Not checked: bytes that a snapshot holds and does not show

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "snapshot-sealed-only",
    sentence: "a snapshot never holds an open block",
    not_checked: "bytes that a snapshot holds and does not show",
    applies: |capabilities| capabilities.snapshots,
    breaches: &[Breach::SnapshotTookOpenBlock],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::Story;
    use crate::history::Told;

    #[test]
    fn a_snapshot_holds_sealed_blocks_only() {
        let mut story = Story::new();
        let block = story.block("b", 1, Some(Told::Done));
        let snapshot = story.snapshot("s");
        story.inspect(snapshot, &[], &[(block, 1)]).keeps("snapshot-sealed-only");
        let mut story = Story::new();
        let block = story.block("b", 1, None);
        let snapshot = story.snapshot("s");
        story.inspect(snapshot, &[], &[(block, 1)]).breaks("snapshot-sealed-only");
    }
}
