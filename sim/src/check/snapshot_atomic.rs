//! `snapshot-atomic`: a crash during creation leaves a snapshot complete or absent
//!
//! Source: C5.3, C5.6, C5.9, C5.10, C5.11 (docs/spec/contract.md); ASL-HOST section 5.
//!
//! Every snapshot that is listed can be mounted and holds what was acknowledged before its creation was called,
//! with the log's and the blocks' bytes.
//!
//! Not checked: which of several creations in doubt a snapshot is of

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "snapshot-atomic",
    sentence: "a crash during creation leaves a snapshot complete or absent",
    sources: &["C5.3", "C5.6", "C5.9", "C5.10", "C5.11"],
    not_checked: "which of several creations in doubt a snapshot is of",
    applies: |capabilities| capabilities.snapshots,
    breaches: &[Breach::SnapshotIncomplete],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::{Story, failed};
    use crate::history::{Ask, Told, View};
    use asl_host::ErrorKind;

    #[test]
    fn a_snapshot_holds_what_was_acknowledged_before_it() {
        let mut story = Story::new();
        story.append(1, 1);
        let block = story.block("b", 5, Some(Told::Done));
        let snapshot = story.snapshot("s");
        story
            .crash_and_open()
            .list_snapshots(&[snapshot])
            .inspect(snapshot, &[1], &[(block, 5)])
            .keeps("snapshot-atomic");
        let lacking = |ops: &[u32], blocks: &[_]| {
            let mut story = Story::new();
            story.append(1, 1);
            story.block("b", 5, Some(Told::Done));
            let snapshot = story.snapshot("s");
            story.crash_and_open().inspect(snapshot, ops, blocks).breaks("snapshot-atomic");
        };
        lacking(&[], &[(block, 5)]);
        lacking(&[1], &[]);
        lacking(&[1], &[(block, 6)]);
        lacking(&[2], &[(block, 5)]);
    }

    #[test]
    fn a_snapshot_numbers_its_records_from_one() {
        let mut story = Story::new();
        story.append(1, 1);
        let snapshot = story.snapshot("s");
        let records = vec![(2, story.payload(1))];
        let view = View { records, ..View::default() };
        story.ask(Ask::InspectSnapshot { snapshot }, Told::View(Box::new(view))).breaks("snapshot-atomic");
    }

    #[test]
    fn a_snapshot_that_exists_can_be_mounted() {
        let mut story = Story::new();
        let snapshot = story.snapshot("s");
        story.crash_and_open().ask(Ask::InspectSnapshot { snapshot }, failed(ErrorKind::Corrupt));
        story.breaks("snapshot-atomic");
        let mut story = Story::new();
        let snapshot = story.snapshot("s");
        let asked = story.fault().begin(0, Ask::InspectSnapshot { snapshot });
        story.tell(asked, failed(ErrorKind::Io)).inspect(snapshot, &[], &[]).keeps("snapshot-atomic");
    }

    #[test]
    fn a_creation_in_doubt_leaves_a_whole_snapshot_or_none() {
        let mut story = Story::new();
        story.append(1, 1).begin(0, Ask::CreateSnapshot);
        let snapshot = story.name("s");
        story
            .crash_and_open()
            .list_snapshots(&[snapshot])
            .inspect(snapshot, &[1], &[])
            .keeps("snapshot-atomic");
        let mut story = Story::new();
        story.append(1, 1).begin(0, Ask::CreateSnapshot);
        let snapshot = story.name("s");
        story
            .crash_and_open()
            .list_snapshots(&[snapshot])
            .inspect(snapshot, &[], &[])
            .breaks("snapshot-atomic");
    }

    #[test]
    fn a_creation_that_failed_is_in_doubt_too() {
        let mut story = Story::new();
        let asked = story.begin(0, Ask::CreateSnapshot);
        let snapshot = story.name("s");
        story.fault().tell(asked, failed(ErrorKind::Io)).list_snapshots(&[snapshot]).inspect(
            snapshot,
            &[],
            &[],
        );
        story.keeps("snapshot-atomic");
    }

    #[test]
    fn a_snapshot_that_nobody_made_is_not_listed() {
        let mut story = Story::new();
        let snapshot = story.name("s");
        story.list_snapshots(&[snapshot]).breaks("snapshot-atomic");
        let mut story = Story::new();
        story.begin(1, Ask::CreateSnapshot);
        story.list_snapshots(&[snapshot]).keeps("error-honest");
    }

    #[test]
    fn of_two_creations_each_holds_what_was_acknowledged_before_it() {
        let mut story = Story::new();
        story.begin(1, Ask::CreateSnapshot);
        let later = story.append(1, 1).begin(2, Ask::CreateSnapshot);
        let snapshot = story.name("s");
        story.tell(later, Told::Named(snapshot)).inspect(snapshot, &[], &[]).breaks("snapshot-atomic");
    }

    /// A creation failed while two seals were in doubt; those came to nothing, another block was sealed, and a second
    /// creation was in doubt. The snapshot that turned up was judged by the first one's blocks, because they were more.
    #[test]
    fn a_snapshot_of_one_of_two_creations_in_doubt_may_be_of_either() {
        let mut story = Story::new();
        story.block("a", 5, Some(Told::Cancelled));
        story.block("b", 6, Some(Told::Cancelled));
        story.begin(0, Ask::CreateSnapshot);
        story.crash_and_open().list_blocks(&[]).list_snapshots(&[]);
        let block = story.block("c", 7, Some(Told::Done));
        story.begin(0, Ask::CreateSnapshot);
        let snapshot = story.name("s");
        story.crash_and_open().list_snapshots(&[snapshot]).inspect(snapshot, &[], &[(block, 7)]);
        story.keeps("snapshot-atomic");
    }
}
