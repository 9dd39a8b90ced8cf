//! The doors of the library: `cargo test`, the contract on a real disk, a store above a host, a bucket that stands alone, fuzzing, invariants and operations of one's own.

mod alone;
mod cas_store;
mod conform_library;
mod conformance;
mod double;
mod fuzz;
mod own_invariants;
mod own_operations;
