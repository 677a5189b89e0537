//! The ranges that tasks are counted by.

use crate::model::{Progress, words};

words! {
    /// Progress in percent, rounded down.
    ProgressBucket {
        /// Not begun.
        Zero = "0",
        /// 1 to 24 %.
        First = "1-24",
        /// 25 to 49 %.
        Second = "25-49",
        /// 50 to 74 %.
        Third = "50-74",
        /// 75 to 99 %.
        Fourth = "75-99",
        /// All.
        Full = "100",
        /// Not told, or out of range.
        Unknown = "unknown",
    }
}

impl ProgressBucket {
    /// The range that `progress` falls into.
    pub fn of(progress: Option<Progress>) -> Self {
        match progress.map(Progress::whole_percent) {
            None => Self::Unknown,
            Some(0) => Self::Zero,
            Some(1..=24) => Self::First,
            Some(25..=49) => Self::Second,
            Some(50..=74) => Self::Third,
            Some(75..=99) => Self::Fourth,
            Some(_) => Self::Full,
        }
    }
}

words! {
    /// Amount of data scanned.
    SpaceBucket {
        /// Nothing.
        Zero = "0",
        /// Below 1 GiB.
        Below1Gib = "lt_1gib",
        /// 1 GiB to below 10 GiB.
        Below10Gib = "lt_10gib",
        /// 10 GiB to below 100 GiB.
        Below100Gib = "lt_100gib",
        /// 100 GiB and above.
        From100Gib = "ge_100gib",
        /// Not told.
        Unknown = "unknown",
    }
}

impl SpaceBucket {
    /// The range that `bytes` falls into.
    pub fn of(bytes: Option<u64>) -> Self {
        const GIB: u64 = 1 << 30;
        let Some(bytes) = bytes else { return Self::Unknown };
        match bytes {
            0 => Self::Zero,
            _ if bytes < GIB => Self::Below1Gib,
            _ if bytes < 10 * GIB => Self::Below10Gib,
            _ if bytes < 100 * GIB => Self::Below100Gib,
            _ => Self::From100Gib,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meters::reference::values_of;

    #[test]
    fn the_reference_of_the_labels_has_every_range() {
        let progresses: Vec<_> = ProgressBucket::ALL.iter().map(|range| range.as_str()).collect();
        assert_eq!(values_of("progress"), Some(progresses));
        let spaces: Vec<_> = SpaceBucket::ALL.iter().map(|range| range.as_str()).collect();
        assert_eq!(values_of("space"), Some(spaces));
    }

    #[test]
    fn progress_falls_into_the_range_of_its_whole_percent() {
        let of = |percent| ProgressBucket::of(Progress::from_percent(percent)).as_str();
        let got: Vec<_> = [0.0, 0.99, 1.0, 24.9, 25.0, 99.9, 100.0, 101.0].map(of).into();
        assert_eq!(got, ["0", "0", "1-24", "1-24", "25-49", "75-99", "100", "unknown"]);
    }

    #[test]
    fn space_falls_into_the_range_below_its_bound() {
        let gib = 1u64 << 30;
        let of = |bytes| SpaceBucket::of(bytes).as_str();
        let got: Vec<_> = [None, Some(0), Some(1), Some(gib - 1), Some(gib), Some(100 * gib)].map(of).into();
        assert_eq!(got, ["unknown", "0", "lt_1gib", "lt_1gib", "lt_10gib", "ge_100gib"]);
    }
}
