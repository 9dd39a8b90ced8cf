//! What buckets promise, vendor by vendor. What a row does not say is as [`AWS`] has it.
//!
//! Source: AWS S3's documentation of conditional writes and of its consistency. The other rows are what servers were seen to do, and
//! are told in docs/reference/object-stores.md.

/// When a bucket tests the condition of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conditions {
    /// In the instant of the change.
    WithTheChange,
    /// In an instant of their own, before the change.
    Before,
    /// Never.
    Ignored,
}

/// What a bucket promises.
#[derive(Debug)]
pub(crate) struct Axioms {
    pub(crate) conditions: Conditions,
    /// How many changes of the bucket a list may be behind.
    pub(crate) list_behind_max: u32,
    /// Whether it may say of two that change an object at once that they do (409), and do neither.
    pub(crate) conflicts: bool,
    /// Whether what is to be changed if it is unchanged, and is not there, is not found (404); elsewhere the condition fails (412).
    pub(crate) absent_is_not_found: bool,
    /// Whether it keeps all versions of an object, and marks of deletion.
    pub(crate) versioned: bool,
}

/// S3: conditions are atomic, lists show all.
pub(crate) static AWS: Axioms = Axioms {
    conditions: Conditions::WithTheChange,
    list_behind_max: 0,
    conflicts: true,
    absent_is_not_found: true,
    versioned: false,
};

/// SeaweedFS 4.48, with versions.
pub(crate) static SEAWEEDFS: Axioms =
    Axioms { conflicts: false, absent_is_not_found: false, versioned: true, ..AWS };

/// Azure's blobs: 409 says that the blob is there, and nothing else.
pub(crate) static AZURE: Axioms = Axioms { conflicts: false, absent_is_not_found: false, ..AWS };

/// A list may be behind.
pub(crate) static STALE_LIST: Axioms = Axioms { list_behind_max: 8, ..AWS };

/// Two that create an object at once may both be told that they did.
pub(crate) static NOT_ATOMIC: Axioms = Axioms { conditions: Conditions::Before, ..AWS };

/// A create replaces what is there.
pub(crate) static IGNORES: Axioms = Axioms { conditions: Conditions::Ignored, ..AWS };
