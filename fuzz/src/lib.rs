//! What must hold for any bytes from outside. The fuzz targets look for bytes that break it;
//! `tests/fuzz_corpus.rs` runs it over the bytes that are kept.

mod accept;
mod config;
mod decode_page;

pub use accept::accept;
pub use config::config;
pub use decode_page::decode_page;
