//! `single-writer`: a store has one writer, and a dead one is in nobody's way
//!
//! Source: C6.2, C6.3, C6.4, C6.7, C6.8 (docs/spec/contract.md); ASL-HOST section 8.
//!
//! A host that refuses lets nobody open or destroy a store while it is open; the lock of a process that is gone never blocks. A
//! host that fences lets the newest open in, and whatever is written through older handles after that fails and changes nothing.
//!
//! Not checked: what a handle that was fenced off still reads

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "single-writer",
    sentence: "a store has one writer, and a dead one is in nobody's way",
    sources: &["C6.2", "C6.3", "C6.4", "C6.7", "C6.8"],
    not_checked: "what a handle that was fenced off still reads",
    applies: super::always,
    breaches: &[Breach::SecondWriter, Breach::LockedOut],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{MAIN, Story, failed};
    use crate::history::SECOND;
    use crate::history::{Ask, Told};
    use asl_host::{Durability, ErrorKind, Exclusion};

    const SECOND_OPEN: Ask = Ask::Open { place: MAIN, second: true };

    fn fencing(durability: Durability) -> Story {
        let mut story = Story::new();
        story.history.capabilities.exclusion = Exclusion::Fence;
        story.history.capabilities.durability = durability;
        story.append(1, 1);
        story
    }

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

    #[test]
    fn a_fenced_writer_is_refused_and_the_new_one_goes_on() {
        let mut story = fencing(Durability::OnAppend);
        story.ask(SECOND_OPEN, Told::Done);
        let stale = story.begin_append(0, 2);
        story.tell(stale, failed(ErrorKind::ConcurrentModification));
        let new = story.begin_append(SECOND, 3);
        story.tell(new, Told::Seq(2)).close().open().read(&[1, 3]).keeps("single-writer");
    }

    #[test]
    fn a_fenced_writer_that_still_writes_breaks_it() {
        let mut story = fencing(Durability::OnAppend);
        story.ask(SECOND_OPEN, Told::Done).append(2, 2).breaks("single-writer");
        let mut story = fencing(Durability::OnAppend);
        let snapshot = story.name("stale");
        story.ask(SECOND_OPEN, Told::Done).ask(Ask::CreateSnapshot, Told::Named(snapshot));
        story.breaks("single-writer");
    }

    #[test]
    fn what_a_fence_refused_never_shows() {
        let mut story = fencing(Durability::OnAppend);
        story.ask(SECOND_OPEN, Told::Done);
        let stale = story.begin_append(0, 2);
        story
            .tell(stale, failed(ErrorKind::ConcurrentModification))
            .open()
            .read(&[1, 2])
            .breaks("log-prefix");
    }

    #[test]
    fn an_append_that_the_fence_overtook_is_in_doubt() {
        for shown in [&[1, 2][..], &[1]] {
            let mut story = fencing(Durability::OnAppend);
            let old = story.begin_append(0, 2);
            story.ask(SECOND_OPEN, Told::Done).tell(old, failed(ErrorKind::ConcurrentModification));
            story.open().read(shown).keeps("append-atomic");
        }
    }

    #[test]
    fn an_append_that_was_acknowledged_before_the_fence_is_there_after_it() {
        let mut story = fencing(Durability::OnAppend);
        story.append(2, 2).ask(SECOND_OPEN, Told::Done).open().read(&[1]).breaks("append-durable");
    }

    #[test]
    fn a_host_that_fences_refuses_no_open() {
        let mut story = fencing(Durability::OnAppend);
        story.ask(SECOND_OPEN, failed(ErrorKind::ConcurrentModification)).breaks("single-writer");
    }

    #[test]
    fn a_host_that_is_durable_on_flush_may_learn_of_the_fence_late_but_its_records_stay_away() {
        let mut story = fencing(Durability::OnFlush);
        story.ask(Ask::Flush { place: MAIN }, Told::Seq(1)).append(2, 2);
        story.ask(SECOND_OPEN, Told::Done).append(3, 3);
        let new = story.begin_append(SECOND, 4);
        // The second, which nothing covered, is gone, and its number free.
        story.tell(new, Told::Seq(2)).close().open().read(&[1, 4]).keeps("log-prefix");
        let mut story = fencing(Durability::OnFlush);
        story.ask(SECOND_OPEN, Told::Done).append(3, 2).open().read(&[1, 3]).breaks("log-prefix");
    }
}
