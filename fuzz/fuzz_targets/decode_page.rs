#![no_main]
//! See `src/decode_page.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentless_exporter_fuzz::decode_page(data));
