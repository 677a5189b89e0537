//! The status page: a view of what is published, as HTML.

mod html;
#[cfg(test)]
pub(crate) mod samples;
mod style;
mod template;
mod view;
mod when;

use std::sync::Arc;

use crate::clock::UnixMillis;
use crate::snapshot::Published;

pub use style::content_security_policy;

/// The page as it stands at `now`: a whole HTML document that loads nothing and runs no script.
/// It shows names of sources, never of targets. `telemetry_path` is where it links to.
pub fn render(published: &[Arc<Published>], telemetry_path: &str, now: UnixMillis) -> String {
    let mut sources: Vec<_> = published.iter().map(|source| view::Source::of(source, now)).collect();
    sources.sort_by(|a, b| a.name.cmp(b.name));
    template::document(&sources, telemetry_path, now)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::samples::{failed, good, now, waiting};
    use super::*;
    use crate::model::FailureReason;

    fn page(sources: impl IntoIterator<Item = Published>) -> String {
        let sources: Vec<_> = sources.into_iter().map(Arc::new).collect();
        render(&sources, "/metrics", now())
    }

    #[test]
    fn a_good_source_shows_its_tasks_and_their_age() {
        let html = page([good("prod-cn")]);
        for part in ["prod-cn", "up to date", "1 min ago", "in 1 min", "snapshot", "timed out", ">30<"] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }

    #[test]
    fn a_failure_is_told_with_what_to_do() {
        let html = page([failed("prod-cn", FailureReason::Permission)]);
        for part in ["no data yet", "permission", "the cloud said no", "yundun-sas:ListAgentlessTask"] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }

    #[test]
    fn a_source_without_a_poll_is_waited_for() {
        let html = page([waiting("prod-cn")]);
        assert!(html.contains("no data yet: the first poll has not ended"), "{html}");
        assert!(!html.contains("<table"), "{html}");
    }

    #[test]
    fn stale_data_is_named_so_and_its_numbers_are_gone() {
        let mut source = good("prod-cn");
        source.status.stale_after = Duration::from_secs(60);
        let html = page([source]);
        assert!(html.contains("stale"), "{html}");
        assert!(!html.contains("<table"), "{html}");
    }

    #[test]
    fn markup_in_any_text_stays_text() {
        let evil = "<script>alert('1' & \"2\")</script>";
        let mut source = failed(evil, FailureReason::Server);
        source.status.region = evil.to_owned();
        source.status.endpoint = evil.to_owned();
        source.status.failure.as_mut().unwrap().message = evil.to_owned();
        let html = render(&[Arc::new(source)], "/a\"><script>", now());
        assert!(!html.contains("<script"), "{html}");
        assert_eq!(html.matches("&lt;script&gt;alert(&#39;1&#39; &amp; &quot;2&quot;)").count(), 4, "{html}");
    }

    #[test]
    fn sources_stand_in_order_of_their_names() {
        let html = page([good("b"), waiting("a")]);
        assert!(html.find(">a<").unwrap() < html.find(">b<").unwrap(), "{html}");
    }

    #[test]
    fn links_are_relative_for_the_sake_of_reverse_proxies() {
        let html = page([good("a")]);
        for link in ["./metrics", "./-/healthy", "./-/ready"] {
            assert!(html.contains(&format!("href=\"{link}\"")), "{link}: {html}");
        }
    }
}
