//! `open-harmless`: open and close cycles change nothing
//!
//! Source: C1.10, C1.11 (docs/spec/contract.md); ASL-HOST section 3.2.
//!
//! Without a crash in between, what a log held before it was closed it holds after it was opened. Where there is no store, an open
//! leaves nothing at the location, nor beside it under a name that begins with the location's.
//!
//! Not checked: what an open leaves elsewhere, or where the location is not a path

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "open-harmless",
    sentence: "open and close cycles change nothing",
    sources: &["C1.10", "C1.11"],
    not_checked: "what an open of nothing leaves elsewhere than at its location",
    applies: super::always,
    breaches: &[Breach::LostByReopening, Breach::LeftBehind],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{Story, failed};
    use crate::history::{Ask, Event, Place};
    use asl_host::ErrorKind;

    #[test]
    fn closing_and_opening_loses_nothing() {
        Story::new().append(1, 1).close().open().read(&[1]).close().open().read(&[1]).keeps("open-harmless");
        Story::new().append(1, 1).read(&[1]).close().open().read(&[]).breaks_also("open-harmless");
    }

    #[test]
    fn an_open_of_nothing_leaves_nothing() {
        let open = Ask::Open { place: Place::Nowhere, second: false };
        let mut story = Story::new();
        story.ask(open, failed(ErrorKind::NotFound)).keeps("open-harmless");
        let name = story.name("nowhere.lock");
        story.history.push(Event::Left { place: Place::Nowhere, name });
        story.breaks("open-harmless");
    }

    #[test]
    fn what_a_crash_took_opening_did_not() {
        let story_broke = Story::new().append(1, 1).crash_and_open().read(&[]).broken();
        assert!(!story_broke.contains(&"open-harmless"), "{story_broke:?}");
    }
}
