//! The steps of the host on a bucket that a bug can be planted in.

/// What is wrong with a host on a bucket; its module says it in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    PutsPlainly,
    LooksForTheEnd,
    ListIsTruth,
    PutsBehindItsOwn,
    DisownsItsCreation,
    DisownsItsRecord,
    ConflictIsTaken,
    GoesOnAfterLostPut,
    LivesElsewhere,
    RemovesEntries,
    LooksAtStatusAlone,
    ShowsOpenBlocks,
    TakesNoTurns,
}

/// The bug of a host, if it has one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Planted(pub(super) Option<Bug>);

impl Planted {
    /// Whether it is this one.
    pub(super) fn is(self, bug: Bug) -> bool {
        self.0 == Some(bug)
    }
}
