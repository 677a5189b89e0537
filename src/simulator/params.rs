//! Parameters of a query or form body, decoded.

use std::collections::BTreeMap;
use std::time::Duration;

use percent_encoding::percent_decode_str;

/// Parameters by name. Of several with one name the last stands.
pub(super) type Params = BTreeMap<String, String>;

/// Decodes `a=1&b=x+y%2F`. A `+` is a space, as forms write it: one of the vendor's clients signs
/// `%20` and sends `+`.
pub(super) fn decode(text: &str) -> Params {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode_word(name), decode_word(value))
        })
        .collect()
}

/// Reads `30s`, `1h30m`, `250ms` or `7d`; `None` for anything else.
pub(super) fn span(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let millis = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        sum = sum.checked_add(Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(millis)?))?;
        rest = tail;
    }
    (!text.is_empty()).then_some(sum)
}

fn decode_word(word: &str) -> String {
    percent_decode_str(&word.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_percent_signs_are_decoded() {
        let params = decode("a=x+y%2Fz&b=&c&%E4%B8%AD=%2B&a=last");
        let expected = [("a", "last"), ("b", ""), ("c", ""), ("中", "+")];
        assert_eq!(params, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn spans_are_numbers_with_units() {
        assert_eq!(span("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(span("250ms"), Some(Duration::from_millis(250)));
        for wrong in ["", "30", "s", "30x", "-5s", "99999999999999999999s"] {
            assert_eq!(span(wrong), None, "{wrong}");
        }
    }
}
