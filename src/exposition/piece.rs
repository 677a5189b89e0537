//! Families as text that remembers where each of them stands.

use std::ops::Range;

use bytes::Bytes;

use crate::meters::table::Kind;

use super::Format;
use super::family::Family;
use super::names::Names;
use super::{openmetrics, text};

/// A run of whole families in one format, without the end of the exposition. Clones and slices
/// share the text.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    text: Bytes,
    places: Vec<Place>,
}

/// Where a family stands.
#[derive(Clone, Debug)]
struct Place {
    /// From the first byte of its metadata to the end of its last sample.
    span: Range<usize>,
    /// As the format writes it, an OpenMetrics counter's without `_total`.
    name: Range<usize>,
    kind: Kind,
}

impl Piece {
    /// The families that have samples.
    pub(super) fn of<'a>(format: Format, families: impl IntoIterator<Item = Family<'a>>) -> Self {
        let mut out = String::new();
        let mut places = Vec::new();
        for family in families.into_iter().filter(|family| !family.samples.is_empty()) {
            debug_assert!(!family.has_duplicates(), "a series of {} came twice", family.name);
            let start = out.len();
            let name = match format {
                Format::Text => text::encode(&mut out, &family),
                Format::OpenMetrics => openmetrics::encode(&mut out, &family),
            };
            places.push(Place { span: start..out.len(), name, kind: family.kind });
        }
        out.shrink_to_fit();
        Self { text: out.into(), places }
    }

    /// All of it.
    pub fn text(&self) -> &Bytes {
        &self.text
    }

    /// The families that go by one of `names`, in their order. Neighbours come as one slice.
    pub fn only(&self, names: &Names) -> Vec<Bytes> {
        let mut spans: Vec<Range<usize>> = Vec::new();
        for place in &self.places {
            if !names.name(&self.text[place.name.clone()], place.kind) {
                continue;
            }
            match spans.last_mut() {
                Some(last) if last.end == place.span.start => last.end = place.span.end,
                _ => spans.push(place.span.clone()),
            }
        }
        spans.into_iter().map(|span| self.text.slice(span)).collect()
    }
}
