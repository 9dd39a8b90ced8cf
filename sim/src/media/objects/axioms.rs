//! What buckets promise, vendor by vendor. What a row does not say is as [`AWS`] has it.
//!
//! Source: AWS S3's documentation of conditional writes and of its consistency. The other rows are what servers were seen to do, and
//! are told in docs/reference/object-stores.md.

/// What a bucket promises.
#[derive(Debug)]
pub(crate) struct Axioms {
    /// Conditions are tested in an instant of their own, before the change.
    pub(crate) tests_apart: bool,
    /// Conditions are not tested.
    pub(crate) ignores_conditions: bool,
    /// How many changes of the bucket a list may be behind.
    pub(crate) list_behind_max: u32,
}

/// S3: conditions are atomic, lists show all.
pub(crate) static AWS: Axioms = Axioms { tests_apart: false, ignores_conditions: false, list_behind_max: 0 };

/// A list may be behind.
pub(crate) static STALE_LIST: Axioms = Axioms { list_behind_max: 8, ..AWS };

/// Two that create an object at once may both be told that they did.
pub(crate) static NOT_ATOMIC: Axioms = Axioms { tests_apart: true, ..AWS };

/// A create replaces what is there.
pub(crate) static IGNORES: Axioms = Axioms { ignores_conditions: true, ..AWS };
