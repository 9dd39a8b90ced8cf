//! `create-atomic`: a crash in create leaves either nothing or a valid empty store
//!
//! Source: C1.2, C1.3 (docs/spec/contract.md); ASL-HOST section 3.1.
//!
//! After a creation that nobody was told of, open says that there is nothing, or succeeds. That the store is empty
//! is seen by the invariants of the log.
//!
//! Not checked: a creation that is cut short and then destroyed

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "create-atomic",
    sentence: "a crash in create leaves either nothing or a valid empty store",
    sources: &["C1.2", "C1.3"],
    not_checked: "a creation that is cut short and then destroyed",
    applies: super::always,
    breaches: &[Breach::TornCreation],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{MAIN, Story, failed};
    use crate::history::{Ask, Place, Told};
    use asl_host::ErrorKind;

    #[test]
    fn a_torn_store_that_is_said_to_exist_must_open() {
        // A creation that was cut off left a store that a second one found, and that could not be opened: it was called an error
        // without a cause.
        let side = Place::Side;
        let mut story = Story::new();
        story.begin(1, Ask::Create { place: side });
        story.crash_and_open().ask(Ask::Create { place: side }, failed(ErrorKind::Exists));
        story.ask(Ask::Open { place: side, second: false }, failed(ErrorKind::Io)).breaks("create-atomic");
        let mut story = Story::new();
        story.begin(1, Ask::Create { place: side });
        story.crash_and_open().ask(Ask::Create { place: side }, failed(ErrorKind::Exists));
        story.ask(Ask::Open { place: side, second: false }, Told::Done).keeps("create-atomic");
    }

    #[test]
    fn a_creation_cut_short_leaves_nothing_or_a_store() {
        let mut story = Story::blank();
        story.begin(0, Ask::Create { place: MAIN });
        story.crash().open().keeps("create-atomic");
        let mut story = Story::blank();
        story.begin(0, Ask::Create { place: MAIN });
        story.crash().ask(Ask::Open { place: MAIN, second: false }, failed(ErrorKind::NotFound));
        story.ask(Ask::Create { place: MAIN }, Told::Done).keeps("create-atomic");
    }

    #[test]
    fn a_creation_cut_short_that_can_neither_be_opened_nor_is_absent_is_torn() {
        let mut story = Story::blank();
        story.begin(0, Ask::Create { place: MAIN });
        story.crash().ask(Ask::Open { place: MAIN, second: false }, failed(ErrorKind::Io));
        story.breaks("create-atomic");
    }

    #[test]
    fn a_creation_that_failed_is_in_doubt_like_one_that_was_cut_short() {
        let mut story = Story::blank();
        let asked = story.begin(0, Ask::Create { place: MAIN });
        story.fault().tell(asked, failed(ErrorKind::Io));
        story
            .ask(Ask::Open { place: MAIN, second: false }, failed(ErrorKind::Corrupt))
            .breaks("create-atomic");
    }

    #[test]
    fn an_open_that_meets_a_fault_may_fail_whatever_it_opens() {
        let mut story = Story::blank();
        story.begin(0, Ask::Create { place: MAIN });
        story.crash();
        let asked = story.begin(0, Ask::Open { place: MAIN, second: false });
        story.fault().tell(asked, failed(ErrorKind::Io)).open().keeps("create-atomic");
    }

    #[test]
    fn a_creation_that_others_overtook_is_in_doubt_all_the_same() {
        let place = Place::Side;
        let mut story = Story::new();
        story.begin(0, Ask::Create { place });
        story.append(1, 1).crash().ask(Ask::Open { place, second: false }, Told::Done).keeps("create-atomic");
    }
}
