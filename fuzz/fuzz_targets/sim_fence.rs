//! Runs of the reference host, which fences.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asl_fuzz::host(asl_sim::target::sim_fence, bytes));
asl_fuzz::mutator!();
