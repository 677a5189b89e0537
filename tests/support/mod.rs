//! What the tests of the whole program share: processes, HTTP, the exposition, other tools.

// Each test file is a program of its own and uses only some of this.
#![allow(dead_code)]

pub(crate) mod counted;
pub(crate) mod exposition;
pub(crate) mod gate;
pub(crate) mod hostile;
pub(crate) mod http;
pub(crate) mod leaks;
pub(crate) mod process;
pub(crate) mod programs;
pub(crate) mod prometheus;
pub(crate) mod small_disk;
pub(crate) mod switch;
pub(crate) mod tap;
pub(crate) mod tls;
pub(crate) mod tools;
pub(crate) mod truth;
pub(crate) mod yaml;

use std::time::{Duration, Instant};

/// Asks `probe` until it gives something; what it last gave as its reason is told at the deadline.
///
/// # Panics
/// At the deadline.
pub(crate) fn wait_for<T>(what: &str, within: Duration, mut probe: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match probe() {
            Ok(found) => return found,
            Err(reason) => {
                assert!(start.elapsed() < within, "waited {within:?} for {what}: {reason}");
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
