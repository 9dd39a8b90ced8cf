//! `identity-stable`: the host's identity stays the same
//!
//! Source: C7.3 (docs/spec/contract.md); ASL-HOST sections 2 and 7.
//!
//! Across restarts and crashes too.
//!
//! Not checked: that two hosts have two identities

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "identity-stable",
    sentence: "the host's identity stays the same",
    sources: &["C7.3"],
    not_checked: "that two hosts have two identities",
    applies: super::always,
    breaches: &[Breach::IdentityChanged],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::Story;
    use crate::history::{Ask, Told};

    #[test]
    fn a_host_is_who_it_was() {
        let mut story = Story::new();
        let (me, other) = (story.name("me"), story.name("other"));
        story.ask(Ask::Identity, Told::Named(me)).crash_and_open().ask(Ask::Identity, Told::Named(me));
        story.keeps("identity-stable");
        story.ask(Ask::Identity, Told::Named(other)).breaks("identity-stable");
    }
}
