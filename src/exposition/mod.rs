//! From finished snapshots and meters to the bytes of a scrape.
