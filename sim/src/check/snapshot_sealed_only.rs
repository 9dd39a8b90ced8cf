//! `snapshot-sealed-only`: a snapshot never holds an open block
//!
//! Source: C5.5 (docs/spec/contract.md); ASL-HOST section 5.
//!
//! Every block that a mounted snapshot shows was sealed, or about to be, when the snapshot was taken.
//!
//! Not checked: bytes that a snapshot holds and does not show

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "snapshot-sealed-only",
    sentence: "a snapshot never holds an open block",
    sources: &["C5.5"],
    not_checked: "bytes that a snapshot holds and does not show",
    applies: |capabilities| capabilities.snapshots,
    breaches: &[Breach::SnapshotTookOpenBlock],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::Story;
    use crate::history::{Ask, Told};

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

    #[test]
    fn a_block_that_was_open_then_is_not_in_it_because_it_was_sealed_later() {
        let mut story = Story::new();
        let block = story.block("b", 1, None);
        let snapshot = story.snapshot("s");
        story.ask(Ask::SealBlock { block }, Told::Done);
        story.inspect(snapshot, &[], &[(block, 1)]).breaks("snapshot-sealed-only");
        let mut story = Story::new();
        let block = story.block("b", 1, None);
        let sealing = story.begin(1, Ask::SealBlock { block });
        let snapshot = story.snapshot("s");
        story.tell(sealing, Told::Done).inspect(snapshot, &[], &[(block, 1)]).keeps("snapshot-sealed-only");
    }
}
