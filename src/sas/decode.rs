//! From the body of an answer to tasks: what is strange becomes unknown and is counted.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::clock::UnixMillis;
use crate::model::{Check, CheckProgress, Field, Progress, ReportStatus, Status, TargetType, Task};
use crate::rpc::BodyError;

use super::loose::Loose;
use super::piecewise;
use super::wire::{Body, Row};

/// Bytes in the MB of `MeasureSpace`. The API does not say which MB it means.
const BYTES_PER_MB: f64 = 1_048_576.0;

/// No account has more rows; sums of such totals stay far below what fits.
const MOST_ROWS: u64 = 1_000_000_000_000;

/// A time past the year 9999 is no time.
const LAST_MILLISECOND: i64 = 253_402_300_799_999;

/// Layers of JSON strings around `ProgressByProject`: the documented example has two.
const MOST_STRING_LAYERS: usize = 3;

/// A page, read and found to be one.
#[derive(Debug)]
pub struct DecodedPage<'p> {
    rows: Vec<Row<'p>>,
    /// `PageInfo.TotalCount`: rows of the whole listing.
    pub total: u64,
    /// `PageInfo.PageSize`, which tells a clamp; `None` if not usable.
    pub page_size: Option<u64>,
}

/// Reads one page. The texts of its rows borrow from `body`.
///
/// # Errors
/// [`BodyError::Refused`] for an error envelope, whatever the HTTP status was;
/// [`BodyError::Malformed`] for anything else that is no page, never with text of the body.
pub fn decode_page(body: &[u8]) -> Result<DecodedPage<'_>, BodyError> {
    let malformed = |what: &str| BodyError::Malformed(what.to_owned());
    // An array would be taken for the fields in their order.
    if body.trim_ascii_start().first().is_some_and(|&byte| byte != b'{') {
        return Err(malformed("the answer is no JSON object"));
    }
    // Checked once as a whole, not once a string.
    let body = std::str::from_utf8(body).map_err(|_| malformed("the answer is no UTF-8"))?;
    let body: Body<'_> =
        serde_json::from_str(body).or_else(|error| piecewise::body(body).ok_or(error)).map_err(|error| {
            let what = if error.is_data() { "is JSON of another shape" } else { "is not whole JSON" };
            BodyError::Malformed(format!(
                "the answer {what} (line {} column {})",
                error.line(),
                error.column()
            ))
        })?;
    // Whatever stands there that is not blank says that something went wrong.
    if !(body.code.is_blank() && body.code_in_lower_case.is_blank()) {
        let first =
            |one: &Loose<'_>, other: &Loose<'_>| one.text().or_else(|| other.text()).map(Cow::into_owned);
        let code = first(&body.code, &body.code_in_lower_case);
        let message = first(&body.message, &body.message_in_lower_case).unwrap_or_default();
        return Err(BodyError::Refused { code, message });
    }
    let rows = body.list.ok_or_else(|| malformed("the answer has no List"))?;
    let info = body.page_info.ok_or_else(|| malformed("the answer has no PageInfo"))?;
    let total = info.total_count.integer().and_then(|total| u64::try_from(total).ok());
    let total = total.filter(|&total| total <= MOST_ROWS);
    let total = total.ok_or_else(|| malformed("the PageInfo of the answer has no usable TotalCount"))?;
    let page_size =
        info.page_size.integer().and_then(|size| u32::try_from(size).ok()).filter(|&size| size > 0);
    let page_size = page_size.map(u64::from);
    Ok(DecodedPage { rows, total, page_size })
}

impl<'p> DecodedPage<'p> {
    /// Rows of this page, usable or not.
    pub fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// The rows as tasks, `None` for one without a usable `TaskId`. Values that are not
    /// understood are added to `unknown`.
    pub fn tasks<'a>(
        &'a self,
        unknown: &'a mut UnknownValues,
    ) -> impl Iterator<Item = Option<Task<'p>>> + 'a {
        self.rows.iter().map(|row| task(row, unknown))
    }
}

/// How often each field held a value that was not understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownValues([u64; Field::ALL.len()]);

impl UnknownValues {
    /// Fields with at least one such value, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Field, u64)> {
        Field::ALL.iter().copied().zip(self.0).filter(|&(_, count)| count > 0)
    }

    fn count(&mut self, field: Field) {
        self.0[field.index()] += 1;
    }

    /// Passes `understood` on; counts a value that is there and was not understood.
    fn check<T>(&mut self, field: Field, value: &Loose<'_>, understood: Option<T>) -> Option<T> {
        if understood.is_none() && !value.is_blank() {
            self.count(field);
        }
        understood
    }
}

fn task<'p>(row: &Row<'p>, unknown: &mut UnknownValues) -> Option<Task<'p>> {
    let id = row.task_id.text()?;
    // Every task has a status and a type, so a missing one is as strange as a wrong one.
    let status = row.status.integer().map_or(Status::Unknown, Status::from_code);
    if status == Status::Unknown {
        unknown.count(Field::Status);
    }
    let target_type = row.target_type.integer().map_or(TargetType::Unknown, TargetType::from_code);
    if target_type == TargetType::Unknown {
        unknown.count(Field::TargetType);
    }
    let report = match &row.report_status {
        Loose::Text(word) => ReportStatus::from_word(word),
        Loose::Absent => ReportStatus::None,
        _ => ReportStatus::Unknown,
    };
    if report == ReportStatus::Unknown {
        unknown.count(Field::ReportStatus);
    }
    let uuid = unknown.check(Field::Uuid, &row.uuid, row.uuid.text());
    let target_name = unknown.check(Field::TargetName, &row.target_name, row.target_name.text());
    Some(Task {
        id,
        target_type,
        target: uuid.or_else(|| target_name.clone()),
        instance_id: row.instance_id.text(),
        instance_name: row.instance_name.text(),
        target_name,
        status,
        start: time(Field::StartTime, &row.start_time, unknown),
        end: time(Field::EndTime, &row.end_time, unknown),
        progress: unknown.check(
            Field::Progress,
            &row.progress,
            row.progress.number().and_then(Progress::from_percent),
        ),
        // The gauges speak of the checks of running tasks only.
        checks: match row.progress_by_project {
            Some(raw) if status == Status::Running => checks(raw, unknown),
            _ => CheckProgress::default(),
        },
        measured_bytes: unknown.check(
            Field::MeasureSpace,
            &row.measure_space,
            row.measure_space.number().and_then(measured_bytes),
        ),
        report,
    })
}

/// A time in milliseconds; 0 is how the API writes none.
fn time(field: Field, value: &Loose<'_>, unknown: &mut UnknownValues) -> Option<UnixMillis> {
    let millis = value.integer();
    if millis == Some(0) {
        return None;
    }
    unknown.check(field, value, millis.filter(|&ms| ms <= LAST_MILLISECOND).and_then(UnixMillis::new))
}

fn measured_bytes(megabytes: f64) -> Option<u64> {
    let bytes = (megabytes * BYTES_PER_MB).round();
    // 2^53: above it a float does not tell every byte, and no scan reads 8 PiB.
    (0.0..9_007_199_254_740_992.0).contains(&bytes).then_some(bytes as u64)
}

/// An object of check names to percents, as such or as JSON within strings.
fn checks(raw: &RawValue, unknown: &mut UnknownValues) -> CheckProgress {
    let mut json = Cow::Borrowed(raw.get());
    for _ in 0..=MOST_STRING_LAYERS {
        match json.trim_start().as_bytes().first() {
            Some(b'{') => match serde_json::from_str::<Entries>(&json) {
                Ok(entries) => return entries.understood(unknown),
                Err(_) => break,
            },
            Some(b'"') => match serde_json::from_str::<String>(&json) {
                Ok(inner) => json = Cow::Owned(inner),
                Err(_) => break,
            },
            None => return CheckProgress::default(),
            Some(_) if json.trim() == "null" => return CheckProgress::default(),
            Some(_) => break,
        }
    }
    unknown.count(Field::ProgressByProject);
    CheckProgress::default()
}

/// The object within `ProgressByProject`, in its own order.
struct Entries(Vec<(Check, Option<f64>)>);

impl Entries {
    fn understood(self, unknown: &mut UnknownValues) -> CheckProgress {
        let mut checks = CheckProgress::default();
        for (check, percent) in self.0 {
            match percent.map(Progress::from_percent) {
                Some(Some(progress)) => checks.set(check, progress),
                Some(None) => unknown.count(Field::ProgressByProject),
                None => {}
            }
        }
        checks
    }
}

impl<'de> serde::Deserialize<'de> for Entries {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> serde::de::Visitor<'de> for EntriesVisitor {
            type Value = Entries;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of check names to percents")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::with_capacity(Check::ALL.len());
                while let Some((name, value)) = map.next_entry::<Cow<'_, str>, Loose<'_>>()? {
                    // A value that is there and is no number becomes one that is out of range.
                    let percent = if value.is_blank() { None } else { Some(value.number().unwrap_or(-1.0)) };
                    entries.push((Check::from_key(&name), percent));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}
