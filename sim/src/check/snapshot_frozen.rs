//! `snapshot-frozen`: a snapshot is equal for ever to the state at its creation
//!
//! Source: C5.4, C5.7, C5.8 (docs/spec/contract.md); ASL-HOST section 5.
//!
//! It shows nothing that came after it, shows the same each time, and stays until it is deleted.
//!
//! Not checked: snapshots that nobody mounts

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "snapshot-frozen",
    sentence: "a snapshot is equal for ever to the state at its creation",
    sources: &["C5.4", "C5.7", "C5.8"],
    not_checked: "snapshots that nobody mounts",
    applies: |capabilities| capabilities.snapshots,
    breaches: &[Breach::SnapshotChanged],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::Story;
    use crate::history::{Ask, Told};

    #[test]
    fn a_snapshot_does_not_grow() {
        let mut story = Story::new();
        story.append(1, 1);
        let snapshot = story.snapshot("s");
        story.append(2, 2).inspect(snapshot, &[1], &[]).inspect(snapshot, &[1], &[]).keeps("snapshot-frozen");
        story.inspect(snapshot, &[1, 2], &[]).breaks("snapshot-frozen");
    }

    #[test]
    fn a_snapshot_shows_the_same_each_time() {
        let mut story = Story::new();
        let block = story.block("b", 1, None);
        let sealing = story.begin(1, Ask::SealBlock { block });
        let snapshot = story.snapshot("s");
        story.tell(sealing, Told::Done).inspect(snapshot, &[], &[(block, 1)]).inspect(snapshot, &[], &[]);
        story.breaks("snapshot-frozen");
    }

    #[test]
    fn a_block_sealed_later_is_not_in_it() {
        let mut story = Story::new();
        let snapshot = story.snapshot("s");
        let block = story.block("b", 1, Some(Told::Done));
        story.inspect(snapshot, &[], &[(block, 1)]).breaks("snapshot-frozen");
    }

    #[test]
    fn a_snapshot_stays_until_it_is_deleted() {
        let mut story = Story::new();
        let snapshot = story.snapshot("s");
        story.crash_and_open().list_snapshots(&[snapshot]).ask(Ask::DeleteSnapshot { snapshot }, Told::Done);
        story.list_snapshots(&[]).inspect(snapshot, &[], &[]).keeps("snapshot-atomic");
        let mut story = Story::new();
        story.snapshot("s");
        story.crash_and_open().list_snapshots(&[]).breaks("snapshot-frozen");
    }

    #[test]
    fn a_list_made_while_a_snapshot_was_taken_need_not_name_it() {
        let mut story = Story::new();
        let listing = story.begin(1, Ask::ListSnapshots);
        story.snapshot("s");
        story.tell(listing, Told::Names(Vec::new())).keeps("error-honest");
    }

    #[test]
    fn a_snapshot_with_blocks_and_records_shows_the_same_each_time() {
        let mut story = Story::new();
        story.append(1, 1).append_in_doubt(2);
        let (a, b) = (story.block("a", 5, Some(Told::Done)), story.block("b", 6, Some(Told::Done)));
        let snapshot = story.snapshot("s");
        story.inspect(snapshot, &[1], &[(a, 5), (b, 6)]).inspect(snapshot, &[1], &[(a, 5), (b, 6)]);
        story.keeps("snapshot-frozen");
        story.inspect(snapshot, &[1, 2], &[(a, 5), (b, 6)]).breaks("snapshot-frozen");
    }

    #[test]
    fn the_records_of_a_snapshot_do_not_change_their_bytes() {
        let mut story = Story::new();
        story.begin_append(1, 1);
        story.begin_append(2, 2);
        let snapshot = story.snapshot("s");
        story.inspect(snapshot, &[1], &[]).inspect(snapshot, &[2], &[]).breaks("snapshot-frozen");
    }

    #[test]
    fn the_blocks_of_a_snapshot_do_not_change_their_bytes() {
        let mut story = Story::new();
        let block = story.block("b", 5, Some(Told::Done));
        let snapshot = story.snapshot("s");
        story
            .inspect(snapshot, &[], &[(block, 5)])
            .inspect(snapshot, &[], &[(block, 6)])
            .breaks("snapshot-frozen");
    }

    #[test]
    fn a_creation_that_a_crash_cut_off_captured_nothing_later() {
        let mut story = Story::new();
        story.begin(0, Ask::CreateSnapshot);
        let snapshot = story.name("s");
        story.crash_and_open().append(1, 1).list_snapshots(&[snapshot]).inspect(snapshot, &[1], &[]);
        story.breaks("snapshot-frozen");
    }

    #[test]
    fn a_creation_that_goes_on_may_still_capture_what_is_begun_meanwhile() {
        let mut story = Story::new();
        let creating = story.begin(1, Ask::CreateSnapshot);
        let snapshot = story.name("s");
        story.append(1, 1).list_snapshots(&[snapshot]).inspect(snapshot, &[1], &[]);
        story.tell(creating, Told::Named(snapshot)).inspect(snapshot, &[1], &[]).keeps("snapshot-frozen");
    }
}
