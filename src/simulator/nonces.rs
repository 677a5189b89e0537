//! What was seen before: nonces, which must not come twice, and requests, whose attempts are counted.

use std::collections::{HashMap, HashSet};
use std::mem;

/// A time stamp may lie so far before or after the clock, in milliseconds.
pub(super) const TIME_TOLERANCE: u64 = 15 * 60 * 1000;

/// Most entries of one generation. More requests than that within its time shorten the memory.
const ENTRIES_MAX: usize = 100_000;

/// Remembers the nonces of at least as long as their time stamps are accepted: a nonce stays for
/// one to two generations, and one lasts from the earliest acceptable stamp to the latest.
#[derive(Debug, Default)]
pub(super) struct Nonces {
    current: HashSet<String>,
    previous: HashSet<String>,
    since: u64,
}

impl Nonces {
    /// Notes `nonce`; `false` if it was there already.
    pub(super) fn note(&mut self, nonce: &str, now: u64) -> bool {
        if now.abs_diff(self.since) > 2 * TIME_TOLERANCE || self.current.len() >= ENTRIES_MAX {
            self.previous = mem::take(&mut self.current);
            self.since = now;
        }
        !self.previous.contains(nonce) && self.current.insert(nonce.to_owned())
    }
}

/// Counts how often each request came, by its hash.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    current: HashMap<u64, u64>,
    previous: HashMap<u64, u64>,
}

impl Attempts {
    /// How often this request came before.
    pub(super) fn count(&mut self, request: u64) -> u64 {
        if self.current.len() >= ENTRIES_MAX {
            self.previous = mem::take(&mut self.current);
        }
        let known = self.previous.get(&request).copied().unwrap_or(0);
        let count = self.current.entry(request).or_insert(known);
        *count += 1;
        *count - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_refused_for_as_long_as_its_stamp_is_good() {
        let mut nonces = Nonces::default();
        let start = 1_000_000_000;
        assert!(nonces.note("a", start));
        assert!(!nonces.note("a", start + 2 * TIME_TOLERANCE));
        assert!(nonces.note("b", start + 2 * TIME_TOLERANCE + 1));
        assert!(!nonces.note("a", start + 2 * TIME_TOLERANCE + 2));
    }

    #[test]
    fn the_memory_of_nonces_is_bounded() {
        let mut nonces = Nonces::default();
        for n in 0..3 * ENTRIES_MAX {
            nonces.note(&n.to_string(), 5);
        }
        assert!(nonces.current.len() + nonces.previous.len() <= 2 * ENTRIES_MAX);
    }

    #[test]
    fn attempts_of_one_request_are_counted_apart_from_others() {
        let mut attempts = Attempts::default();
        let counts = [7, 7, 8, 7].map(|request| attempts.count(request));
        assert_eq!(counts, [0, 1, 0, 2]);
    }
}
