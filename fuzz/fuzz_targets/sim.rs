//! Runs of the reference host.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asl_fuzz::host(asl_sim::target::sim, bytes));
asl_fuzz::mutator!();
