#![no_main]

#[path = "../targets/logql_eval.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
