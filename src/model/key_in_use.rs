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
}

impl KeyInUse {
    /// Tells the key `id` of `provider`.
    pub fn new(provider: String, id: &str, expires: Option<UnixMillis>) -> Self {
        Self { provider, id: shortened(id), expires }
    }
}

/// Enough of an id to tell one of a person's few keys from another: its first four characters, which
/// say what kind of key it is, and its last four. Of a short one nothing but its end.
fn shortened(id: &str) -> String {
    let chars: Vec<char> = id.chars().filter(|c| !crate::text::controls(*c)).collect();
    let text = |part: &[char]| part.iter().collect::<String>();
    match chars.len() {
        0..=4 => "…".to_owned(),
        5..=12 => format!("…{}", text(&chars[chars.len() - 2..])),
        _ => format!("{}…{}", text(&chars[..4]), text(&chars[chars.len() - 4..])),
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
    }
}
