//! The simulated Security Center: a real HTTP server with a seeded, moving fleet of scans.
