//! `append-atomic`: a record is whole or absent, exact bytes
//!
//! Source: C2.3, C2.4, C3.11 (docs/spec/contract.md); ASL-HOST section 4.
//!
//! Broken by a record that holds bytes of an append, or is as long as one that is in doubt, and is none that was
//! appended.
//!
//! Not checked: records that are not unique are told apart by place only

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "append-atomic",
    sentence: "a record is whole or absent, exact bytes",
    sources: &["C2.3", "C2.4", "C3.11"],
    not_checked: "records that are not unique are told apart by place only",
    applies: super::always,
    breaches: &[Breach::Torn],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::Story;

    #[test]
    fn a_record_in_doubt_is_whole_or_absent() {
        Story::new().append(1, 1).append_in_doubt(2).crash_and_open().read(&[1, 2]).keeps("append-atomic");
        Story::new().append(1, 1).append_in_doubt(2).crash_and_open().read(&[1]).keeps("append-atomic");
    }

    #[test]
    fn half_a_record_is_torn() {
        let mut story = Story::new();
        story.append_in_doubt(2);
        let span = story.payload(2);
        let half = story.history.bytes(span)[..20].to_vec();
        story.crash_and_open().read_bytes(&[&half]).breaks("append-atomic");
    }

    #[test]
    fn a_record_of_the_right_length_with_lost_bytes_is_torn() {
        Story::new().append_in_doubt(2).crash_and_open().read_bytes(&[&[0; 40]]).breaks("append-atomic");
    }

    #[test]
    fn an_acknowledged_record_that_reads_as_garbage_is_torn() {
        Story::new().append(1, 1).read_bytes(&[&[7; 3]]).breaks("append-atomic");
    }
}
