//! Ids of tasks, which are found again without an index.

use super::dice::mix;
use super::world::World;

/// The `TaskId` of a scan or main task. Its length varies, and some start with a zero, which a
/// reader that takes it for a number loses.
pub(super) fn task_id(world: &World, is_root: bool, number: u32) -> String {
    let key = u64::from(number) * 2 + u64::from(is_root);
    let noise = mix(mix(world.seed(), 0x1D), key);
    let zero = if noise.is_multiple_of(16) { "0" } else { "" };
    format!("{zero}{}{:03}", key + 1, noise / 16 % 1000)
}

/// The task of that id: whether it is a main task, and its number.
pub(super) fn find_id(world: &World, id: &str) -> Option<(bool, u32)> {
    let key = id.get(..id.len().checked_sub(3)?)?.parse::<u64>().ok()?.checked_sub(1)?;
    let (is_root, number) = (key % 2 == 1, u32::try_from(key / 2).ok()?);
    (task_id(world, is_root, number) == id).then_some((is_root, number))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_lead_back_to_their_task() {
        let world = World::new(5, 1_795_489_445_123, 0, 1);
        let mut ids = BTreeSet::new();
        let mut lengths = BTreeSet::new();
        for number in 0..2_000 {
            for is_root in [false, true] {
                let id = task_id(&world, is_root, number);
                assert_eq!(find_id(&world, &id), Some((is_root, number)), "{id}");
                lengths.insert(id.len());
                assert!(ids.insert(id));
            }
        }
        assert!(lengths.len() >= 4, "{lengths:?}");
        for wrong in ["", "1", "000", "1000000", "x1234", "中文字", "18446744073709551615999"] {
            assert!(find_id(&world, wrong).is_none_or(|_| ids.contains(wrong)), "{wrong}");
        }
    }
}
