//! Recovery of arbitrary images by the target `sim`: it answers, and what it shows it shows again.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asl_fuzz::image(asl_sim::target::sim, bytes));
