//! What no test may ever see told: looked for in the log of every process and in every page that
//! any test reads.

/// The secrets that tests make up, and what only a signed request holds.
const NEVER_TOLD: &[&str] =
    &["testsecret", "hunter2", "Zq7", "Signature=", "SignatureNonce=", "ReportDownloadUrl"];

/// Checks what was told, `what` being who told it.
///
/// # Panics
/// If `text` holds any of it.
pub(crate) fn none_in(what: &str, text: &str) {
    for secret in NEVER_TOLD {
        let line = text.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{what} tells {secret:?} in {line:?}");
    }
}
