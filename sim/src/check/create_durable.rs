//! `create-durable`: an acknowledged create survives
//!
//! Source: C1.4, C1.5 (docs/spec/contract.md); ASL-HOST sections 3.1 and 6.
//!
//! Once a creation was acknowledged, or an open has shown the store, the store is there, until it is destroyed.
//!
//! Not checked: stores that a user moves or removes by hand

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "create-durable",
    sentence: "an acknowledged create survives",
    sources: &["C1.4", "C1.5"],
    not_checked: "stores that a user moves or removes by hand",
    applies: super::always,
    breaches: &[Breach::StoreLost],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{MAIN, Story, failed};
    use crate::history::{Ask, Told};
    use asl_host::ErrorKind;

    #[test]
    fn a_store_that_was_acknowledged_is_there_after_a_crash() {
        Story::new().crash_and_open().keeps("create-durable");
        let mut story = Story::new();
        story.crash().ask(Ask::Open { place: MAIN, second: false }, failed(ErrorKind::NotFound));
        story.breaks("create-durable");
        let mut story = Story::new();
        story.crash().ask(Ask::Destroy { place: MAIN, open: false }, failed(ErrorKind::NotFound));
        story.breaks("create-durable");
    }

    #[test]
    fn a_store_that_can_be_created_again_after_a_crash_may_have_been_lost() {
        // A host lost the name of its second store in a crash. Nobody had opened it since, and its creation was blamed.
        let mut story = Story::new();
        story.crash().ask(Ask::Create { place: MAIN }, Told::Done);
        story.breaks("create-durable");
        story.breaks_also("create-exclusive");
        let mut story = Story::new();
        story
            .crash_and_open()
            .close()
            .ask(Ask::Create { place: MAIN }, Told::Done)
            .breaks("create-exclusive");
    }

    #[test]
    fn a_store_that_was_said_to_exist_is_there_after_a_crash() {
        let mut story = Story::blank();
        story.begin(0, Ask::Create { place: MAIN });
        story.crash().ask(Ask::Create { place: MAIN }, failed(ErrorKind::Exists));
        story.crash().ask(Ask::Open { place: MAIN, second: false }, failed(ErrorKind::NotFound));
        story.breaks("create-durable");
    }
}
