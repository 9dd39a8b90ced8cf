//! `seal-durable`: a sealed block survives
//!
//! Source: C4.7, C4.11 (docs/spec/contract.md); ASL-HOST section 6.
//!
//! A block whose seal was acknowledged, or that was listed, is listed and readable for ever.
//!
//! Not checked: that a seal in doubt is settled by other clients' lists while it goes on

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "seal-durable",
    sentence: "a sealed block survives",
    sources: &["C4.7", "C4.11"],
    not_checked: "that a seal in doubt is settled by other clients' lists while it goes on",
    applies: |capabilities| capabilities.blocks,
    breaches: &[Breach::SealedLost],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{Story, failed};
    use crate::history::{Ask, Told};
    use asl_host::ErrorKind;

    #[test]
    fn a_sealed_block_is_listed_after_every_crash() {
        let mut story = Story::new();
        let block = story.block("b", 1, Some(Told::Done));
        story.crash_and_open().list_blocks(&[block]).keeps("seal-durable");
        let mut story = Story::new();
        story.block("b", 1, Some(Told::Done));
        story.crash_and_open().list_blocks(&[]).breaks("seal-durable");
    }

    #[test]
    fn a_sealed_block_can_be_read() {
        let mut story = Story::new();
        let block = story.block("b", 1, Some(Told::Done));
        story.ask(Ask::ReadBlock { block }, failed(ErrorKind::NotFound)).breaks("seal-durable");
    }

    #[test]
    fn a_seal_in_doubt_that_was_listed_stays() {
        let mut story = Story::new();
        let block = story.block("b", 1, Some(Told::Cancelled));
        story.crash_and_open().list_blocks(&[block]).crash_and_open().list_blocks(&[]).breaks("seal-durable");
        let mut story = Story::new();
        let block = story.block("b", 1, Some(Told::Cancelled));
        let bytes = story.payload(1);
        story
            .ask(Ask::ReadBlock { block }, Told::Bytes(bytes))
            .crash_and_open()
            .list_blocks(&[])
            .breaks("seal-durable");
    }

    #[test]
    fn a_seal_told_while_the_list_was_made_need_not_be_in_it() {
        let mut story = Story::new();
        let block = story.block("b", 1, None);
        let sealing = story.begin(1, Ask::SealBlock { block });
        let listing = story.begin(2, Ask::ListBlocks);
        story
            .tell(sealing, Told::Done)
            .tell(listing, Told::Names(Vec::new()))
            .list_blocks(&[block])
            .keeps("seal-durable");
    }

    #[test]
    fn a_seal_that_goes_on_is_not_settled_by_somebody_elses_list() {
        let mut story = Story::new();
        let block = story.block("b", 1, None);
        let sealing = story.begin(1, Ask::SealBlock { block });
        let listing = story.begin(2, Ask::ListBlocks);
        story.tell(listing, Told::Names(Vec::new())).tell(sealing, Told::Done).list_blocks(&[block]);
        story.keeps("seal-durable");
    }

    #[test]
    fn a_sealed_block_may_be_unreadable_for_as_long_as_a_fault_excuses_it() {
        let mut story = Story::new();
        let block = story.block("b", 1, Some(Told::Done));
        story
            .fault()
            .ask(Ask::ReadBlock { block }, failed(ErrorKind::Io))
            .list_blocks(&[block])
            .keeps("seal-durable");
    }
}
