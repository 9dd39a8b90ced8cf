//! `create-exclusive`: create on an existing store fails and changes nothing
//!
//! Source: C1.6 (docs/spec/contract.md); ASL-HOST section 8.
//!
//! That nothing changed is seen by the invariants of what the store holds.
//!
//! Not checked: two creations at the same time

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "create-exclusive",
    sentence: "create on an existing store fails and changes nothing",
    sources: &["C1.6"],
    not_checked: "two creations at the same time",
    applies: super::always,
    breaches: &[Breach::CreatedTwice],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{MAIN, Story, failed};
    use crate::history::{Ask, Told};
    use asl_host::ErrorKind;

    #[test]
    fn a_second_creation_must_fail() {
        let mut story = Story::new();
        story.ask(Ask::Create { place: MAIN }, failed(ErrorKind::Exists)).keeps("create-exclusive");
        let mut story = Story::new();
        story.close().ask(Ask::Create { place: MAIN }, Told::Done).breaks("create-exclusive");
    }
}
