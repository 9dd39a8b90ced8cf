//! The profiles that a run may have its medium behave as, each of one kind of medium.
//!
//! To add one: a row here. What it promises is its medium's: of a file system, axioms (`files::fs::axioms`).

use super::files::fs::axioms::{self, Axioms};
use super::objects::axioms as bucket;
use serde::{Deserialize, Serialize};

/// What a profile is one of, and what its medium has to know of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A file system, and a block device beside it.
    Files(&'static Axioms),
    /// A bucket of an object store.
    Objects(&'static bucket::Axioms),
    /// Named cells behind a network.
    Cells,
}

macro_rules! profiles {
    ($($(#[doc = $doc:literal])* $name:ident $text:literal $kind:expr),* $(,)?) => {
        /// What is promised of a medium: of a file system, beyond fsync.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(rename_all = "kebab-case")]
        pub enum Profile { $($(#[doc = $doc])* #[serde(rename = $text)] $name),* }

        const ALL: &[(Profile, &str)] = &[$((Profile::$name, concat!($($doc),*))),*];

        impl Profile {
            /// Its name on the command line.
            pub fn as_str(self) -> &'static str {
                match self { $(Profile::$name => $text),* }
            }

            pub(crate) fn kind(self) -> Kind {
                match self { $(Profile::$name => $kind),* }
            }
        }
    };
}

profiles! {
    /// Promises nothing beyond fsync: names, sizes and sectors persist independently (default).
    Posix "posix" Kind::Files(&axioms::POSIX),
    /// ext4 as distributions mount it: metadata in the order of a journal, no stale data, lost data reads as zeros.
    Ext4Ordered "ext4-ordered" Kind::Files(&axioms::EXT4_ORDERED),
    /// ext4 with data=writeback: as ext4-ordered, but lost data may read as what was on the disk before.
    Ext4Writeback "ext4-writeback" Kind::Files(&axioms::EXT4_WRITEBACK),
    /// xfs: metadata in the order of a log; a size is durable only after the data below its end was written.
    Xfs "xfs" Kind::Files(&axioms::XFS),
    /// btrfs: an fsync logs its file and a new file's name, and no other file's; a failed fsync reverts content and size.
    Btrfs "btrfs" Kind::Files(&axioms::BTRFS),
    /// zfs: unsynced changes survive as a prefix of all changes; an fsync commits all earlier changes of names.
    Zfs "zfs" Kind::Files(&axioms::ZFS),
    /// S3, and what is as strict: conditions are tested with the change, lists show everything.
    Aws "aws" Kind::Objects(&bucket::AWS),
    /// SeaweedFS: as aws, with versions, and without conflicts (409).
    Seaweedfs "seaweedfs" Kind::Objects(&bucket::SEAWEEDFS),
    /// Azure's blobs: as aws, without conflicts.
    Azure "azure" Kind::Objects(&bucket::AZURE),
    /// A bucket whose lists may be some changes behind.
    StaleList "stale-list" Kind::Objects(&bucket::STALE_LIST),
    /// A bucket that tests conditions before the change: of two that create an object at once, both may be told that they did.
    NotAtomicConditions "not-atomic-conditions" Kind::Objects(&bucket::NOT_ATOMIC),
    /// A bucket that does not test conditions: what is to be created replaces what is there.
    IgnoresConditions "ignores-conditions" Kind::Objects(&bucket::IGNORES),
    /// Cells are written as a whole, and are durable then; for the tests of the simulator itself.
    Cells "cells" Kind::Cells,
}

const FILE_SYSTEMS: usize = 6;
const BUCKETS: usize = 6;

impl Profile {
    /// All file systems, with what is special about each.
    pub const ALL: &'static [(Profile, &'static str)] = ALL.split_at(FILE_SYSTEMS).0;

    /// All buckets of object stores, with what is special about each.
    pub const BUCKETS: &'static [(Profile, &'static str)] = ALL.split_at(FILE_SYSTEMS).1.split_at(BUCKETS).0;

    /// The profile of this name.
    pub(crate) fn named(name: &str) -> Option<Profile> {
        ALL.iter().map(|(profile, _)| *profile).find(|profile| profile.as_str() == name)
    }

    /// What its medium is called.
    pub(crate) fn medium(self) -> &'static str {
        match self.kind() {
            Kind::Files(_) => "files",
            Kind::Objects(_) => "objects",
            Kind::Cells => "cells",
        }
    }

    /// Whether another one is of the same medium.
    pub(crate) fn is_of_the_medium_of(self, other: Profile) -> bool {
        self.medium() == other.medium()
    }

    /// All that are of the same medium.
    pub(crate) fn of_the_same_medium(self) -> impl Iterator<Item = Profile> {
        ALL.iter().map(|(profile, _)| *profile).filter(move |other| self.is_of_the_medium_of(*other))
    }

    /// Whether a sector that was never written may hold something: then what it holds is drawn.
    pub(crate) fn has_stale_fill(self) -> bool {
        self.axioms().is_some_and(|axioms| axioms.stale_fill)
    }

    /// What a file system promises, if it is one's.
    pub(crate) fn axioms(self) -> Option<&'static Axioms> {
        match self.kind() {
            Kind::Files(axioms) => Some(axioms),
            Kind::Objects(_) | Kind::Cells => None,
        }
    }

    /// What a bucket promises, if it is one's.
    pub(crate) fn bucket(self) -> Option<&'static bucket::Axioms> {
        match self.kind() {
            Kind::Objects(axioms) => Some(axioms),
            Kind::Files(_) | Kind::Cells => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_medium_stand_together() {
        assert!(Profile::ALL.iter().all(|(profile, _)| profile.axioms().is_some()));
        assert!(Profile::BUCKETS.iter().all(|(profile, _)| profile.bucket().is_some()));
        assert_eq!(FILE_SYSTEMS + BUCKETS + 1, ALL.len());
    }
}
