#![no_main]
//! See `src/accept.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentless_exporter_fuzz::accept(data));
