//! Frames of a log: see `asl_sim::fuzz::readers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asl_sim::fuzz::readers::frames(bytes));
