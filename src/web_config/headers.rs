//! Headers that every answer carries.

use hyper::header::{HeaderName, HeaderValue};

use crate::error::nearest;

use super::group::Group;

/// The headers that can be set, and the values of those that have a choice.
const HEADERS: &[(&str, &[&str])] = &[
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
    ("Content-Security-Policy", &[]),
];

/// Reads `http_server_config.headers`. A blank one is left unset.
pub(super) fn read(mut group: Group<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for name in group.names_in_order() {
        let Some((known, values)) = HEADERS.iter().find(|(known, _)| *known == name) else {
            group.say(&name, unknown(&name));
            continue;
        };
        let Some(text) = group.text(&name) else { continue };
        if !values.is_empty() && !values.contains(&text.as_str()) {
            group.say(&name, format!("expected {}", values.join(" or ")));
            continue;
        }
        match (HeaderName::from_bytes(known.as_bytes()), HeaderValue::from_bytes(text.as_bytes())) {
            (Ok(name), Ok(value)) => headers.push((name, value)),
            _ => group.say(&name, "holds a line break or control character; write it on one line"),
        }
    }
    headers
}

fn unknown(name: &str) -> String {
    let known = || HEADERS.iter().map(|(known, _)| *known);
    let folded = known().find(|known| known.eq_ignore_ascii_case(name));
    match folded.or_else(|| nearest(name, known())) {
        Some(meant) => format!("this header can't be set; did you mean `{meant}`?"),
        None => format!("this header can't be set; there are {}", known().collect::<Vec<_>>().join(", ")),
    }
}
