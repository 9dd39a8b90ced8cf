//! What buckets promise, vendor by vendor. What a row does not say is as [`AWS`] has it.
//!
//! Source: AWS S3's documentation of conditional writes and of its consistency. The other rows are what servers were seen to do, and
//! are told in docs/reference/object-stores.md. What stands here is what the clients of the crate `object_store` make of it: servers differ in
//! whether what is to be changed if it is unchanged, and is not there, fails as a condition (412) or is not found (404), and the crate says
//! that the condition failed.

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
#[expect(clippy::struct_excessive_bools, reason = "each is a column of a table")]
pub(crate) struct Axioms {
    pub(crate) conditions: Conditions,
    /// How many changes of the bucket a list may be behind.
    pub(crate) list_behind_max: u32,
    /// Whether it may say of two that change an object at once that they do (409), and do neither.
    pub(crate) conflicts: bool,
    /// Whether a removal of what is not there says so (404); elsewhere it is done.
    pub(crate) removal_needs_one: bool,
    /// Whether a name is taken for creations as soon as a part of an upload to it was put, though nothing is to be read there.
    pub(crate) uploads_take_names: bool,
    /// Whether it keeps all versions of an object, and marks of deletion.
    pub(crate) versioned: bool,
}

/// S3: conditions are atomic, lists show all.
pub(crate) static AWS: Axioms = Axioms {
    conditions: Conditions::WithTheChange,
    list_behind_max: 0,
    conflicts: true,
    removal_needs_one: false,
    uploads_take_names: false,
    versioned: false,
};

/// SeaweedFS 4.48, with versions.
pub(crate) static SEAWEEDFS: Axioms = Axioms { conflicts: false, versioned: true, ..AWS };

/// Azure's blobs, as Azurite 3.35 has them: 409 says that the blob is there, or that parts of it are; what is to be removed has to be there.
pub(crate) static AZURE: Axioms =
    Axioms { conflicts: false, removal_needs_one: true, uploads_take_names: true, ..AWS };

/// A list may be behind.
pub(crate) static STALE_LIST: Axioms = Axioms { list_behind_max: 8, ..AWS };

/// Two that create an object at once may both be told that they did.
pub(crate) static NOT_ATOMIC: Axioms = Axioms { conditions: Conditions::Before, ..AWS };

/// A create replaces what is there.
pub(crate) static IGNORES: Axioms = Axioms { conditions: Conditions::Ignored, ..AWS };
