//! A scan task as the API tells it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::clock::UnixMillis;

use super::words::{Check, ReportStatus, Status, TargetType};

/// One row of `ListAgentlessTask`, understood. Texts borrow from the page they came in.
#[derive(Clone, Debug, PartialEq)]
pub struct Task<'p> {
    /// `TaskId`, never empty.
    pub id: Cow<'p, str>,
    /// What is scanned.
    pub target_type: TargetType,
    /// `Uuid`, else `TargetName`: which machine or image is scanned.
    pub target: Option<Cow<'p, str>>,
    /// `InstanceId`.
    pub instance_id: Option<Cow<'p, str>>,
    /// `InstanceName`, which people choose and change.
    pub instance_name: Option<Cow<'p, str>>,
    /// `TargetName`.
    pub target_name: Option<Cow<'p, str>>,
    /// Where the scan stands.
    pub status: Status,
    /// When the scan started.
    pub start: Option<UnixMillis>,
    /// `EndTime`. Of a running task it may be a deadline that lies ahead.
    pub end: Option<UnixMillis>,
    /// How far the scan has come.
    pub progress: Option<Progress>,
    /// How far each check of the scan has come.
    pub checks: CheckProgress,
    /// Data scanned, in bytes (`MeasureSpace`, which the API gives in MB of 1,048,576 bytes).
    pub measured_bytes: Option<u64>,
    /// State of the report.
    pub report: ReportStatus,
}

/// Progress between 0 and 100 %, kept to a hundredth of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct Progress(u16);

impl Progress {
    /// `None` outside 0 to 100, and for what is no number.
    pub fn from_percent(percent: f64) -> Option<Self> {
        // The cast is exact: the product is within 0 to 10,000 and floored.
        (0.0..=100.0).contains(&percent).then(|| Self((percent * 100.0).floor() as u16))
    }

    const MOST: u16 = 10_000;

    /// As a ratio, 0 to 1.
    pub fn ratio(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }

    /// In whole percent, rounded down.
    pub fn whole_percent(self) -> u8 {
        u8::try_from(self.0 / 100).expect("a progress is at most 100 %")
    }
}

/// What is stored may be damaged.
impl TryFrom<u16> for Progress {
    type Error = &'static str;

    fn try_from(hundredths: u16) -> Result<Self, Self::Error> {
        if hundredths <= Self::MOST { Ok(Self(hundredths)) } else { Err("a progress above 100 %") }
    }
}

/// The progress of each [`Check`] of one task; of several keys that mean
/// [`Check::Other`] the last one stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "[u16; Check::ALL.len()]", into = "[u16; Check::ALL.len()]")]
pub struct CheckProgress([u16; Check::ALL.len()]);

impl CheckProgress {
    const ABSENT: u16 = u16::MAX;

    /// Notes the progress of `check`.
    pub fn set(&mut self, check: Check, progress: Progress) {
        self.0[check.index()] = progress.0;
    }

    /// The checks whose progress is known.
    pub fn iter(&self) -> impl Iterator<Item = (Check, Progress)> {
        let values = Check::ALL.iter().copied().zip(self.0);
        values.filter(|&(_, value)| value != Self::ABSENT).map(|(check, value)| (check, Progress(value)))
    }
}

/// As stored: one more than the progress, and 0 for none, because small numbers take less room.
impl From<CheckProgress> for [u16; Check::ALL.len()] {
    fn from(checks: CheckProgress) -> Self {
        checks.0.map(|value| value.wrapping_add(1))
    }
}

impl TryFrom<[u16; Check::ALL.len()]> for CheckProgress {
    type Error = &'static str;

    fn try_from(stored: [u16; Check::ALL.len()]) -> Result<Self, Self::Error> {
        let mut checks = Self::default();
        for (&check, value) in Check::ALL.iter().zip(stored) {
            if let Some(hundredths) = value.checked_sub(1) {
                checks.set(check, Progress::try_from(hundredths)?);
            }
        }
        Ok(checks)
    }
}

impl Default for CheckProgress {
    fn default() -> Self {
        Self([Self::ABSENT; Check::ALL.len()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_outside_its_range_is_unknown() {
        for percent in [-0.1, 100.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Progress::from_percent(percent), None, "{percent}");
        }
    }

    #[test]
    fn progress_rounds_down() {
        let progress = Progress::from_percent(99.999).unwrap();
        assert_eq!(progress.whole_percent(), 99);
        assert!(progress.ratio() < 1.0);
        assert_eq!(Progress::from_percent(100.0).unwrap().ratio(), 1.0);
    }

    #[test]
    fn checks_without_progress_are_left_out() {
        let mut checks = CheckProgress::default();
        assert_eq!(checks.iter().count(), 0);
        checks.set(Check::Vul, Progress::from_percent(50.0).unwrap());
        let all: Vec<_> = checks.iter().map(|(check, progress)| (check, progress.ratio())).collect();
        assert_eq!(all, [(Check::Vul, 0.5)]);
    }
}
