//! Percent-encoding as the signatures want it.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// `text` with every byte but `A-Z a-z 0-9 - _ . ~` as `%XX`, upper case.
pub fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Parameters in the order of their names' bytes, encoded, joined: a canonical query,
/// which is also sent as it is.
pub fn canonical_query(params: &BTreeMap<String, String>, encode_names: bool) -> String {
    let mut query = String::new();
    for (name, value) in params {
        if !query.is_empty() {
            query.push('&');
        }
        if encode_names {
            query.extend(utf8_percent_encode(name, RESERVED));
        } else {
            query.push_str(name);
        }
        query.push('=');
        query.extend(utf8_percent_encode(value, RESERVED));
    }
    query
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
