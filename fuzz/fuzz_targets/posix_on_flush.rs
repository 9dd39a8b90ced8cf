//! Runs of the host on POSIX file systems, durable on flush.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asl_fuzz::host(asl_sim::target::posix_on_flush, bytes));
asl_fuzz::mutator!();
