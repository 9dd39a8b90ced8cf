//! What file systems promise beyond POSIX, as axioms on the persistence graph.
//!
//! A change is anything that a call pends: a version of a sector, a size, a name. [`Axioms`] say which changes have an order
//! of their own, what a sync makes durable besides what it is called on, and what lies where nothing was written. All else
//! is as in `file` and `dir`. Each property has a litmus program whose whole set of states is asserted, by profile, in
//! `files::program::litmus`; those of ext4, xfs and btrfs are compared with what the kernel does (`sim/reality`).
//!
//! Where real file systems were not seen to lose something, but nothing in them rules it out, the axioms let it be lost: a
//! profile is the set of what a host must survive there, not a forecast.
//!
//! Not modelled: ext4 with `data=journal`, `nodelalloc`, `noauto_da_alloc` or fast commits; xfs with a real-time device;
//! btrfs with `nodatacow` or `flushoncommit`; mounts without barriers; zfs with `sync=disabled`.

pub(crate) const POSIX: Axioms = Axioms {
    order: Order::None,
    file_sync: NamesSynced::None,
    links_need_fsync: false,
    size: SizeSurvives::Alone,
    stale_fill: true,
    rename_allocates: false,
    failed_sync: FailedSync::AnyOfThese,
    atomic_write_len: None,
};

pub(crate) const EXT4_ORDERED: Axioms = Axioms { stale_fill: false, ..EXT4_WRITEBACK };

pub(crate) const EXT4_WRITEBACK: Axioms = Axioms {
    order: Order::Metadata,
    file_sync: NamesSynced::UpToOwnChange,
    links_need_fsync: true,
    size: SizeSurvives::Alone,
    stale_fill: true,
    rename_allocates: true,
    failed_sync: FailedSync::MarkedClean,
    atomic_write_len: None,
};

pub(crate) const XFS: Axioms = Axioms {
    order: Order::Metadata,
    file_sync: NamesSynced::UpToOwnChange,
    links_need_fsync: false,
    size: SizeSurvives::WithLastSector,
    stale_fill: false,
    rename_allocates: false,
    failed_sync: FailedSync::MarkedClean,
    atomic_write_len: None,
};

pub(crate) const BTRFS: Axioms = Axioms {
    order: Order::None,
    file_sync: NamesSynced::OwnOfNewInode,
    links_need_fsync: false,
    size: SizeSurvives::WithAnySector,
    stale_fill: false,
    rename_allocates: false,
    failed_sync: FailedSync::Reverted,
    atomic_write_len: None,
};

pub(crate) const ZFS: Axioms = Axioms {
    order: Order::Everything,
    file_sync: NamesSynced::AllEarlier,
    links_need_fsync: false,
    size: SizeSurvives::WithLastSector,
    stale_fill: false,
    rename_allocates: false,
    failed_sync: FailedSync::StaysPending,
    atomic_write_len: Some(128 << 10),
};

/// A file system, as far as crash states go.
#[derive(Debug)]
pub(crate) struct Axioms {
    pub(crate) order: Order,
    pub(crate) file_sync: NamesSynced,
    /// Whether fdatasync of a file passes over changes of its links and names (`i_datasync_tid` in ext4).
    pub(crate) links_need_fsync: bool,
    pub(crate) size: SizeSurvives,
    /// Whether a sector that was allocated and never written may hold garbage, or what another file had there.
    pub(crate) stale_fill: bool,
    /// Whether a rename over a file also commits the size of the file that takes its place (ext4(5), `auto_da_alloc`).
    pub(crate) rename_allocates: bool,
    pub(crate) failed_sync: FailedSync,
    /// Longest piece of a write, on a grid, that is whole or absent; the sector if `None`.
    pub(crate) atomic_write_len: Option<u64>,
}

/// Which unsynced changes survive only as a prefix of their order in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// None: each by itself, but for changes of one name.
    None,
    /// Names, cuts, extensions without data and preallocation: what goes through a journal.
    Metadata,
    /// Data too.
    Everything,
}

/// Which changes of names a sync of a file makes durable; a sync of a directory always does so for all in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamesSynced {
    /// None.
    None,
    /// The names of the file itself, if it has no durable one yet, and in the same way those of the directories above it.
    OwnOfNewInode,
    /// All up to the last change of the file's own metadata: what the journal must commit to have that. If the file has
    /// none that is uncommitted (say, only bytes were overwritten), none.
    UpToOwnChange,
    /// All.
    AllEarlier,
}

/// What a size that a write gave needs in order to be durable without a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SizeSurvives {
    /// Nothing: it is committed with what blocks the file has.
    Alone,
    /// The data just below it: it is committed when that was written, and no further.
    WithLastSector,
    /// Some of the data that was not synced: with the first of it, the whole size is committed.
    WithAnySector,
}

/// What becomes of what a failed sync should have made durable (Rebello et al., USENIX ATC 2020).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailedSync {
    /// It is still in the cache, but counts as written: another sync says yes without it.
    MarkedClean,
    /// The cache goes back to what is durable, sizes too.
    Reverted,
    /// Nothing: another sync tries again.
    StaysPending,
    /// The first or the second, as is decided for each failure: what a host must be prepared for anywhere.
    AnyOfThese,
}
