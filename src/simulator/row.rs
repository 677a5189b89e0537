//! One row of the answer, and how its fields are written.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::dice::Dice;

/// A field as it stands in the JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Field<T> {
    /// A value.
    Is(T),
    /// `null`.
    Null,
    /// Not there at all.
    #[default]
    Missing,
}

impl<T> Field<T> {
    /// The value, if there is one.
    pub(super) const fn value(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Null | Self::Missing => None,
        }
    }

    /// Whether the field is left out.
    const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// With this probability the value is lost: half of the times null, half missing.
    pub(super) fn lose(&mut self, dice: &mut Dice, probability: f64) {
        // Both are thrown always, so that one field's fate does not depend on another's.
        let (lost, null) = (dice.chance(probability), dice.chance(0.5));
        if lost {
            *self = if null { Self::Null } else { Self::Missing };
        }
    }
}

impl<T: Serialize> Serialize for Field<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

/// `ProgressByProject`: JSON in a string, of some tasks twice over.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Checks {
    /// Key and percent, in the order of the JSON.
    pub(super) items: Vec<(&'static str, u64)>,
    /// Whether the JSON is encoded once more.
    pub(super) twice: bool,
}

impl Serialize for Checks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let items: Vec<_> = self.items.iter().map(|(key, percent)| format!("\"{key}\":{percent}")).collect();
        let once = format!("{{{}}}", items.join(","));
        if self.twice {
            // The keys hold nothing else that JSON would escape.
            serializer.serialize_str(&format!("\"{}\"", once.replace('"', "\\\"")))
        } else {
            serializer.serialize_str(&once)
        }
    }
}

/// `MeasureSpace` in MB, of some tasks as a string.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Space {
    /// Hundredths of an MB.
    pub(super) hundredths: u64,
    /// Whether it is written as a string.
    pub(super) as_text: bool,
}

impl Space {
    /// As the number that a reader of the row gets.
    pub(super) fn megabytes(self) -> f64 {
        self.hundredths as f64 / 100.0
    }
}

impl Serialize for Space {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.as_text, self.hundredths % 100) {
            (true, _) => serializer.collect_str(&self.megabytes()),
            (false, 0) => serializer.serialize_u64(self.hundredths / 100),
            (false, _) => serializer.serialize_f64(self.megabytes()),
        }
    }
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Row<'w> {
    pub(super) task_id: String,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) task_name: Field<String>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) target_type: Field<i64>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) status: Field<i64>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) progress: Field<u64>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) start_time: Field<u64>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) end_time: Field<u64>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) result: Field<&'static str>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) uuid: Field<&'w str>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) internet_ip: Field<&'w str>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) intranet_ip: Field<&'w str>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) instance_id: Field<&'w str>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) instance_name: Field<&'w str>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) target_name: Field<&'w str>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) progress_by_project: Field<Checks>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) report_status: Field<&'static str>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) report_download_url: Field<String>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) measure_space: Field<Space>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) extension: Field<BTreeMap<&'static str, &'static str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(row: &Row<'_>) -> String {
        serde_json::to_string(row).unwrap()
    }

    #[test]
    fn fields_are_values_null_or_missing() {
        let row = Row { task_id: "7".to_owned(), status: Field::Is(1), uuid: Field::Null, ..Row::default() };
        assert_eq!(written(&row), r#"{"TaskId":"7","Status":1,"Uuid":null}"#);
    }

    #[test]
    fn checks_are_json_in_a_string_once_or_twice() {
        let checks = |twice| Checks { items: vec![("vul", 5), ("script", 0)], twice };
        let write = |twice| serde_json::to_string(&checks(twice)).unwrap();
        assert_eq!(write(false), r#""{\"vul\":5,\"script\":0}""#);
        // The form of the vendor's example.
        assert_eq!(write(true), r#""\"{\\\"vul\\\":5,\\\"script\\\":0}\"""#);
    }

    #[test]
    fn space_is_a_float_an_integer_or_a_text() {
        let write = |hundredths, as_text| serde_json::to_string(&Space { hundredths, as_text }).unwrap();
        assert_eq!(
            [write(15411, false), write(500, false), write(15411, true)],
            ["154.11", "5", "\"154.11\""]
        );
    }
}
