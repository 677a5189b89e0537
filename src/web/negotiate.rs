//! Which format a scraper gets, by its `Accept` header (RFC 9110, section 12.5.1).

use hyper::HeaderMap;
use hyper::header::ACCEPT;

use crate::exposition::Format;

/// The formats on offer, the one for who does not mind first.
const OFFERS: [Offer; 2] = [
    Offer { format: Format::Text, kind: "text", subtype: "plain", version: "0.0.4" },
    Offer { format: Format::OpenMetrics, kind: "application", subtype: "openmetrics-text", version: "1.0.0" },
];

struct Offer {
    format: Format,
    kind: &'static str,
    subtype: &'static str,
    version: &'static str,
}

/// The format that `headers` ask for: that of the highest quality, of equal ones the one named
/// first. Entries that are no media ranges, or ask for what is not on offer, are passed over;
/// when nothing is left it is the text format, as a scraper can read it better than a refusal.
pub fn format(headers: &HeaderMap) -> Format {
    let accept: Vec<_> =
        headers.get_all(ACCEPT).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    negotiate(&accept.join(","))
}

fn negotiate(accept: &str) -> Format {
    let ranges: Vec<Range> = split(accept, ',').into_iter().filter_map(Range::parse).collect();
    let mut best: Option<(u16, usize, Format)> = None;
    for offer in &OFFERS {
        // The most specific range speaks for an offer, whatever less specific ones say.
        let matches = ranges
            .iter()
            .enumerate()
            .filter_map(|(position, range)| Some((range.specificity(offer)?, range.quality, position)));
        let Some((_, quality, position)) =
            matches.max_by_key(|&(specificity, quality, at)| (specificity, quality, std::cmp::Reverse(at)))
        else {
            continue;
        };
        let better = best
            .is_none_or(|(highest, first, _)| quality > highest || (quality == highest && position < first));
        if quality > 0 && better {
            best = Some((quality, position, offer.format));
        }
    }
    best.map_or(Format::Text, |(_, _, format)| format)
}

/// One entry of the header.
struct Range<'h> {
    kind: &'h str,
    subtype: &'h str,
    version: Option<&'h str>,
    /// In thousandths.
    quality: u16,
}

impl<'h> Range<'h> {
    /// `None` for what is no media range.
    fn parse(entry: &'h str) -> Option<Self> {
        let mut parts = split(entry, ';').into_iter();
        let (kind, subtype) = parts.next()?.trim().split_once('/')?;
        let mut range = Self { kind, subtype, version: None, quality: 1000 };
        for parameter in parts {
            let Some((name, value)) = parameter.split_once('=') else { continue };
            let (name, value) = (name.trim(), value.trim());
            let value = value.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(value);
            if name.eq_ignore_ascii_case("q") {
                range.quality = quality(value)?;
            } else if name.eq_ignore_ascii_case("version") {
                range.version = Some(value);
            }
        }
        Some(range)
    }

    /// How closely the range describes `offer`; `None` if not at all. Parameters other than the
    /// version (charset, escaping) change nothing about what is sent.
    fn specificity(&self, offer: &Offer) -> Option<u8> {
        let wild = |part: &str| part == "*";
        let is = |part: &str, of: &str| part.eq_ignore_ascii_case(of);
        match self.version {
            Some(version) if version != offer.version => None,
            version if is(self.kind, offer.kind) && is(self.subtype, offer.subtype) => {
                Some(2 + u8::from(version.is_some()))
            }
            _ if is(self.kind, offer.kind) && wild(self.subtype) => Some(1),
            _ if wild(self.kind) && wild(self.subtype) => Some(0),
            _ => None,
        }
    }
}

/// A quality in thousandths: 0 to 1 with up to three decimals.
pub(super) fn quality(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{decimals:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

/// The parts of `text` between separators that stand outside quotes.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(|c| {
        let plain = !quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        plain && c == separator
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lines of `expected | Accept`; `#` begins a comment.
    const CASES: &str = include_str!("../../tests/data/negotiation.txt");

    #[test]
    fn every_case_of_the_table_gets_its_format() {
        let cases = CASES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut seen = 0;
        for case in cases {
            let (expected, accept) = case.split_once('|').unwrap();
            let expected = match expected.trim() {
                "text" => Format::Text,
                "openmetrics" => Format::OpenMetrics,
                other => panic!("{other} is no format"),
            };
            assert_eq!(negotiate(accept.trim()), expected, "{case}");
            seen += 1;
        }
        assert!(seen > 30, "{seen} cases");
    }

    #[test]
    fn several_headers_count_as_one() {
        let mut headers = HeaderMap::new();
        assert_eq!(format(&headers), Format::Text);
        headers.append(ACCEPT, "text/plain;q=0.5".parse().unwrap());
        headers.append(ACCEPT, "application/openmetrics-text".parse().unwrap());
        assert_eq!(format(&headers), Format::OpenMetrics);
    }

    proptest! {
        #[test]
        fn any_header_gets_an_answer(accept in ".{0,200}") {
            negotiate(&accept);
        }

        #[test]
        fn an_entry_that_is_no_media_range_changes_nothing(junk in "[a-z0-9;= ]{0,20}", before: bool) {
            for good in ["application/openmetrics-text;q=0.5,*/*;q=0.1", "text/plain,*/*;q=0.2", "*/*"] {
                let accept = if before { format!("{junk},{good}") } else { format!("{good},{junk}") };
                prop_assert_eq!(negotiate(&accept), negotiate(good), "{}", accept);
            }
        }
    }
}
