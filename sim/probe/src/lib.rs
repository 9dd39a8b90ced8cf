//! Which of the axioms that a log on an object store needs a bucket keeps.
#![cfg(feature = "vendors")]
