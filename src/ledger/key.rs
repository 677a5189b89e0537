//! Fixed-size stand-ins for ids.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::num::NonZeroU64;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};

use crate::model::{TargetType, Task};

/// A 128-bit fingerprint of a `TaskId`, the same in every process. Two ids among a million
/// share one with a chance of 1 in 10^26.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskKey([u8; 16]);

impl TaskKey {
    /// The fingerprint of `id`.
    pub fn of(id: &str) -> Self {
        let digest = Sha1::digest(id.as_bytes());
        Self(*digest.first_chunk().expect("SHA-1 has 20 bytes"))
    }

    /// The key of which these are the [`Self::bytes`].
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes, the same in every process.
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// A 64-bit fingerprint of a target within its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TargetKey(NonZeroU64);

impl TargetKey {
    /// The fingerprint of the target of `task`, if the task names one.
    pub fn of(task: &Task<'_>) -> Option<Self> {
        task.target.as_deref().map(|target| Self::new(task.target_type, target))
    }

    /// The key of which these are the [`Self::bits`]; `None` for 0, which no key has.
    pub fn from_bits(bits: u64) -> Option<Self> {
        NonZeroU64::new(bits).map(Self)
    }

    /// Its bits, the same in every process.
    pub fn bits(self) -> u64 {
        self.0.get()
    }

    fn new(target_type: TargetType, target: &str) -> Self {
        let digest = Sha1::new().chain_update([target_type as u8]).chain_update(target.as_bytes()).finalize();
        let bits = u64::from_le_bytes(*digest.first_chunk().expect("SHA-1 has 20 bytes"));
        Self(NonZeroU64::new(bits).unwrap_or(NonZeroU64::MIN))
    }
}

/// A map whose keys are fingerprints: they are hashes already, so they are not hashed again.
pub type KeyMap<K, V> = HashMap<K, V, BuildHasherDefault<KeyHasher>>;

/// Something of each task, close together: of a million entries a hash table leaves half its places
/// empty, each as large as an entry. Here those are small, and a walk over all is quick.
pub type TaskMap<V> = IndexMap<TaskKey, V, BuildHasherDefault<KeyHasher>>;

/// A set of fingerprints.
pub type KeySet<K> = HashSet<K, BuildHasherDefault<KeyHasher>>;

/// Takes the first eight bytes of a fingerprint as its hash.
#[derive(Debug, Default)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn write_u64(&mut self, bits: u64) {
        self.0 = bits;
    }

    // An array hashes its length first, which tells nothing here.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_in_every_process() {
        // The first 16 bytes of the SHA-1 of "abc" (FIPS 180).
        let expected =
            [0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e, 0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c];
        assert_eq!(TaskKey::of("abc"), TaskKey(expected));
    }

    #[test]
    fn the_same_name_in_two_types_is_two_targets() {
        assert_ne!(TargetKey::new(TargetType::Image, "a"), TargetKey::new(TargetType::Snapshot, "a"));
        assert_eq!(TargetKey::new(TargetType::Image, "a"), TargetKey::new(TargetType::Image, "a"));
    }

    #[test]
    fn maps_spread_keys_by_their_first_bytes() {
        let keys: KeySet<TaskKey> = (0..1000).map(|n| TaskKey::of(&n.to_string())).collect();
        assert_eq!(keys.len(), 1000);
        let mut hasher = KeyHasher::default();
        std::hash::Hash::hash(&TaskKey([1, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9]), &mut hasher);
        assert_eq!(hasher.finish(), 1);
    }
}
