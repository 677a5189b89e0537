//! The status page: a view of what is published, as HTML.

mod document;
mod lists;
mod numbers;
#[cfg(test)]
pub(crate) mod samples;
mod source;
mod state;
mod style;
mod tasks;
#[cfg(test)]
mod tests;
mod when;

use std::sync::Arc;
use std::time::Duration;

use askama::Template as _;

use crate::clock::UnixMillis;
use crate::snapshot::Published;

use document::Document;

pub use style::content_security_policy;

/// The HTTP face that the page is a part of.
#[derive(Clone, Debug, Default)]
pub struct Face<'p> {
    /// Path of the exposition, which the page links to.
    pub telemetry_path: &'p str,
    /// How it is served: TLS, passwords and the like, in words without secrets.
    pub settings: String,
    /// What is wrong with the files of what is configured, in words without secrets.
    pub trouble: Option<String>,
}

/// The page as it stands at `now`: a whole HTML document that loads nothing and runs no script.
/// It is bounded, however many sources and targets there are. `refresh` is what the page says of
/// when it will be loaded again, if it will.
pub fn render(
    published: &[Arc<Published>],
    face: &Face<'_>,
    refresh: Option<Duration>,
    now: UnixMillis,
) -> String {
    let document = Document::of(published, face, refresh, now);
    document.render().expect("the template calls nothing that fails, and writes to a string")
}

/// When to load the page again: about when something may have changed, in whole seconds.
pub fn refresh_after(published: &[Arc<Published>]) -> Duration {
    let shortest = published.iter().map(|source| source.status.interval).min();
    // More often nobody reads it; less often a poll under way seems to stand still.
    let seconds = shortest.map_or(30, |interval| interval.as_secs().clamp(5, 30));
    Duration::from_secs(seconds)
}
