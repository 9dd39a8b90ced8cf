//! Runs of the target that `ASL_FUZZ_TARGET` names: a specimen, to see that its bug is found.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asl_fuzz::host(asl_fuzz::named, bytes));
asl_fuzz::mutator!();
