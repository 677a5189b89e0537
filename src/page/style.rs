//! The style sheet, and the policy that lets a browser use it and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The whole style sheet. Colours of text keep a contrast of 4.5 to 1 and more on both grounds,
/// and no state is told by colour alone.
pub(super) const STYLE: &str = include_str!("templates/page.css");

/// The value of `Content-Security-Policy` for the page.
pub fn content_security_policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::super::samples::now;
    use super::*;

    #[test]
    fn the_policy_allows_the_style_of_the_page_as_it_stands_there() {
        let page = super::super::render(&[], &super::super::Face::default(), None, now());
        let (_, rest) = page.split_once("<style>").unwrap();
        let (style, _) = rest.split_once("</style>").unwrap();
        let hash = STANDARD.encode(Sha256::digest(style));
        assert!(content_security_policy().contains(&format!("'sha256-{hash}'")));
        assert!(!page.contains("style="), "the policy forbids style attributes: {page}");
    }
}
