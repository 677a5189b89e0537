//! The fixed words of the API's open enums, which are also label values.

/// Declares an enum whose every variant has one word, its label value.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[repr(u8)]
        pub enum $name { $($(#[$about])* $variant,)+ }

        impl $name {
            /// Every word, in label order of the exposition.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The label value.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The position in [`Self::ALL`].
            pub const fn index(self) -> usize {
                self as usize
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// Where a task stands (`Status` of `ListAgentlessTask`: 1 to 4).
    Status {
        /// 1: in progress.
        Running = "running",
        /// 2: complete.
        Completed = "completed",
        /// 3: failed.
        Failed = "failed",
        /// 4: timed out.
        TimedOut = "timed_out",
        /// Any other number, or none.
        Unknown = "unknown",
    }
}

impl Status {
    /// From the API's number.
    pub const fn from_code(code: i64) -> Self {
        match code {
            1 => Self::Running,
            2 => Self::Completed,
            3 => Self::Failed,
            4 => Self::TimedOut,
            _ => Self::Unknown,
        }
    }

    /// The API's number, for a filter; `None` for [`Self::Unknown`].
    pub const fn code(self) -> Option<i64> {
        match self {
            Self::Unknown => None,
            known => Some(known as i64 + 1),
        }
    }

    /// Whether the task has ended. Only the status proves that, never `EndTime`.
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::TimedOut)
    }
}

words! {
    /// What is scanned (`TargetType`). 1 and 2 are documented for `ListAgentlessTask`, 3 and 4
    /// for `ListAgentlessRiskUuid`, 5 to 7 for `GetAgentlessTaskCountBatch` (SDK 10.3.2).
    TargetType {
        /// 1: a snapshot of a host's disk.
        Snapshot = "snapshot",
        /// 2: an image of a host.
        Image = "image",
        /// 3: a snapshot that a user made.
        UserSnapshot = "user_snapshot",
        /// 4: an image that a user made.
        UserImage = "user_image",
        /// 5: a NAS file system.
        Nas = "nas",
        /// 6: a parallel sandbox.
        Sandbox = "sandbox",
        /// 7: a security fix of an image.
        SecurityFix = "security_fix",
        /// Any other number, or none.
        Unknown = "unknown",
    }
}

impl TargetType {
    /// From the API's number.
    pub const fn from_code(code: i64) -> Self {
        match code {
            1 => Self::Snapshot,
            2 => Self::Image,
            3 => Self::UserSnapshot,
            4 => Self::UserImage,
            5 => Self::Nas,
            6 => Self::Sandbox,
            7 => Self::SecurityFix,
            _ => Self::Unknown,
        }
    }

    /// The API's number, for a filter; `None` for [`Self::Unknown`].
    pub const fn code(self) -> Option<i64> {
        match self {
            Self::Unknown => None,
            known => Some(known as i64 + 1),
        }
    }
}

words! {
    /// State of a task's report (`ReportStatus`).
    ReportStatus {
        /// `PREPARED`.
        Prepared = "prepared",
        /// `RUNNING`.
        Running = "running",
        /// `SUCCESS`.
        Success = "success",
        /// `TIMEOUT`.
        Timeout = "timeout",
        /// `FAILED`.
        Failed = "failed",
        /// Missing, null or empty: no report.
        None = "none",
        /// Any other word.
        Unknown = "unknown",
    }
}

impl ReportStatus {
    /// From the API's word, in any letter case.
    pub fn from_word(word: &str) -> Self {
        let known = [
            ("PREPARED", Self::Prepared),
            ("RUNNING", Self::Running),
            ("SUCCESS", Self::Success),
            ("TIMEOUT", Self::Timeout),
            ("FAILED", Self::Failed),
            ("", Self::None),
        ];
        known
            .into_iter()
            .find(|(name, _)| word.trim().eq_ignore_ascii_case(name))
            .map_or(Self::Unknown, |(_, status)| status)
    }
}

words! {
    /// One of the checks a scan makes (the keys of `ProgressByProject`, spelled as there).
    Check {
        /// Vulnerabilities of software components.
        ScaVul = "scaVul",
        /// Binaries.
        Binary = "binary",
        /// Baselines.
        Baseline = "baseline",
        /// Vulnerabilities.
        Vul = "vul",
        /// Web shells.
        Webshell = "webshell",
        /// Scripts.
        Script = "script",
        /// Sensitive files.
        SensitiveInfo = "sensitiveInfo",
        /// Any other key.
        Other = "other",
    }
}

impl Check {
    /// From the API's key.
    pub fn from_key(key: &str) -> Self {
        Self::ALL.iter().copied().find(|check| check.as_str() == key).unwrap_or(Self::Other)
    }
}

words! {
    /// A field of a row whose strange values are counted, spelled as the API does. `TaskId` is not
    /// one: a row without it is left out.
    Field {
        /// When the task ended, or will at the latest.
        EndTime = "EndTime",
        /// Amount of data scanned.
        MeasureSpace = "MeasureSpace",
        /// Progress of the task.
        Progress = "Progress",
        /// Progress by check.
        ProgressByProject = "ProgressByProject",
        /// State of the report.
        ReportStatus = "ReportStatus",
        /// When the task started.
        StartTime = "StartTime",
        /// Where the task stands.
        Status = "Status",
        /// Name of what is scanned.
        TargetName = "TargetName",
        /// Kind of what is scanned.
        TargetType = "TargetType",
        /// Id of what is scanned.
        Uuid = "Uuid",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_type_numbers_survive_the_round_trip() {
        for &kind in TargetType::ALL {
            if let Some(code) = kind.code() {
                assert_eq!(TargetType::from_code(code), kind);
            }
        }
        assert_eq!(TargetType::from_code(99), TargetType::Unknown);
    }

    #[test]
    fn status_numbers_survive_the_round_trip() {
        for &status in Status::ALL {
            if let Some(code) = status.code() {
                assert_eq!(Status::from_code(code), status);
            }
        }
    }

    #[test]
    fn words_outside_the_known_set_are_unknown() {
        assert_eq!(Status::from_code(5), Status::Unknown);
        assert_eq!(ReportStatus::from_word("success"), ReportStatus::Success);
        assert_eq!(ReportStatus::from_word(""), ReportStatus::None);
        assert_eq!(ReportStatus::from_word("LOST"), ReportStatus::Unknown);
        assert_eq!(Check::from_key("quantum"), Check::Other);
    }
}
