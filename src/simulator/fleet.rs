//! What is scanned: a fleet drawn from the seed.

use std::ops::Range;

use super::dice::{Dice, mix};

/// `TargetType`s in the proportions of the fleet: mostly snapshots (1) and images (2). The first
/// two entries see to it that the smallest fleets have those.
const TYPES: [u8; 20] = [1, 2, 1, 1, 2, 1, 3, 1, 2, 1, 4, 1, 2, 1, 5, 1, 2, 6, 1, 7];

/// What machines are for. Quotes, backslashes and other scripts are names that people give, too.
const ROLES: [&str; 10] = [
    "web",
    "db",
    "build",
    "cache",
    "bastion",
    "ml-train",
    "erp",
    "数据库",
    "old \"billing\" box",
    "c:\\share",
];

/// Most of the data on one target, in hundredths of an MB: 300 GiB.
const SIZE_MAX: u64 = 300 * 1024 * 100;

/// One thing that is scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// `TargetType`, 1 to 7.
    pub(super) kind: u8,
    /// `Uuid`; empty for some, which only their name tells apart.
    pub(super) uuid: String,
    /// `TargetName`, unique.
    pub(super) name: String,
    /// `InstanceId`.
    pub(super) instance_id: String,
    /// `InstanceName`.
    pub(super) instance_name: String,
    /// `InternetIp`; empty for most.
    pub(super) internet_ip: String,
    /// `IntranetIp`, unique.
    pub(super) intranet_ip: String,
    /// Data on it, in hundredths of an MB.
    pub(super) size: u64,
}

/// Everything that is scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fleet {
    targets: Vec<Target>,
    by_kind: Vec<Vec<u32>>,
}

impl Fleet {
    /// A fleet of `size` targets.
    pub(super) fn new(seed: u64, size: usize) -> Self {
        let targets: Vec<_> = (0..size).map(|index| target(seed, index)).collect();
        let mut by_kind = vec![Vec::new(); Self::kinds().len()];
        for (index, target) in (0..).zip(&targets) {
            by_kind[usize::from(target.kind)].push(index);
        }
        Self { targets, by_kind }
    }

    /// The numbers that `TargetType`s index arrays by.
    pub(super) const fn kinds() -> Range<usize> {
        0..8
    }

    /// The target of that number.
    pub(super) fn get(&self, index: u32) -> &Target {
        &self.targets[index as usize]
    }

    /// The numbers of the targets of one type.
    pub(super) fn of_kind(&self, kind: u8) -> &[u32] {
        &self.by_kind[usize::from(kind)]
    }

    /// How many targets there are.
    pub(super) const fn len(&self) -> usize {
        self.targets.len()
    }
}

fn target(seed: u64, index: usize) -> Target {
    let mut dice = Dice::new(mix(mix(seed, 0xF1EE7), index as u64));
    let kind = TYPES[index % TYPES.len()];
    let role = ROLES[dice.below(ROLES.len() as u64) as usize];
    let instance_name = format!("{role}-{index:03}");
    let [_, high, middle, low] = (index as u32).to_be_bytes();
    let prefix = match kind {
        1 | 3 => "s",
        2 | 4 => "m",
        5 => "nas",
        _ => "i",
    };
    let size = match dice.below(16) {
        0 => 0,
        1..=6 => dice.below(SIZE_MAX / 64),
        _ => dice.below(SIZE_MAX),
    };
    Target {
        kind,
        uuid: if index % 10 == 9 { String::new() } else { uuid(&mut dice) },
        name: format!("{prefix}-{instance_name}"),
        instance_id: format!("{prefix}-sim{:016x}", dice.any()),
        instance_name,
        // The ranges that are set aside for documentation.
        internet_ip: if dice.chance(0.3) { format!("203.0.113.{low}") } else { String::new() },
        intranet_ip: format!("10.{high}.{middle}.{low}"),
        size,
    }
}

fn uuid(dice: &mut Dice) -> String {
    let (a, b) = (dice.any(), dice.any());
    let [first, second, third, fourth] = [a >> 32, (a >> 16) & 0xFFFF, a & 0xFFFF, b >> 48];
    format!("{first:08x}-{second:04x}-{third:04x}-{fourth:04x}-{:012x}", b & 0xFFFF_FFFF_FFFF)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_fleet_is_a_property_of_its_seed() {
        assert_eq!(Fleet::new(7, 50), Fleet::new(7, 50));
        assert_ne!(Fleet::new(7, 50), Fleet::new(8, 50));
    }

    #[test]
    fn every_target_can_be_told_apart() {
        let fleet = Fleet::new(1, 5_000);
        let identities: BTreeSet<_> = fleet
            .targets
            .iter()
            .map(|target| if target.uuid.is_empty() { &target.name } else { &target.uuid })
            .collect();
        assert_eq!(identities.len(), fleet.len());
    }

    #[test]
    fn a_fleet_is_mostly_snapshots_and_images_and_has_every_other_type() {
        let fleet = Fleet::new(1, 200);
        assert!(fleet.of_kind(1).len() + fleet.of_kind(2).len() >= 140);
        assert!((3..=7).all(|kind| !fleet.of_kind(kind).is_empty()));
        assert_eq!(Fleet::new(1, 2).of_kind(2), [1]);
    }
}
