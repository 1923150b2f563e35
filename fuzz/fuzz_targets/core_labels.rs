#![no_main]

#[path = "../targets/core_labels.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
