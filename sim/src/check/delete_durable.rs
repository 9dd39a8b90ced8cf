//! `delete-durable`: a deleted snapshot or destroyed store does not come back
//!
//! Source: C1.15, C1.16, C1.17, C5.14 (docs/spec/contract.md); decisions.
//!
//! Once the deletion was acknowledged, or a list or open has shown that it happened. That nothing else went with it
//! is seen by the other invariants.
//!
//! Not checked: what remains on the medium

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "delete-durable",
    sentence: "a deleted snapshot or destroyed store does not come back",
    sources: &["C1.15", "C1.16", "C1.17", "C5.14"],
    not_checked: "what remains on the medium",
    applies: super::always,
    breaches: &[Breach::DeletedCameBack, Breach::DestroyedCameBack],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{MAIN, Story, failed};
    use crate::history::{Ask, Told};
    use asl_host::ErrorKind;

    #[test]
    fn a_deleted_snapshot_stays_away() {
        let mut story = Story::new();
        let snapshot = story.snapshot("s");
        story.ask(Ask::DeleteSnapshot { snapshot }, Told::Done).crash_and_open().list_snapshots(&[]);
        story.keeps("delete-durable");
        story.crash_and_open().list_snapshots(&[snapshot]).breaks("delete-durable");
    }

    #[test]
    fn a_deletion_in_doubt_is_settled_by_the_first_list() {
        let mut story = Story::new();
        let snapshot = story.snapshot("s");
        story.begin(0, Ask::DeleteSnapshot { snapshot });
        story
            .crash_and_open()
            .list_snapshots(&[])
            .crash_and_open()
            .list_snapshots(&[snapshot])
            .breaks("delete-durable");
        let mut story = Story::new();
        let snapshot = story.snapshot("s");
        story.begin(0, Ask::DeleteSnapshot { snapshot });
        story.crash_and_open().list_snapshots(&[snapshot]).crash_and_open().list_snapshots(&[]);
        story.breaks("snapshot-frozen");
    }

    #[test]
    fn a_destroyed_store_stays_away() {
        let destroy = Ask::Destroy { place: MAIN, open: false };
        let open = Ask::Open { place: MAIN, second: false };
        let mut story = Story::new();
        story
            .close()
            .ask(destroy, Told::Done)
            .crash()
            .ask(open, failed(ErrorKind::NotFound))
            .keeps("delete-durable");
        let mut story = Story::new();
        story.close().ask(destroy, Told::Done).crash_and_open().breaks("delete-durable");
        let mut story = Story::new();
        story.close().begin(0, destroy);
        story.crash().ask(open, failed(ErrorKind::NotFound)).crash_and_open().breaks("delete-durable");
        let mut story = Story::new();
        story.close().ask(destroy, Told::Done).crash();
        story.ask(Ask::Create { place: MAIN }, failed(ErrorKind::Exists)).breaks("delete-durable");
        let mut story = Story::new();
        story.close().begin(0, destroy);
        story.crash_and_open().crash().ask(open, failed(ErrorKind::NotFound)).breaks("create-durable");
    }

    #[test]
    fn a_creation_that_is_on_its_way_may_land_behind_a_destruction_of_which_nobody_was_told() {
        // A put that made a store and one that destroyed it were cut off one after the other. An open found nothing, and then the first
        // one landed: the store had not come back, it had never been there.
        let lands = |late: bool| {
            let mut story = Story::blank();
            story.history.late_requests = late;
            story.begin(0, Ask::Create { place: MAIN });
            story.crash().begin(0, Ask::Destroy { place: MAIN, open: false });
            story.crash().ask(Ask::Open { place: MAIN, second: false }, failed(ErrorKind::NotFound));
            story.ask(Ask::Create { place: MAIN }, failed(ErrorKind::Exists));
            story
        };
        lands(true).keeps("delete-durable");
        lands(false).breaks("delete-durable");
        // One of which somebody was told does not land again.
        let mut story = Story::new();
        story.history.late_requests = true;
        story.close().begin(0, Ask::Destroy { place: MAIN, open: false });
        story.crash().ask(Ask::Open { place: MAIN, second: false }, failed(ErrorKind::NotFound));
        story.ask(Ask::Create { place: MAIN }, failed(ErrorKind::Exists)).breaks("delete-durable");
    }

    #[test]
    fn a_new_store_holds_nothing_of_the_old_one() {
        let mut story = Story::new();
        story.append(1, 1).close().ask(Ask::Destroy { place: MAIN, open: false }, Told::Done);
        story
            .ask(Ask::Create { place: MAIN }, Told::Done)
            .crash_and_open()
            .read(&[1])
            .breaks("delete-durable");
    }

    #[test]
    fn of_two_deletions_the_second_may_find_nothing() {
        let mut story = Story::new();
        let (kept, snapshot) = (story.snapshot("kept"), story.snapshot("s"));
        story.ask(Ask::DeleteSnapshot { snapshot }, Told::Done);
        story.ask(Ask::DeleteSnapshot { snapshot }, failed(ErrorKind::NotFound)).list_snapshots(&[kept]);
        story.keeps("delete-durable");
        story.list_snapshots(&[kept, snapshot]);
        story.breaks("delete-durable");
    }

    #[test]
    fn the_only_deletion_of_a_snapshot_finds_it() {
        let mut story = Story::new();
        let snapshot = story.snapshot("s");
        story.ask(Ask::DeleteSnapshot { snapshot }, failed(ErrorKind::NotFound)).breaks("error-honest");
    }

    #[test]
    fn after_a_destruction_and_a_creation_in_doubt_it_is_the_old_store_or_a_new_one() {
        let in_doubt = || {
            let mut story = Story::new();
            story.append(1, 1).close().begin(0, Ask::Destroy { place: MAIN, open: false });
            story.crash().begin(0, Ask::Create { place: MAIN });
            story.crash_and_open();
            story
        };
        in_doubt().read(&[]).append(2, 1).read(&[2]).keeps("append-durable");
        in_doubt().read(&[1]).append(2, 2).read(&[1, 2]).keeps("append-durable");
    }

    #[test]
    fn a_deletion_that_was_acknowledged_needs_no_list_to_be_certain() {
        let mut story = Story::new();
        let snapshot = story.snapshot("s");
        story.ask(Ask::DeleteSnapshot { snapshot }, Told::Done).crash_and_open().list_snapshots(&[snapshot]);
        story.breaks("delete-durable");
    }
}
