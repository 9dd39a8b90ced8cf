//! `no-space-safe`: running out of space loses nothing acknowledged, and once there is space work goes on
//!
//! Source: C9.6, C9.7 (docs/spec/contract.md); decisions.
//!
//! After there is space again and the store was opened anew, nothing may fail; and what was acknowledged is there.
//!
//! Not checked: that a host gives back the space it took for what it could not finish

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "no-space-safe",
    sentence: "running out of space loses nothing acknowledged, and once there is space work goes on",
    sources: &["C9.6", "C9.7"],
    not_checked: "that a host gives back the space it took for what it could not finish",
    applies: super::always,
    breaches: &[Breach::FailsAfterFull, Breach::LostAfterFull],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{Story, failed};
    use crate::history::Event;
    use asl_host::ErrorKind;

    #[test]
    fn work_goes_on_when_there_is_space_again() {
        let mut story = Story::new();
        story.history.push(Event::Full);
        let asked = story.begin_append(0, 1);
        story.tell(asked, failed(ErrorKind::NoSpace));
        story.history.push(Event::Freed);
        let asked = story.begin_append(0, 2);
        story
            .tell(asked, failed(ErrorKind::Closed))
            .close()
            .open()
            .append(3, 1)
            .read(&[3])
            .keeps("no-space-safe");
        let asked = story.begin_append(0, 4);
        story.tell(asked, failed(ErrorKind::NoSpace)).breaks("no-space-safe");
    }

    #[test]
    fn nothing_acknowledged_is_lost_for_want_of_space() {
        let mut story = Story::new();
        story.append(1, 1).history.push(Event::Full);
        story.read(&[]).breaks_also("no-space-safe");
    }
}
