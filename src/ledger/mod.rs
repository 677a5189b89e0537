//! What is remembered of the tasks of one source, in memory.
