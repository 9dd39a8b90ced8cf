//! `recovery-available`: after any crash without media damage, open succeeds and appends work again
//!
//! Source: C9.1, C9.2 (docs/spec/contract.md); ASL-HOST section 6.
//!
//! After a crash, an open and whatever is asked of the store until it is closed may fail only if a call failed
//! since the open began.
//!
//! Not checked: how long recovery takes

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "recovery-available",
    sentence: "after any crash without media damage, open succeeds and appends work again",
    sources: &["C9.1", "C9.2"],
    not_checked: "how long recovery takes",
    applies: super::always,
    breaches: &[Breach::NotAvailable],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{MAIN, Story, failed};
    use crate::history::Ask;
    use asl_host::ErrorKind;

    #[test]
    fn open_and_append_work_after_a_crash() {
        Story::new().crash_and_open().append(1, 1).keeps("recovery-available");
        let mut story = Story::new();
        story.crash().ask(Ask::Open { place: MAIN, second: false }, failed(ErrorKind::Corrupt));
        story.breaks("recovery-available");
        let mut story = Story::new();
        story.crash_and_open();
        let asked = story.begin_append(0, 1);
        story.tell(asked, failed(ErrorKind::Io)).breaks("recovery-available");
    }

    #[test]
    fn an_open_that_meets_a_fault_may_fail_once() {
        let open = Ask::Open { place: MAIN, second: false };
        let mut story = Story::new();
        let asked = story.crash().begin(0, open);
        story.fault().tell(asked, failed(ErrorKind::Io)).open().keeps("recovery-available");
        let mut story = Story::new();
        let asked = story.crash().begin(0, open);
        story.fault().tell(asked, failed(ErrorKind::Io)).ask(open, failed(ErrorKind::Io));
        story.breaks("recovery-available");
    }
}
