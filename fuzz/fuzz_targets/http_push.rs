#![no_main]

#[path = "../targets/http_push.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
