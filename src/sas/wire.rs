//! The shapes of an answer of `ListAgentlessTask`, before anything is understood.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::loose::Loose;

/// A body: either a page, or the error envelope that some come as with HTTP 200.
#[derive(Debug, Deserialize)]
pub(super) struct Body<'p> {
    #[serde(rename = "Code", alias = "code", borrow, default)]
    pub(super) code: Loose<'p>,
    #[serde(rename = "Message", alias = "message", borrow, default)]
    pub(super) message: Loose<'p>,
    #[serde(rename = "List", borrow, default)]
    pub(super) list: Option<Vec<Row<'p>>>,
    #[serde(rename = "PageInfo", borrow, default)]
    pub(super) page_info: Option<PageInfo<'p>>,
}

/// The counts of a page.
#[derive(Debug, Deserialize)]
pub(super) struct PageInfo<'p> {
    #[serde(rename = "PageSize", borrow, default)]
    pub(super) page_size: Loose<'p>,
    #[serde(rename = "TotalCount", borrow, default)]
    pub(super) total_count: Loose<'p>,
}

/// The fields of a row that are used. A list item that is no object has none of them.
#[derive(Debug, Default)]
pub(super) struct Row<'p> {
    pub(super) task_id: Loose<'p>,
    pub(super) target_type: Loose<'p>,
    pub(super) status: Loose<'p>,
    pub(super) progress: Loose<'p>,
    pub(super) start_time: Loose<'p>,
    pub(super) end_time: Loose<'p>,
    pub(super) uuid: Loose<'p>,
    pub(super) target_name: Loose<'p>,
    pub(super) report_status: Loose<'p>,
    pub(super) measure_space: Loose<'p>,
    /// Kept as JSON text: it is large, and only a running task's is read.
    pub(super) progress_by_project: Option<&'p RawValue>,
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Key {
    TaskId,
    TargetType,
    Status,
    Progress,
    StartTime,
    EndTime,
    Uuid,
    TargetName,
    ReportStatus,
    MeasureSpace,
    ProgressByProject,
    #[serde(other)]
    NotUsed,
}

/// By hand, because a derived one would fail the page for one row that is null or that names a
/// field twice.
impl<'de: 'p, 'p> Deserialize<'de> for Row<'p> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RowVisitor(PhantomData))
    }
}

struct RowVisitor<'p>(PhantomData<&'p ()>);

impl<'de: 'p, 'p> Visitor<'de> for RowVisitor<'p> {
    type Value = Row<'p>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a task")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Row<'p>, A::Error> {
        let mut row = Row::default();
        while let Some(key) = fields.next_key()? {
            match key {
                Key::TaskId => row.task_id = fields.next_value()?,
                Key::TargetType => row.target_type = fields.next_value()?,
                Key::Status => row.status = fields.next_value()?,
                Key::Progress => row.progress = fields.next_value()?,
                Key::StartTime => row.start_time = fields.next_value()?,
                Key::EndTime => row.end_time = fields.next_value()?,
                Key::Uuid => row.uuid = fields.next_value()?,
                Key::TargetName => row.target_name = fields.next_value()?,
                Key::ReportStatus => row.report_status = fields.next_value()?,
                Key::MeasureSpace => row.measure_space = fields.next_value()?,
                Key::ProgressByProject => row.progress_by_project = fields.next_value()?,
                Key::NotUsed => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(row)
    }

    fn visit_unit<E>(self) -> Result<Row<'p>, E> {
        Ok(Row::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Row<'p>, E> {
        Ok(Row::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Row<'p>, E> {
        Ok(Row::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Row<'p>, E> {
        Ok(Row::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Row<'p>, E> {
        Ok(Row::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Row<'p>, E> {
        Ok(Row::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Row<'p>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Row::default())
    }
}
