//! `block-id-unique`: identifiers of blocks are not reused
//!
//! Source: C4.2 (docs/spec/contract.md); a decision.
//!
//! Across crashes and lost open blocks too: no two creations are told the same identifier.
//!
//! Not checked: identifiers of creations that nobody was told of

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "block-id-unique",
    sentence: "identifiers of blocks are not reused",
    sources: &["C4.2"],
    not_checked: "identifiers of creations that nobody was told of",
    applies: |capabilities| capabilities.blocks,
    breaches: &[Breach::BlockIdReused],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::Story;

    #[test]
    fn an_identifier_names_one_block() {
        let mut story = Story::new();
        story.block("a", 1, None);
        story.block("b", 2, None);
        story.keeps("block-id-unique");
        story.crash_and_open();
        story.block("a", 3, None);
        story.breaks("block-id-unique");
    }
}
