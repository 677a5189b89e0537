//! What may be told of the access key that a source signs with.

use crate::clock::UnixMillis;

/// The access key in use, without anything secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInUse {
    /// Where it comes from, such as `env` or `ram_role_arn acs:ram::1:role/reader`.
    pub provider: String,
    /// Its id, shortened.
    pub id: String,
    /// When it expires, if it does and that is known.
    pub expires: Option<UnixMillis>,
    /// Why it could not be renewed the last time, in words; `None` if it could, or need not be.
    pub unrenewed: Option<String>,
}

impl KeyInUse {
    /// Tells the key `id` of `provider`.
    pub fn new(provider: String, id: &str, expires: Option<UnixMillis>) -> Self {
        Self { provider, id: shortened(id), expires, unrenewed: None }
    }
}

/// What the ids of the cloud begin with: of a long-term key and of a temporary one.
const BEGINS: [&str; 2] = ["LTAI", "STS."];

/// Enough of an id to tell one of a person's few keys from another: its first four characters, which
/// say what kind of key it is, and its last four. Of a short one nothing but its end, and little of what is
/// no id of the cloud: somebody may have put the secret there.
fn shortened(id: &str) -> String {
    let chars: Vec<char> = id.chars().filter(|c| !crate::text::controls(*c)).collect();
    let text = |part: &[char]| part.iter().collect::<String>();
    let end = |most: usize| text(&chars[chars.len() - most..]);
    let is_id = BEGINS.iter().any(|begin| id.starts_with(begin));
    match (is_id, chars.len()) {
        (_, 0..=4) | (false, 5..=12) => "…".to_owned(),
        (true, 5..=12) => format!("…{}", end(2)),
        (true, _) => format!("{}…{}", text(&chars[..4]), end(4)),
        (false, _) => format!("…{}", end(3)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_told_by_its_ends() {
        assert_eq!(shortened("LTAI5tExampleExample1234"), "LTAI…1234");
        assert_eq!(shortened("STS.NX000"), "…00");
        assert_eq!(shortened("abc"), "…");
        assert_eq!(shortened("made-up"), "…");
    }

    #[test]
    fn a_secret_in_the_place_of_an_id_is_not_told() {
        assert_eq!(shortened("q1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5"), "…4g5");
    }
}
