//! The composition root: builds the parts, supervises them, ends them.

pub mod check;
