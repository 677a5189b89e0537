//! Reproducible chance: hashes of seeds and keys, the same on every machine and in every version.

/// A number that depends on every bit of `seed` and `key` (the finaliser of SplitMix64).
pub(super) const fn mix(seed: u64, key: u64) -> u64 {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut bits = seed ^ key.wrapping_add(1).wrapping_mul(GOLDEN);
    bits = bits.wrapping_add(GOLDEN);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// The same for a text.
pub(super) fn mix_text(seed: u64, text: &str) -> u64 {
    // FNV-1a, then spread.
    let hash = text
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3));
    mix(seed, hash)
}

/// A row of throws that starts from a seed.
#[derive(Clone, Debug)]
pub(super) struct Dice {
    seed: u64,
    throws: u64,
}

impl Dice {
    /// Dice whose throws depend on `seed` alone.
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, throws: 0 }
    }

    /// Any number.
    pub(super) const fn any(&mut self) -> u64 {
        self.throws += 1;
        mix(self.seed, self.throws)
    }

    /// A number below `bound`; 0 if that is 0.
    pub(super) const fn below(&mut self, bound: u64) -> u64 {
        match bound {
            0 => 0,
            _ => self.any() % bound,
        }
    }

    /// A number from `low` to `high`.
    pub(super) const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True with this probability: never at 0, always at 1.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        // The 53 high bits make an exact fraction below 1.
        let fraction = (self.any() >> 11) as f64 / (1u64 << 53) as f64;
        fraction < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throws_depend_on_the_seed_alone() {
        let row = |seed| {
            let mut dice = Dice::new(seed);
            [dice.any(), dice.below(10), dice.between(3, 5)]
        };
        assert_eq!(row(7), row(7));
        assert_ne!(row(7), row(8));
        assert_ne!(mix_text(1, "a"), mix_text(1, "b"));
    }

    #[test]
    fn certain_and_impossible_are_exact_and_the_rest_is_near() {
        let mut dice = Dice::new(1);
        assert!((0..1000).all(|_| dice.chance(1.0)));
        assert!(!(0..1000).any(|_| dice.chance(0.0)));
        let hits = (0..10_000).filter(|_| dice.chance(0.3)).count();
        assert!((2_700..3_300).contains(&hits), "{hits}");
    }
}
