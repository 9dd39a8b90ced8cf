//! `recovery-idempotent`: crashing inside recovery and recovering again gives a state that the first crash allowed
//!
//! Source: C9.3, C9.4 (docs/spec/contract.md); ASL-HOST section 6.
//!
//! Broken by a loss that shows after a crash inside recovery, or an open that fails then without another cause. Whether the same
//! run without that crash goes wrong too is tried before it is made the primary one.
//!
//! Not checked: states of recovery that no crash point separates

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "recovery-idempotent",
    sentence: "crashing inside recovery and recovering again gives a state that the first crash allowed",
    sources: &["C9.3", "C9.4"],
    not_checked: "states of recovery that no crash point separates",
    applies: super::always,
    breaches: &[Breach::LostAfterCrashInRecovery, Breach::FailsAfterCrashInRecovery],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{MAIN, Story, failed};
    use crate::history::Ask;
    use asl_host::ErrorKind;

    #[test]
    fn a_crash_inside_recovery_loses_nothing() {
        let mut story = Story::new();
        story.append(1, 1).crash().crash_in_recovery().open().read(&[1]).keeps("recovery-idempotent");
        let mut story = Story::new();
        story.append(1, 1).crash().crash_in_recovery().open().read(&[]).breaks_also("recovery-idempotent");
    }

    #[test]
    fn after_a_crash_inside_recovery_the_next_one_comes_to_its_end() {
        // A recovery that stumbled over what an earlier one had half done was found as a store that is not available only.
        let open = Ask::Open { place: MAIN, second: false };
        let mut story = Story::new();
        story
            .crash()
            .crash_in_recovery()
            .ask(open, failed(ErrorKind::Corrupt))
            .breaks_also("recovery-idempotent");
        let mut story = Story::new();
        story.crash().crash_in_recovery().open().crash().ask(open, failed(ErrorKind::Corrupt));
        assert!(!story.broken().contains(&"recovery-idempotent"));
    }

    #[test]
    fn a_record_in_doubt_may_go_in_the_second_crash() {
        let mut story = Story::new();
        story.append_in_doubt(1).crash().crash_in_recovery().open().read(&[]).keeps("recovery-idempotent");
    }

    #[test]
    fn a_crash_after_the_open_has_completed_is_not_inside_recovery() {
        let mut story = Story::new();
        story.append_in_doubt(1).crash().open().read(&[1]).crash_in_recovery().open().read(&[]);
        story.breaks("read-stable");
        assert!(!story.broken().contains(&"recovery-idempotent"));
    }

    #[test]
    fn a_loss_after_a_later_crash_is_not_recoverys() {
        let mut story = Story::new();
        story.append(1, 1).crash().crash_in_recovery().open().read(&[1]).crash_and_open().read(&[]);
        assert!(!story.broken().contains(&"recovery-idempotent"));
    }
}
