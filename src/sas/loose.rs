//! JSON values whose type the API does not keep to: a number may come as a float or in quotes,
//! any field may be null. Texts borrow from the body.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Any JSON value, as far as a field of a row can use it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Loose<'p> {
    /// Missing, or null.
    #[default]
    Absent,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(Cow<'p, str>),
    /// An array or an object.
    Nested,
    /// There, but no value: a text with half a character, a number beyond all bounds.
    Unreadable,
}

impl<'p> Loose<'p> {
    /// What `json` holds, whatever that is.
    pub(super) fn read(json: &'p RawValue) -> Self {
        serde_json::from_str(json.get()).unwrap_or(Self::Unreadable)
    }

    /// The value as a number: as it is, or written in a string.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            // Exact up to 2^53, which no field of the API reaches.
            Self::Integer(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Absent | Self::Bool(_) | Self::Nested | Self::Unreadable => None,
        }
    }

    /// The value as a whole number; a float that is not whole is none.
    pub(super) fn integer(&self) -> Option<i64> {
        if let Self::Integer(value) = self {
            return Some(*value);
        }
        let value = self.number()?;
        // The cast is exact within these bounds.
        (value.fract() == 0.0 && value.abs() < 9.0e15).then_some(value as i64)
    }

    /// The value as a text that is not blank; a whole number by its digits.
    pub(super) fn text(&self) -> Option<Cow<'p, str>> {
        match self {
            Self::Text(text) if !text.trim().is_empty() => Some(text.clone()),
            Self::Integer(value) => Some(Cow::Owned(value.to_string())),
            _ => None,
        }
    }

    /// Whether there is nothing: absent, or a blank text.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }
}

impl<'de: 'p, 'p> Deserialize<'de> for Loose<'p> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor(PhantomData))
    }
}

struct LooseVisitor<'p>(PhantomData<&'p ()>);

impl<'de: 'p, 'p> Visitor<'de> for LooseVisitor<'p> {
    type Value = Loose<'p>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Loose<'p>, E> {
        Ok(Loose::Absent)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Loose<'p>, E> {
        Ok(Loose::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Loose<'p>, E> {
        Ok(Loose::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Loose<'p>, E> {
        Ok(i64::try_from(value).map_or(Loose::Float(value as f64), Loose::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Loose<'p>, E> {
        Ok(Loose::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Loose<'p>, E> {
        Ok(Loose::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Loose<'p>, E> {
        Ok(Loose::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Loose<'p>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::Nested)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Loose<'p>, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::Nested)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loose(json: &str) -> Loose<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_come_in_three_forms() {
        for json in ["60", "60.0", "\"60\"", "\" 60.0 \""] {
            assert_eq!(loose(json).integer(), Some(60), "{json}");
            assert_eq!(loose(json).number(), Some(60.0), "{json}");
        }
        assert_eq!(loose("154.11").number(), Some(154.11));
        assert_eq!(loose("154.11").integer(), None);
    }

    #[test]
    fn what_is_no_number_is_none() {
        for json in ["null", "true", "[1]", "{\"a\":1}", "\"\"", "\"many\""] {
            assert_eq!(loose(json).number(), None, "{json}");
        }
    }

    #[test]
    fn a_plain_text_borrows_and_an_escaped_one_does_not() {
        assert!(matches!(loose("\"abc\""), Loose::Text(Cow::Borrowed("abc"))));
        assert!(matches!(loose(r#""a\"c""#), Loose::Text(Cow::Owned(text)) if text == "a\"c"));
    }

    #[test]
    fn huge_numbers_do_not_wrap() {
        assert_eq!(loose("18446744073709551615").integer(), None);
        assert_eq!(loose("1e300").integer(), None);
    }
}
