//! Runs of the host on POSIX file systems, durable on flush.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asl_fuzz::host("posix:on-flush", bytes));
asl_fuzz::mutator!();
