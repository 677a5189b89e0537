//! What the parts of a key look like, wherever somebody writes them down.

use crate::secret::Problem;

/// What to say of [a placeholder](is_placeholder).
pub const PLACEHOLDER: &str = "is a placeholder from an example; put what your access key has there";

/// Checks the id of an access key.
///
/// # Errors
/// As [`check_secret`], and on any blank.
pub fn check_key_id(text: &str) -> Result<(), Problem> {
    check_secret(text)?;
    if text.contains(' ') {
        return Err("has a blank, which no access key id has; copy it again".into());
    }
    Ok(())
}

/// Checks a secret: what can stand in a request and is no accident of copying.
///
/// # Errors
/// If it is empty or a placeholder, has blanks at an end, or has anything but printable ASCII.
pub fn check_secret(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Err("is empty".into());
    }
    if is_placeholder(text) {
        return Err(PLACEHOLDER.into());
    }
    if text.trim() != text || !text.chars().all(|c| matches!(c, ' '..='~')) {
        return Err(
            "has a blank at its start or end, or a line break or other character that no key has".into()
        );
    }
    Ok(())
}

/// Whether `text` stands in an example for what the reader is to put there: `…`, `xxx`,
/// `<your-key>`, `${SECRET}`, `your-access-key-id`.
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    let is_all = |filler: &[char]| text.chars().count() >= 3 && text.chars().all(|c| filler.contains(&c));
    let brackets = [("<", ">"), ("${", "}"), ("{{", "}}"), ("$(", ")")];
    text.contains('…')
        || is_all(&['x'])
        || is_all(&['*'])
        || is_all(&['.'])
        || brackets.iter().any(|(open, close)| text.starts_with(open) && text.ends_with(close))
        || ["your-", "your_", "my-access-key", "my_access_key"].iter().any(|start| text.starts_with(start))
        || ["changeme", "change-me", "change_me", "replaceme", "replace-me", "replace_me", "placeholder"]
            .contains(&text.as_str())
}

#[cfg(test)]
mod tests {
    use crate::secret::{Secret, alone};

    use super::*;

    #[test]
    fn what_an_example_puts_for_a_key_is_no_key() {
        for text in [
            "…",
            "LTAI…",
            "xxx",
            "XXXXXX",
            "***",
            "...",
            "<your-key>",
            "${KEY}",
            "{{ key }}",
            "your-key",
            "Change-Me",
        ] {
            assert!(is_placeholder(text), "{text}");
            assert!(check_key_id(text).is_err() && check_secret(text).is_err(), "{text}");
        }
        for text in ["x", "xx", "testid", "made-up", "LTAI5txxxxxxxxxxxxxxxxx", "yourself", "<", "a.b"] {
            assert_eq!(check_key_id(text), Ok(()), "{text}");
        }
        assert!(check_key_id("LTAI 5t").is_err());
        assert_eq!(check_secret("with a blank"), Ok(()));
    }

    #[test]
    fn a_value_of_a_file_is_its_text_without_the_line_break() {
        for text in ["hunter2", "hunter2\n", "\u{feff}hunter2\r\n"] {
            assert_eq!(alone(text, check_secret), Ok(Secret::new("hunter2")), "{text:?}");
        }
        for text in ["right secret\nfoo", " hunter2\n", "hunter2\n\n", "", "\n"] {
            let problem = alone(text, check_secret).unwrap_err();
            assert!(problem.ends_with("; expected the secret alone on one line"), "{problem}");
        }
    }
}
