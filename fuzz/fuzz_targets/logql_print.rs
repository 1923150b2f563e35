#![no_main]

#[path = "../targets/logql_print.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
