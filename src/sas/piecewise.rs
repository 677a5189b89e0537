//! The slow way to read an answer that one strange value keeps from being read at once: half a
//! character in a text or a name, a number beyond all bounds, a field that is there twice. Each row
//! is read by itself, and so is each field of a row that needs it, so that nothing but the
//! strange value is lost.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::loose::Loose;
use super::wire::{Body, Key, PageInfo, Row};

/// Reads `text` piece by piece. `None` if it is not JSON or has another shape than a body; of an
/// answer with an error code the shape of the rest does not matter.
pub(super) fn body(text: &str) -> Option<Body<'_>> {
    let mut body = Body::default();
    let mut in_shape = true;
    for (name, value) in serde_json::from_str::<Fields<'_>>(text).ok()?.0 {
        match plain(name).as_str() {
            "Code" => keep_first(&mut body.code, value),
            "code" => keep_first(&mut body.code_in_lower_case, value),
            "Message" => keep_first(&mut body.message, value),
            "message" => keep_first(&mut body.message_in_lower_case, value),
            "List" => match list(value) {
                Some(list) => body.list = list,
                None => in_shape = false,
            },
            "PageInfo" => match page_info(value) {
                Some(info) => body.page_info = info,
                None => in_shape = false,
            },
            _ => {}
        }
    }
    let is_error = !(body.code.is_blank() && body.code_in_lower_case.is_blank());
    (in_shape || is_error).then_some(body)
}

/// Of an error code that is there twice, the one that says something counts.
fn keep_first<'p>(place: &mut Loose<'p>, value: &'p RawValue) {
    if place.is_blank() {
        *place = Loose::read(value);
    }
}

fn list<'p>(value: &'p RawValue) -> Option<Option<Vec<Row<'p>>>> {
    let rows: Option<Vec<&'p RawValue>> = serde_json::from_str(value.get()).ok()?;
    Some(rows.map(|rows| rows.into_iter().map(row).collect()))
}

/// A row that is no object has no fields.
fn row(value: &RawValue) -> Row<'_> {
    if let Ok(row) = serde_json::from_str(value.get()) {
        return row;
    }
    let mut row = Row::default();
    let fields =
        serde_json::from_str::<Fields<'_>>(value.get()).map_or_else(|_| Vec::new(), |fields| fields.0);
    for (name, value) in fields {
        let key = serde_json::from_str(name.get()).unwrap_or(Key::NotUsed);
        match (key, row.place(key)) {
            (Key::ProgressByProject, _) => row.progress_by_project = Some(value),
            (_, Some(place)) => *place = Loose::read(value),
            (_, None) => {}
        }
    }
    row
}

fn page_info(value: &RawValue) -> Option<Option<PageInfo<'_>>> {
    let Some(Fields(fields)) = serde_json::from_str(value.get()).ok()? else { return Some(None) };
    let mut info = PageInfo::default();
    for (name, value) in fields {
        match plain(name).as_str() {
            "PageSize" => info.page_size = Loose::read(value),
            "TotalCount" => info.total_count = Loose::read(value),
            _ => {}
        }
    }
    Some(Some(info))
}

/// A name; empty if it can't be read.
fn plain(name: &RawValue) -> String {
    serde_json::from_str(name.get()).unwrap_or_default()
}

/// The names and values of an object in their order, none of them read yet.
struct Fields<'p>(Vec<(&'p RawValue, &'p RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            fields.push(entry);
        }
        Ok(Fields(fields))
    }
}
