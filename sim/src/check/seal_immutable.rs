//! `seal-immutable`: a sealed block's bytes never change
//!
//! Source: C4.3, C4.8, C4.9 (docs/spec/contract.md); decisions.
//!
//! A block reads as exactly what was written to it, sealed or, to its writer, open.
//!
//! Not checked: blocks whose writes failed

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "seal-immutable",
    sentence: "a sealed block's bytes never change",
    sources: &["C4.3", "C4.8", "C4.9"],
    not_checked: "blocks whose writes failed",
    applies: |capabilities| capabilities.blocks,
    breaches: &[Breach::BlockChanged],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{Story, failed};
    use crate::history::{Ask, Told};
    use asl_host::ErrorKind;

    #[test]
    fn a_block_reads_as_written() {
        let mut story = Story::new();
        let block = story.block("b", 1, Some(Told::Done));
        let (right, wrong) = (story.payload(1), story.payload(2));
        story.ask(Ask::ReadBlock { block }, Told::Bytes(right)).keeps("seal-immutable");
        story.ask(Ask::ReadBlock { block }, Told::Bytes(wrong)).breaks("seal-immutable");
    }

    #[test]
    fn a_sealed_block_takes_no_more_writes() {
        let write = |told: Told| {
            let mut story = Story::new();
            let block = story.block("b", 1, Some(Told::Done));
            let (data, content) = (story.payload(2), story.payload(1));
            story
                .ask(Ask::WriteBlock { block, data }, told)
                .ask(Ask::ReadBlock { block }, Told::Bytes(content));
            story.list_blocks(&[block]);
            story
        };
        write(failed(ErrorKind::ReadOnly)).keeps("seal-immutable");
        write(failed(ErrorKind::NotFound)).keeps("seal-immutable");
        write(Told::Done).breaks("seal-immutable");
        write(failed(ErrorKind::Io)).breaks("error-honest");
    }

    #[test]
    fn a_block_written_in_two_pieces_reads_as_both() {
        let mut story = Story::new();
        let block = story.block("b", 1, None);
        let data = story.history.keep(b"more");
        story.ask(Ask::WriteBlock { block, data }, Told::Done);
        let first = story.payload(1);
        let mut both = story.history.bytes(first).to_vec();
        let only = story.history.keep(&both);
        both.extend_from_slice(b"more");
        let both = story.history.keep(&both);
        story.ask(Ask::ReadBlock { block }, Told::Bytes(both)).keeps("seal-immutable");
        story.ask(Ask::ReadBlock { block }, Told::Bytes(only)).breaks("seal-immutable");
    }
}
