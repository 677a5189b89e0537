//! The page as a whole.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::samples::{busy, failed, good, names, now, waiting};
use super::*;
use crate::model::{FailureReason, Name, RowProgress, TargetType};
use crate::snapshot::Snapshot;

fn at(telemetry_path: &str) -> Face<'_> {
    Face { telemetry_path, ..Face::default() }
}

fn page(sources: impl IntoIterator<Item = Published>) -> String {
    let sources: Vec<_> = sources.into_iter().map(Arc::new).collect();
    render(&sources, &at("/metrics"), Some(refresh_after(&sources)), now())
}

fn snapshot(source: &mut Published) -> &mut Snapshot {
    Arc::make_mut(source.snapshot.as_mut().unwrap())
}

/// The text of `html` as a reader sees it: no tags, and a blank after what stands by itself.
fn text(html: &str) -> String {
    let (_, body) = html.split_once("<body>").unwrap();
    let mut text = String::new();
    for part in body.split('<') {
        let (tag, words) = part.split_once('>').unwrap_or(("", part));
        let apart = ["/dt", "/li", "/td", "/th"].contains(&tag);
        text.extend([if apart { " " } else { "" }, words]);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
}

#[test]
fn a_good_source_shows_its_tasks_and_their_age() {
    let text = text(&page([good("prod-cn")]));
    has(&text, &["The source is up to date", "prod-cn", "✓ up to date", "37 scan tasks in the look-back"]);
    has(&text, &["1 min old; polled every 2 min, stale after 15 min", "Next poll in 1 min", "Look-back 7 d"]);
    has(
        &text,
        &["3 running 30 completed 2 failed 1 timed out 1 unknown", "tds.cn-shanghai.aliyuncs.com:443"],
    );
}

#[test]
fn a_failure_is_told_with_what_to_do() {
    let text = text(&page([failed("prod-cn", FailureReason::Permission)]));
    has(&text, &["no data yet: no poll has succeeded", "The access key lacks a permission (permission)"]);
    has(&text, &["the cloud said no", "What to do: grant", "yundun-sas:ListAgentlessTask"]);
    has(
        &text,
        &["1 min ago, at 2026-11-24 03:03:05 UTC; 3 polls in a row failed", "Data none; polled every"],
    );
}

#[test]
fn data_that_is_fresh_stays_beside_a_failure() {
    let mut source = busy("a", 1);
    source.status.failure = failed("a", FailureReason::Network).status.failure;
    let text = text(&page([source]));
    has(&text, &["The source needs attention", "last poll failed, data still fresh", "database-000.prod"]);
}

#[test]
fn a_source_without_a_poll_is_waited_for() {
    let html = page([waiting("prod-cn")]);
    has(&text(&html), &["The source waits for its first poll", "no data yet: the first poll has not ended"]);
    assert!(!html.contains("<table"), "{html}");
}

#[test]
fn a_full_listing_under_way_has_a_bar() {
    let mut source = waiting("a");
    source.status.poll_began = Some(now().minus(Duration::from_secs(20)));
    source.status.full_began = source.status.poll_began;
    source.status.rows = RowProgress { read: 1200, expected: 4000 };
    let html = page([source]);
    has(&text(&html), &["under way: 1,200 of 4,000 rows, for 20 s"]);
    has(&html, &["<progress max=\"4000\" value=\"1200\""]);
}

#[test]
fn stale_data_is_named_so_and_its_numbers_and_lists_are_gone() {
    let mut source = busy("a", 1);
    source.status.stale_after = Duration::from_secs(60);
    source.status.failure = failed("a", FailureReason::Timeout).status.failure;
    let html = page([source]);
    has(&text(&html), &["The source needs attention", "✕ stale", "1 min old", "No answer came in time"]);
    for gone in ["<table", "<svg", "database-000", "worker-000", "No target fails", "target fails"] {
        assert!(!html.contains(gone), "{gone} is in {html}");
    }
}

#[test]
fn the_totals_say_of_how_many_sources_they_are() {
    let mut stale = busy("a", 3);
    stale.status.stale_after = Duration::from_secs(60);
    has(&text(&page([stale, busy("b", 1)])), &["1 scan runs, 1 target fails in 1 of 2 sources"]);
    assert!(!text(&page([busy("a", 1), busy("b", 1)])).contains("of 2 sources"));
}

#[test]
fn a_scan_that_runs_shows_how_far_it_is_and_for_how_long() {
    let mut source = busy("a", 2);
    snapshot(&mut source).running[1].progress = None;
    let html = page([source]);
    has(&html, &["<progress max=\"100\" value=\"93\""]);
    let text = text(&html);
    has(&text, &["Running scans: 2", "worker-000.prod snapshot · i-bp1g6wv00000 · 5d0f3ab1-0000"]);
    has(&text, &["93 % for 2 h 30 min since 2026-11-24 00:34:05 UTC", "progress not known"]);
}

#[test]
fn a_target_that_fails_shows_since_when() {
    let html = page([busy("a", 3)]);
    has(&html, &["<time datetime=\"2026-11-24T02:54:05Z\">10 min ago"]);
    let text = text(&html);
    has(
        &text,
        &["Failing targets: 3", "failed since 10 min ago 2026-11-24 02:54:05 UTC", "timed out since 1 d"],
    );
    has(
        &text,
        &["Last scan 1 h 33 min ago", "Last success never as far as known", "Last success 2 d 1 h ago"],
    );
    has(&text, &["3 scans run, 3 targets fail"]);
}

#[test]
fn nothing_that_runs_and_nothing_that_fails_is_said() {
    let mut source = busy("a", 0);
    has(&text(&page([source.clone()])), &["No scan runs.", "No target fails"]);
    let facts = snapshot(&mut source).types.get_mut(&TargetType::Snapshot).unwrap();
    facts.tasks = [0; 5];
    let html = page([source]);
    has(&text(&html), &["0 scan tasks in the look-back"]);
    assert!(!html.contains("<svg"), "{html}");
}

#[test]
fn names_that_are_off_are_not_shown() {
    let mut source = busy("a", 1);
    snapshot(&mut source).running[0].target = None;
    snapshot(&mut source).failing[0].target = None;
    let text = text(&page([source]));
    assert_eq!(text.matches("name not shown snapshot").count(), 2, "{text}");
}

#[test]
fn a_long_list_shows_its_first_rows_and_how_many_more_there_are() {
    let mut source = busy("a", 1500);
    // The snapshot lists no more than the configuration allows, and counts all.
    snapshot(&mut source).running.truncate(30);
    let html = page([source]);
    assert_eq!(html.matches("worker-").count(), 20);
    assert_eq!(html.matches("database-").count(), 20);
    let text = text(&html);
    assert_eq!(text.matches("and 1,480 more").count(), 2, "{text}");
    has(&text, &["agentless-exporter once lists as many as metrics.targets.limit allows"]);
    let mut unlisted = busy("a", 12);
    snapshot(&mut unlisted).failing.clear();
    has(&self::text(&page([unlisted])), &["Failing targets: 12 Not listed here;"]);
}

#[test]
fn markup_in_any_text_stays_text() {
    let evil = "<script>alert('1' & \"2\")</script>";
    let mut source = busy(evil, 1);
    source.status.failure = failed("", FailureReason::Server).status.failure;
    source.status.region = evil.to_owned();
    source.status.endpoint = evil.to_owned();
    source.status.failure.as_mut().unwrap().message = evil.to_owned();
    let mut evil_names = names(evil, 0);
    evil_names.target = Name::of(&format!("{evil}2")).unwrap();
    evil_names.instance_id = Name::of(&format!("{evil}3"));
    let evil_names = Arc::new(evil_names);
    snapshot(&mut source).running[0].target = Some(Arc::clone(&evil_names));
    snapshot(&mut source).failing[0].target = Some(evil_names);
    let html = render(&[Arc::new(source)], &at("/a\"><script>"), None, now());
    assert!(!html.contains("<script"), "{html}");
    // The link and the heading, region, endpoint, message, and three names in each list.
    let text = "&#60;script&#62;alert(&#39;1&#39; &#38; &#34;2&#34;)&#60;/script&#62;";
    assert_eq!(html.matches(text).count(), 11, "{html}");
    assert!(html.contains("href=\"./a&#34;&#62;&#60;script&#62;\""), "{html}");
}

#[test]
fn text_that_is_long_or_changes_direction_or_controls_changes_nothing_else() {
    let evil = format!("\u{202e}\u{0}\u{1b}[31m\r\n{}", "\"'&<b>".repeat(700));
    let mut source = busy(&evil, 1);
    source.status.failure = failed("", FailureReason::Server).status.failure;
    source.status.region = evil.clone();
    source.status.endpoint = evil.clone();
    source.status.failure.as_mut().unwrap().message = evil.clone();
    snapshot(&mut source).running[0].target = Some(Arc::new(names(&evil, 1)));
    snapshot(&mut source).failing[0].target = Some(Arc::new(names(&evil, 1)));
    let html = page([source]);
    assert!(!html.contains("<b>"), "{html}");
    assert!(!html.chars().any(|c| c.is_control() && c != '\n'), "{html}");
    // The message alone keeps the sign, shut in an element that isolates it.
    assert_eq!(html.matches('\u{202e}').count(), 1, "{html}");
    assert!(html.contains("<bdi>\u{202e}"), "{html}");
    assert!(html.len() < 30_000, "{} bytes", html.len());
}

#[test]
fn those_that_need_attention_stand_first_and_are_linked_to() {
    let html =
        page([good("b"), waiting("a"), failed("z", FailureReason::Auth), failed("y", FailureReason::Auth)]);
    let headings: Vec<_> = html.split("<h2><bdi>").skip(1).map(|rest| &rest[..1]).collect();
    assert_eq!(headings, ["y", "z", "a", "b"]);
    has(&text(&html), &["2 of 4 sources need attention", "y: no data yet: no poll has succeeded"]);
    has(&html, &["<a href=\"#source-3\"><bdi>y</bdi>", "id=\"source-3\""]);
}

#[test]
fn the_summary_counts_the_sources() {
    let of = |sources: Vec<Published>| text(&page(sources));
    has(&of(vec![]), &["No source is configured"]);
    has(&of(vec![good("a"), good("b")]), &["All 2 sources are up to date"]);
    has(&of(vec![good("a"), waiting("b")]), &["1 of 2 sources waits for its first poll"]);
    let many = |count| (0..count).map(|number| failed(&format!("source {number:02}"), FailureReason::Server));
    let text = of(many(25).chain([good("z")]).collect());
    has(&text, &["25 of 26 sources need attention", "and 5 more"]);
}

#[test]
fn a_thousand_sources_with_thousands_of_targets_stay_a_page() {
    let one = busy("", 3000);
    let sources: Vec<_> = (0..1000)
        .map(|number| {
            let mut source = one.clone();
            source.status.name = format!("account-{number:04}");
            if number % 4 == 3 {
                source.status.failure = failed("", FailureReason::Throttled).status.failure;
            }
            Arc::new(source)
        })
        .collect();
    let begin = Instant::now();
    let html = render(&sources, &at("/metrics"), None, now());
    let took = begin.elapsed();
    assert!(html.len() < 1_000_000, "{} bytes", html.len());
    assert!(took < Duration::from_secs(2), "{took:?}, not optimized");
    assert_eq!(html.matches("<h2><bdi>account").count(), 100);
    assert!(html.matches("worker-").count() + html.matches("database-").count() <= 500);
    assert!(html.matches("worker-").count() >= 100, "each list has some rows");
    let text = text(&html);
    has(&text, &["250 of 1,000 sources need attention", "and 230 more", "Other sources"]);
    assert_eq!(text.matches("account-").count(), 20 + 1000, "every source is on the page");
}

#[test]
fn links_are_relative_for_the_sake_of_reverse_proxies() {
    let html = page([good("a")]);
    for link in ["./metrics", "./-/healthy", "./-/ready"] {
        assert!(html.contains(&format!("href=\"{link}\"")), "{link}: {html}");
    }
}

#[test]
fn whether_it_refreshes_is_told_and_can_be_changed() {
    let html = render(&[], &at("/metrics"), Some(Duration::from_secs(10)), now());
    has(&html, &["Refreshes every 10 s. <a href=\"./?refresh=off\">Stop refreshing</a>"]);
    let html = render(&[], &at("/metrics"), None, now());
    has(&html, &["Does not refresh. <a href=\"./\">Refresh again</a>"]);
}

#[test]
fn the_shortest_interval_sets_the_pace_of_refreshing() {
    let after = |intervals: &[u64]| {
        let source = |&seconds: &u64| {
            let mut source = good("a");
            source.status.interval = Duration::from_secs(seconds);
            Arc::new(source)
        };
        refresh_after(&intervals.iter().map(source).collect::<Vec<_>>()).as_secs()
    };
    assert_eq!([after(&[]), after(&[1]), after(&[3600, 12]), after(&[120])], [30, 5, 12, 30]);
}
