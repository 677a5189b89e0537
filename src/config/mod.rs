//! Configuration: one table of keys, layers, every mistake at once.
