//! `open-block-invisible`: an unsealed block is never listed, read by others, or in a snapshot
//!
//! Source: C4.4, C4.5, C4.6, C4.10 (docs/spec/contract.md); ASL-HOST section 6.
//!
//! A block that was not sealed is never listed, and not readable once its writer is gone.
//!
//! Not checked: snapshots (snapshot-sealed-only)

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "open-block-invisible",
    sentence: "an unsealed block is never listed, read by others, or in a snapshot",
    sources: &["C4.4", "C4.5", "C4.6", "C4.10"],
    not_checked: "snapshots (snapshot-sealed-only)",
    applies: |capabilities| capabilities.blocks,
    breaches: &[Breach::OpenBlockSeen],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{Story, failed};
    use crate::history::{Ask, Told};
    use asl_host::ErrorKind;

    #[test]
    fn only_sealed_blocks_are_seen() {
        let mut story = Story::new();
        story.block("b", 1, None);
        story.list_blocks(&[]).keeps("open-block-invisible");
        let mut story = Story::new();
        let block = story.block("b", 1, None);
        story.list_blocks(&[block]).breaks("open-block-invisible");
    }

    #[test]
    fn a_block_whose_writer_is_gone_is_gone() {
        let mut story = Story::new();
        let block = story.block("b", 1, None);
        story.crash_and_open().list_blocks(&[block]).breaks("open-block-invisible");
        let mut story = Story::new();
        let block = story.block("b", 1, None);
        let bytes = story.payload(1);
        story.close().open().ask(Ask::ReadBlock { block }, Told::Bytes(bytes)).breaks("open-block-invisible");
    }

    #[test]
    fn a_seal_that_was_settled_as_lost_stays_lost() {
        let mut story = Story::new();
        let block = story.block("b", 1, Some(Told::Cancelled));
        story
            .crash_and_open()
            .list_blocks(&[])
            .crash_and_open()
            .list_blocks(&[block])
            .breaks("open-block-invisible");
    }

    #[test]
    fn a_block_after_a_failed_write_is_gone() {
        let mut story = Story::new();
        let block = story.block("b", 1, None);
        let data = story.payload(2);
        let asked = story.fault().begin(0, Ask::WriteBlock { block, data });
        story.tell(asked, failed(ErrorKind::Io)).list_blocks(&[block]).breaks("open-block-invisible");
    }

    #[test]
    fn a_block_that_nobody_created_is_not_listed() {
        let mut story = Story::new();
        let block = story.name("x");
        story.list_blocks(&[block]).breaks("open-block-invisible");
    }
}
