#![no_main]
//! See `src/config.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentless_exporter_fuzz::config(data));
