//! `open-harmless`: open and close cycles change nothing
//!
//! Source: section 3.2, "opening an existing store must not corrupt previous data".
//!
//! Without a crash in between, what a log held before it was closed it holds after it was opened.
//!
//! Not checked: files that an open leaves behind and that no operation shows

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "open-harmless",
    sentence: "open and close cycles change nothing",
    not_checked: "files that an open leaves behind and that no operation shows",
    applies: super::always,
    breaches: &[Breach::LostByReopening],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::Story;

    #[test]
    fn closing_and_opening_loses_nothing() {
        Story::new().append(1, 1).close().open().read(&[1]).close().open().read(&[1]).keeps("open-harmless");
        Story::new().append(1, 1).read(&[1]).close().open().read(&[]).breaks_also("open-harmless");
    }

    #[test]
    fn what_a_crash_took_opening_did_not() {
        let story_broke = Story::new().append(1, 1).crash_and_open().read(&[]).broken();
        assert!(!story_broke.contains(&"open-harmless"), "{story_broke:?}");
    }
}
