//! `single-writer`: a store has one writer, and a dead one is in nobody's way
//!
//! Source: section 8, `STORE_CONCURRENT_MODIFICATION`.
//!
//! A second open, or a destruction, is refused while the store is open; the lock of a process that is gone never
//! blocks.
//!
//! Not checked: hosts that fence off older writers instead of refusing

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "single-writer",
    sentence: "a store has one writer, and a dead one is in nobody's way",
    not_checked: "hosts that fence off older writers instead of refusing",
    applies: super::always,
    breaches: &[Breach::SecondWriter, Breach::LockedOut],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{MAIN, Story, failed};
    use crate::history::{Ask, Told};
    use asl_host::ErrorKind;

    #[test]
    fn a_second_writer_is_refused() {
        let second = Ask::Open { place: MAIN, second: true };
        let mut story = Story::new();
        story.ask(second, failed(ErrorKind::ConcurrentModification)).keeps("single-writer");
        Story::new().ask(second, Told::Done).breaks("single-writer");
        let destroy = Ask::Destroy { place: MAIN, open: true };
        let mut story = Story::new();
        story.ask(destroy, failed(ErrorKind::ConcurrentModification)).keeps("single-writer");
        Story::new().ask(destroy, Told::Done).breaks("single-writer");
    }

    #[test]
    fn nobody_is_kept_out_by_the_dead() {
        let open = Ask::Open { place: MAIN, second: false };
        Story::new().crash().ask(open, failed(ErrorKind::ConcurrentModification)).breaks("single-writer");
        Story::new().close().ask(open, failed(ErrorKind::ConcurrentModification)).breaks("single-writer");
        let destroy = Ask::Destroy { place: MAIN, open: false };
        Story::new().close().ask(destroy, failed(ErrorKind::ConcurrentModification)).breaks("single-writer");
    }

    #[test]
    fn a_second_process_may_open_and_destroy_what_is_closed() {
        let mut story = Story::new();
        story.close().ask(Ask::Open { place: MAIN, second: true }, Told::Done).close();
        story.ask(Ask::Destroy { place: MAIN, open: true }, Told::Done).keeps("create-durable");
    }
}
