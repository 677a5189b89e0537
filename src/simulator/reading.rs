//! What a reader makes of the fields of a row: label values, buckets, times.

use super::row::Row;

const GIB: u64 = 1 << 30;
/// Bytes of the API's MB.
const MEGABYTE: f64 = 1_048_576.0;

/// Label values of `TargetType` 0 to 7, where 0 stands for all others.
pub(super) const TYPES: [&str; 8] =
    ["unknown", "snapshot", "image", "user_snapshot", "user_image", "nas", "sandbox", "security_fix"];
/// Label values of `Status` 0 to 4, where 0 stands for all others.
pub(super) const STATUSES: [&str; 5] = ["unknown", "running", "completed", "failed", "timed_out"];
/// Label values of progress.
pub(super) const PROGRESSES: [&str; 7] = ["0", "1-24", "25-49", "50-74", "75-99", "100", "unknown"];
/// Label values of measured space.
pub(super) const SPACES: [&str; 6] = ["0", "lt_1gib", "lt_10gib", "lt_100gib", "ge_100gib", "unknown"];
/// Label values of `ReportStatus`.
pub(super) const REPORTS: [&str; 7] =
    ["prepared", "running", "success", "timeout", "failed", "none", "unknown"];
/// The known keys of `ProgressByProject`.
pub(super) const CHECKS: [&str; 7] =
    ["scaVul", "binary", "baseline", "vul", "webshell", "script", "sensitiveInfo"];

/// A time that is one.
pub(super) fn time(millis: Option<&u64>) -> Option<u64> {
    millis.copied().filter(|&millis| millis > 0)
}

/// The label `target_type`.
pub(super) fn type_of(row: &Row<'_>) -> &'static str {
    let code = row.target_type.value().and_then(|&code| usize::try_from(code).ok());
    code.and_then(|code| TYPES.get(code)).unwrap_or(&TYPES[0])
}

/// The label `status`.
pub(super) fn status_of(row: &Row<'_>) -> &'static str {
    let code = row.status.value().and_then(|&code| usize::try_from(code).ok());
    code.and_then(|code| STATUSES.get(code)).unwrap_or(&STATUSES[0])
}

/// Whether the task has ended, which only its status tells.
pub(super) fn is_finished(row: &Row<'_>) -> bool {
    matches!(status_of(row), "completed" | "failed" | "timed_out")
}

/// The label `report_status`.
pub(super) fn report_of(row: &Row<'_>) -> &'static str {
    match row.report_status.value() {
        None | Some(&"") => "none",
        Some(word) => {
            REPORTS.into_iter().find(|report| report.eq_ignore_ascii_case(word)).unwrap_or("unknown")
        }
    }
}

/// Data scanned, in bytes.
pub(super) fn bytes_of(row: &Row<'_>) -> Option<u64> {
    row.measure_space.value().map(|space| (space.megabytes() * MEGABYTE).round() as u64)
}

/// The label `progress`.
pub(super) fn progress_bucket(percent: Option<u64>) -> &'static str {
    match percent {
        Some(0) => "0",
        Some(1..25) => "1-24",
        Some(25..50) => "25-49",
        Some(50..75) => "50-74",
        Some(75..100) => "75-99",
        Some(100) => "100",
        _ => "unknown",
    }
}

/// The label `space`.
pub(super) fn space_bucket(bytes: Option<u64>) -> &'static str {
    match bytes {
        None => "unknown",
        Some(0) => "0",
        Some(bytes) if bytes < GIB => "lt_1gib",
        Some(bytes) if bytes < 10 * GIB => "lt_10gib",
        Some(bytes) if bytes < 100 * GIB => "lt_100gib",
        Some(_) => "ge_100gib",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_begin_at_their_lower_bound() {
        let percents = [0, 1, 24, 25, 49, 50, 74, 75, 99, 100].map(|percent| progress_bucket(Some(percent)));
        assert_eq!(
            percents,
            ["0", "1-24", "1-24", "25-49", "25-49", "50-74", "50-74", "75-99", "75-99", "100"]
        );
        let spaces =
            [0, 1, GIB - 1, GIB, 10 * GIB, 100 * GIB - 1, 100 * GIB].map(|bytes| space_bucket(Some(bytes)));
        let expected = ["0", "lt_1gib", "lt_1gib", "lt_10gib", "lt_100gib", "lt_100gib", "ge_100gib"];
        assert_eq!(spaces, expected);
        assert_eq!((progress_bucket(None), space_bucket(None)), ("unknown", "unknown"));
    }
}
