//! Errors told to a person.

use std::error::Error;

/// What went wrong and all its causes, from the outermost in, as one text.
pub fn in_words(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |words, cause| format!("{words}: {cause}"))
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
}
