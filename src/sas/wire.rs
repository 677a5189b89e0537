//! The shapes of an answer of `ListAgentlessTask`, before anything is understood.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::loose::Loose;

/// A body: either a page, or the error envelope that some come as with HTTP 200. The envelope's
/// fields have two spellings, which may both be there.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Body<'p> {
    #[serde(rename = "Code", borrow, default)]
    pub(super) code: Loose<'p>,
    #[serde(rename = "code", borrow, default)]
    pub(super) code_in_lower_case: Loose<'p>,
    #[serde(rename = "Message", borrow, default)]
    pub(super) message: Loose<'p>,
    #[serde(rename = "message", borrow, default)]
    pub(super) message_in_lower_case: Loose<'p>,
    #[serde(rename = "List", borrow, default)]
    pub(super) list: Option<Vec<Row<'p>>>,
    #[serde(rename = "PageInfo", borrow, default)]
    pub(super) page_info: Option<PageInfo<'p>>,
}

/// The counts of a page.
#[derive(Debug, Default, Deserialize)]
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
    pub(super) instance_id: Loose<'p>,
    pub(super) instance_name: Loose<'p>,
    pub(super) report_status: Loose<'p>,
    pub(super) measure_space: Loose<'p>,
    /// Kept as JSON text: it is large, and only a running task's is read.
    pub(super) progress_by_project: Option<&'p RawValue>,
}

impl<'p> Row<'p> {
    /// The place of the value of `key`; `None` if there is none for a loose one.
    pub(super) fn place(&mut self, key: Key) -> Option<&mut Loose<'p>> {
        match key {
            Key::TaskId => Some(&mut self.task_id),
            Key::TargetType => Some(&mut self.target_type),
            Key::Status => Some(&mut self.status),
            Key::Progress => Some(&mut self.progress),
            Key::StartTime => Some(&mut self.start_time),
            Key::EndTime => Some(&mut self.end_time),
            Key::Uuid => Some(&mut self.uuid),
            Key::TargetName => Some(&mut self.target_name),
            Key::InstanceId => Some(&mut self.instance_id),
            Key::InstanceName => Some(&mut self.instance_name),
            Key::ReportStatus => Some(&mut self.report_status),
            Key::MeasureSpace => Some(&mut self.measure_space),
            Key::ProgressByProject | Key::NotUsed => None,
        }
    }
}

/// The name of a field of a row.
#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier)]
pub(super) enum Key {
    TaskId,
    TargetType,
    Status,
    Progress,
    StartTime,
    EndTime,
    Uuid,
    TargetName,
    InstanceId,
    InstanceName,
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
                Key::ProgressByProject => row.progress_by_project = fields.next_value()?,
                key => match row.place(key) {
                    Some(place) => *place = fields.next_value()?,
                    None => drop(fields.next_value::<IgnoredAny>()?),
                },
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
