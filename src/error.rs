//! Errors told to a person: the chain of causes, and what was probably meant.

use std::error::Error;

/// What went wrong and all its causes, from the outermost in, as one text.
pub fn in_words(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |words, cause| format!("{words}: {cause}"))
}

/// The one of `known` that `wrong` was most likely meant to be, if any is near: up to a third of
/// its letters may differ, and no more than three.
pub fn nearest<W: AsRef<str> + Ord>(wrong: &str, known: impl IntoIterator<Item = W>) -> Option<W> {
    let most = (wrong.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(wrong, known.as_ref()), known))
        .min()
        .filter(|(distance, _)| *distance <= most)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the listing failed")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_follow_what_they_caused() {
        let outer = Outer(std::io::Error::other("the line was cut"));
        assert_eq!(in_words(&outer), "the listing failed: the line was cut");
    }

    #[test]
    fn only_a_near_word_is_suggested() {
        let known = ["interval", "lookback"];
        assert_eq!(nearest("intervall", known), Some("interval"));
        assert_eq!(nearest("inetrval", known), Some("interval"));
        assert_eq!(nearest("timeout", known), None);
        assert_eq!(nearest("ab", ["cd"]), None);
    }
}
