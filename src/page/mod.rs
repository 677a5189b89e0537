//! The status page: a view of what is published, as HTML.

#[cfg(test)]
pub(crate) mod samples;
mod style;
mod view;
mod when;

use std::sync::Arc;
use std::time::Duration;

use askama::Template;

use crate::clock::UnixMillis;
use crate::model::Status;
use crate::snapshot::Published;

use view::{Brief, Overview, Source, View};

pub use style::content_security_policy;

/// The page as it stands at `now`: a whole HTML document that loads nothing and runs no script,
/// of bounded length however many sources and targets there are. `telemetry_path` is where it
/// links to; `refresh` is how often the browser is told to load it anew, `None` for never.
pub fn render(
    published: &[Arc<Published>],
    telemetry_path: &str,
    refresh: Option<Duration>,
    now: UnixMillis,
) -> String {
    let View { overview, sources, briefs, unlisted } = View::of(published, now);
    let page = StatusPage {
        style: style::STYLE,
        version: env!("CARGO_PKG_VERSION"),
        // Relative, so that the links also work below a path of a reverse proxy.
        telemetry_path: telemetry_path.trim_start_matches('/'),
        statuses: Status::ALL.iter().map(|status| status.as_str().replace('_', " ")).collect(),
        overview,
        sources,
        briefs,
        unlisted,
        refresh_seconds: refresh.map(|refresh| refresh.as_secs()),
        now: now.to_string(),
    };
    page.render().expect("a string takes whatever is written, and no filter of the template fails")
}

/// How often the page is worth loading anew: as often as the most frequent poll, within bounds.
pub fn refresh_interval(published: &[Arc<Published>]) -> Duration {
    const LEAST: Duration = Duration::from_secs(5);
    const MOST: Duration = Duration::from_secs(30);
    let intervals = published.iter().map(|source| source.status.interval);
    intervals.min().unwrap_or(MOST).clamp(LEAST, MOST)
}

#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage<'p> {
    style: &'static str,
    version: &'static str,
    telemetry_path: &'p str,
    statuses: Vec<String>,
    overview: Overview<'p>,
    sources: Vec<Source<'p>>,
    briefs: Vec<Brief<'p>>,
    unlisted: usize,
    refresh_seconds: Option<u64>,
    now: String,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::samples::{failed, good, listing, now, waiting};
    use super::*;
    use crate::model::FailureReason;

    fn page(sources: impl IntoIterator<Item = Published>) -> String {
        let sources: Vec<_> = sources.into_iter().map(Arc::new).collect();
        render(&sources, "/metrics", None, now())
    }

    #[test]
    fn a_good_source_shows_its_tasks_and_their_age() {
        let html = page([good("prod-cn")]);
        for part in ["prod-cn", "up to date", "Data 1 min old", "in 1 min", "snapshot", "timed out", ">30<"] {
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
        let html = render(&[Arc::new(source)], "/a\"><script>", None, now());
        assert!(!html.contains("<script"), "{html}");
        assert_eq!(html.matches("&#60;script&#62;alert(&#39;1&#39; &#38; &#34;2&#34;)").count(), 4, "{html}");
    }

    #[test]
    fn hostile_names_of_targets_stay_text() {
        let html = page([listing("a", &["<img src=x onerror=alert(1)>", "\"'&", &"x".repeat(4096)], 3)]);
        assert!(html.contains("&#60;img src=x onerror=alert(1)&#62;"), "{html}");
        assert!(!html.contains("<img") && !html.contains(&"x".repeat(129)), "{html}");
    }

    #[test]
    fn a_hostile_message_stays_text_on_one_line() {
        let mut source = failed("a", FailureReason::Server);
        let evil = format!("\u{202e}<b>\u{1b}[31m\n{}", "y".repeat(4096));
        source.status.failure.as_mut().unwrap().message = evil;
        let html = page([source]);
        assert!(html.contains("<bdi>&#60;b&#62;[31myyy"), "{html}");
        assert!(!html.contains(['\u{202e}', '\u{1b}']) && html.len() < 20_000, "{html}");
    }

    #[test]
    fn running_scans_and_failing_targets_are_told_with_names_and_times() {
        let html = page([listing("a", &["web-1"], 1)]);
        for part in [
            "<strong><bdi>web-1</bdi></strong>",
            "<progress value=\"42\" max=\"100\"",
            "runs for <time datetime=\"2026-11-24T01:04:05Z\">2 h</time>",
            "<span class=\"bad\">timed out</span>, failing since",
            "(2 h ago)",
            "last good one not known",
        ] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }

    #[test]
    fn without_failures_and_scans_the_page_says_so() {
        let html = page([good("a")]);
        let mut quiet = good("b");
        let snapshot = Arc::make_mut(quiet.snapshot.as_mut().unwrap());
        snapshot.types.values_mut().for_each(|facts| facts.tasks = [0; 5]);
        let none = page([quiet]);
        assert!(html.contains("No target fails") && none.contains("No scan runs"), "{html}{none}");
    }

    #[test]
    fn targets_that_are_not_to_be_named_are_not() {
        let mut source = listing("a", &["secret-host"], 1);
        let snapshot = Arc::make_mut(source.snapshot.as_mut().unwrap());
        snapshot.running.iter_mut().for_each(|scan| scan.target = None);
        snapshot.failing.iter_mut().for_each(|target| target.target = None);
        let html = page([source]);
        assert_eq!(html.matches("name not shown").count(), 2, "{html}");
    }

    #[test]
    fn lists_are_cut_and_say_how_much_is_left() {
        let html = page([listing("a", &["web"], 50_000)]);
        assert_eq!(html.matches("<li>\n<p class=\"what\">").count(), 40, "{html}");
        assert_eq!(html.matches("And 49980 more").count(), 2, "{html}");
        assert!(html.len() < 40_000, "{} bytes", html.len());
    }

    #[test]
    fn thousands_of_sources_with_thousands_of_targets_make_a_page_of_bounded_length() {
        let one = Arc::new(listing("source", &["web"], 3000));
        let sources = vec![one; 5000];
        let html = render(&sources, "/metrics", None, now());
        assert!(html.len() < 1_000_000, "{} bytes", html.len());
        assert!(html.contains("And 2900 more, all in"), "the rest is told");
    }

    #[test]
    fn what_needs_attention_comes_first_and_is_linked_from_the_top() {
        let html = page([good("a"), failed("b", FailureReason::Auth), waiting("c")]);
        assert!(html.contains("1 of 3 sources needs attention"), "{html}");
        assert!(html.contains("<a href=\"#source-0\"><bdi>b</bdi></a>"), "{html}");
        assert!(html.find("id=\"source-0\"") < html.find("id=\"source-1\""), "{html}");
    }

    #[test]
    fn a_listing_under_way_shows_how_far_it_is() {
        let mut source = waiting("a");
        source.status.poll_began = Some(now().minus(Duration::from_secs(5)));
        source.status.rows = crate::model::RowProgress { read: 1200, expected: 4000 };
        let html = page([source]);
        for part in ["A poll is under way for 5 s.", "value=\"1200\" max=\"4000\"", "1200 of 4000 rows read"]
        {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }

    #[test]
    fn the_page_says_whether_it_refreshes_and_how_to_change_that() {
        let sources = [Arc::new(good("a"))];
        let refreshing = render(&sources, "/metrics", Some(refresh_interval(&sources)), now());
        assert!(refreshing.contains("every 30 s. <a href=\"./?refresh=off\">"), "{refreshing}");
        assert!(page([good("a")]).contains("Does not refresh itself. <a href=\"./\">"));
    }

    #[test]
    fn the_page_refreshes_as_often_as_the_most_frequent_poll_within_bounds() {
        let every = |seconds| {
            let mut source = good("a");
            source.status.interval = Duration::from_secs(seconds);
            refresh_interval(&[Arc::new(good("b")), Arc::new(source)]).as_secs()
        };
        assert_eq!([1, 12, 300].map(every), [5, 12, 30]);
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
