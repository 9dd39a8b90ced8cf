//! `snapshot-read-only`: mounting a snapshot gives a read-only handle
//!
//! Source: C5.12 (docs/spec/contract.md); ASL-HOST section 5.
//!
//! A mounted snapshot refuses appends, new blocks and new snapshots.
//!
//! Not checked: which error it refuses with, and writes that go around the handle

use super::{Breach, Invariant};

pub(super) static INVARIANT: Invariant = Invariant {
    name: "snapshot-read-only",
    sentence: "mounting a snapshot gives a read-only handle",
    sources: &["C5.12"],
    not_checked: "which error it refuses with, and writes that go around the handle",
    applies: |capabilities| capabilities.snapshots,
    breaches: &[Breach::SnapshotWritable],
};

#[cfg(test)]
mod tests {
    use crate::check::testing::Story;
    use crate::history::{Ask, Told, View};
    use asl_host::Operation;

    #[test]
    fn a_mounted_snapshot_refuses_to_be_written() {
        let mut story = Story::new();
        let snapshot = story.snapshot("s");
        story.inspect(snapshot, &[], &[]).keeps("snapshot-read-only");
        let view = View { let_write: vec![Operation::Append], ..View::default() };
        story.ask(Ask::InspectSnapshot { snapshot }, Told::View(Box::new(view))).breaks("snapshot-read-only");
    }
}
