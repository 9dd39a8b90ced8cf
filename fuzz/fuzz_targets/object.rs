//! Runs of the host on object stores, in a bucket as strict as S3.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asl_fuzz::host(asl_sim::target::object, bytes));
asl_fuzz::mutator!();
