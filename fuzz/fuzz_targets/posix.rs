//! Runs of the host on POSIX file systems.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asl_fuzz::host(asl_sim::target::posix, bytes));
asl_fuzz::mutator!();
