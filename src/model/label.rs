//! Names of labels, by the rules of the exposition formats.

/// A text that no label can have as its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelNameError {
    /// It has other characters than a name.
    #[error("is not a label name; expected letters, digits and _, not starting with a digit")]
    Form,
    /// It starts as Prometheus' own labels do.
    #[error("is not a label name; those that start with __ are reserved for Prometheus")]
    Reserved,
}

/// Whether a label can be called `text`.
///
/// # Errors
/// If it can't.
pub fn check_label_name(text: &str) -> Result<(), LabelNameError> {
    let mut bytes = text.bytes();
    let starts_well = bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    if !starts_well || !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(LabelNameError::Form);
    }
    if text.starts_with("__") { Err(LabelNameError::Reserved) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_name_is_a_word_in_ascii() {
        for good in ["team_a", "_x", "A1", "_"] {
            assert_eq!(check_label_name(good), Ok(()), "{good}");
        }
        for bad in ["", "1st", "a-b", "ä", "a b", "a:b"] {
            assert_eq!(check_label_name(bad), Err(LabelNameError::Form), "{bad}");
        }
        assert_eq!(check_label_name("__name__"), Err(LabelNameError::Reserved));
    }
}
