//! The program `agentless-exporter`.

fn main() {}
