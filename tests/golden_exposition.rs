//! The exposition against `tests/data/golden/`: what every metric is called, what type, help and
//! labels it has, and how exactly the series of a known state are written.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agentless_exporter::clock::UnixMillis;
use agentless_exporter::exposition::{Format, render};
use agentless_exporter::meters::table::Kind;
use agentless_exporter::meters::{Meters, table};
use agentless_exporter::model::{
    Check, FailureReason, Field, KeyInUse, Listing, Name, PollFailure, PollKind, ReportStatus, RowProgress,
    SourceStatus, Status, TargetNames, TargetType,
};
use agentless_exporter::snapshot::{
    Mean, ProgressBucket, Published, Snapshot, SpaceBucket, TargetSeries, TargetState, TypeFacts,
};

const FORMATS: [Format; 2] = [Format::Text, Format::OpenMetrics];

fn time(millis: i64) -> UnixMillis {
    UnixMillis::new(millis).expect("a time after 1970")
}

fn now() -> UnixMillis {
    time(1_795_489_445_000)
}

/// A source that no poll has finished of.
fn waiting(name: &str) -> Published {
    let status = SourceStatus {
        region: "cn-shanghai".to_owned(),
        endpoint: "tds.cn-shanghai.aliyuncs.com:443".to_owned(),
        interval: Duration::from_secs(120),
        lookback: Duration::from_secs(7 * 86_400),
        stale_after: Duration::from_secs(900),
        rate_limit: 2.0,
        ..SourceStatus::unpolled(name)
    };
    Published::unpolled(status)
}

/// A source with everything that a source can show.
fn full(name: &str) -> Published {
    let mut published = waiting(name);
    let status = &mut published.status;
    status.labels = [("team", "a \"b\" \\ c\nd"), ("cost_center", "ü")]
        .map(|(label, value)| (label.to_owned(), value.to_owned()))
        .into();
    status.listing = Listing::Flat;
    status.rate_limit = 0.5;
    status.last_poll = Some(time(1_795_489_440_250));
    status.last_success = Some(time(1_795_489_320_000));
    status.last_full_success = Some(time(1_795_489_320_000));
    status.failure = Some(PollFailure {
        at: time(1_795_489_440_250),
        reason: FailureReason::Throttled,
        message: "Throttling.User".to_owned(),
        advice: FailureReason::Throttled.advice(),
    });
    status.consecutive_failures = 1;
    status.rows = RowProgress { read: 100, expected: 137 };
    status.clock_skew_seconds = Some(-3.0);
    let expires = Some(time(1_795_491_720_000));
    status.key = Some(KeyInUse::new("ecs_ram_role reader".to_owned(), "STS.NTmadeupmadeup1234", expires));
    status.ledger_tasks = 1234;
    published.snapshot = Some(Arc::new(Snapshot {
        as_of: time(1_795_489_320_000),
        types: BTreeMap::from([(TargetType::Snapshot, busy()), (TargetType::Image, TypeFacts::default())]),
        tasks: 137,
        targets_unidentified: 2,
        skipped_rows: 1,
        missing_rows: 4,
        running: Vec::new(),
        failing: Vec::new(),
        series: single_targets(),
    }));
    published
}

/// A target with all names, and one that is known by its id alone.
fn single_targets() -> TargetSeries {
    let name = |text| Name::of(text).expect("a name");
    let names = TargetNames {
        target: name("3b1c-uuid"),
        instance_id: Some(name("i-bp1a2b3c")),
        instance_name: Some(name("web \"1\" \\ ü")),
        target_name: Some(name("web-1")),
    };
    let bare = TargetNames { target: name("m-1"), instance_id: None, instance_name: None, target_name: None };
    let failed = TargetState {
        status: Status::Failed,
        last_finished: Some(time(1_795_489_100_500)),
        last_success: Some(time(1_795_402_700_000)),
        names: Some(Arc::new(names.clone())),
    };
    let timed_out = TargetState {
        status: Status::TimedOut,
        last_finished: None,
        last_success: None,
        names: Some(Arc::new(bare.clone())),
    };
    let targets =
        [((TargetType::Snapshot, names.target), failed), ((TargetType::Image, bare.target), timed_out)];
    TargetSeries { targets: targets.into(), dropped: 3 }
}

/// Facts with a different number in every place.
fn busy() -> TypeFacts {
    let mut facts = TypeFacts {
        tasks: [3, 120, 8, 5, 1],
        by_space: [10, 11, 12, 13, 14, 15],
        measured_bytes: [1 << 20, 9 * (1 << 40), 161_587_200, 7, 0],
        oldest_running_start: Some(time(1_795_480_000_123)),
        reports: [21, 22, 23, 24, 25, 26, 27],
        targets: [0, 31, 32, 33, 0],
        last_success: Some(time(1_795_489_000_000)),
        last_finished: Some(time(1_795_489_100_500)),
        root_tasks: [41, 42, 43, 44, 45],
        ..TypeFacts::default()
    };
    for (row, counts) in facts.by_progress.iter_mut().enumerate() {
        for (column, count) in counts.iter_mut().enumerate() {
            *count = (100 * (row + 1) + column) as u64;
        }
    }
    facts.running_progress.add(0.25);
    facts.running_progress.add(0.5);
    for (place, &check) in Check::ALL.iter().enumerate() {
        let mut mean = Mean::default();
        mean.add(place as f64 / 8.0);
        facts.check_progress[check.index()] = mean;
    }
    assert_eq!(facts.by_progress[0].len(), ProgressBucket::ALL.len());
    assert_eq!(facts.by_space.len(), SpaceBucket::ALL.len());
    assert_eq!(facts.reports.len(), ReportStatus::ALL.len());
    facts
}

/// Meters of which each has counted something.
fn used_meters() -> Meters {
    let meters = Meters::new();
    meters.source("new");
    let source = meters.source("prod");
    source.poll(PollKind::Full, Duration::from_millis(2500), None);
    source.poll(PollKind::Full, Duration::from_secs(7200), Some(FailureReason::Throttled));
    source.polls_skipped(2);
    source.api_request("ListAgentlessTask", "OK", Duration::from_millis(125));
    source.api_request("ListAgentlessTask", "Throttling.User", Duration::from_millis(31));
    source.api_retry(FailureReason::Throttled);
    source.unknown_values(Field::Status, 3);
    meters.http_request("/metrics", 200);
    meters.http_request("other", 404);
    meters.state().persisted(false);
    meters.config_read(time(1_795_400_000_000));
    meters.config_refused(time(1_795_400_100_000));
    meters
}

/// The state of which the golden files tell.
fn golden_state() -> Vec<Arc<Published>> {
    [full("prod"), waiting("new")].map(Arc::new).into()
}

fn rendered(format: Format, sources: &[Arc<Published>], meters: &Meters) -> String {
    String::from_utf8(render(format, sources, meters, now()).to_vec()).expect("UTF-8")
}

/// Compares `actual` with a golden file, and leaves it where it can be copied from.
fn assert_golden(file: &str, golden: &str, actual: &str) {
    if golden != actual {
        let written = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
        std::fs::write(&written, actual).expect("the target folder can be written");
        let first = golden.lines().zip(actual.lines()).find(|(golden, actual)| golden != actual);
        panic!(
            "the exposition differs from tests/data/golden/{file}, first in (golden, actual) {first:?};\n\
             dashboards and alerts build on it; if the change is meant, say so in the changelog and copy {}",
            written.display()
        );
    }
}

fn series(exposition: &str) -> impl Iterator<Item = &str> {
    let samples = exposition.lines().filter(|line| !line.starts_with('#'));
    samples.map(|line| line.rsplit_once(' ').expect("a series and its value").0)
}

/// The names of the labels of a series; values in the states here hold no `=`.
fn label_names(series: &str) -> Vec<&str> {
    let Some((_, labels)) = series.split_once('{') else { return Vec::new() };
    let before_values = labels.split("=\"").map(|part| part.rsplit([',', '{']).next().unwrap_or_default());
    let mut names: Vec<_> = before_values.collect();
    names.pop();
    names
}

#[test]
fn names_types_helps_and_labels_are_the_golden_ones() {
    let exposition = rendered(Format::Text, &golden_state(), &used_meters());
    let mut labels: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for series in series(&exposition) {
        let sample = series.split('{').next().unwrap();
        labels.entry(sample).or_default().insert(label_names(series).join(","));
    }
    let mut actual = String::new();
    for line in exposition.lines().filter(|line| line.starts_with('#')) {
        let _infallible = writeln!(actual, "{line}");
        let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        let samples: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        for suffix in samples {
            for labels in &labels[format!("{name}{suffix}").as_str()] {
                let _infallible = writeln!(actual, "{name}{suffix}{{{labels}}}");
            }
        }
    }
    assert_golden("metadata.txt", include_str!("data/golden/metadata.txt"), &actual);
}

/// The lines of the exposition but those of the process and the build, which differ everywhere.
fn lasting(exposition: &str) -> String {
    let same_everywhere =
        |line: &&str| !line.contains("process_") && !line.starts_with("agentless_exporter_build_info{");
    exposition.lines().filter(same_everywhere).map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_text_of_a_known_state_is_the_golden_one() {
    let exposition = lasting(&rendered(Format::Text, &golden_state(), &used_meters()));
    assert_golden("exposition.txt", include_str!("data/golden/exposition.txt"), &exposition);
}

#[test]
fn the_openmetrics_of_a_known_state_is_the_golden_one() {
    let exposition = lasting(&rendered(Format::OpenMetrics, &golden_state(), &used_meters()));
    assert_golden(
        "exposition.openmetrics.txt",
        include_str!("data/golden/exposition.openmetrics.txt"),
        &exposition,
    );
}

#[test]
fn the_known_state_shows_every_metric_of_the_table() {
    let exposition = rendered(Format::Text, &golden_state(), &used_meters());
    for metric in table::ALL {
        let head = format!("# TYPE {} {}\n", metric.name, metric.kind.as_str());
        assert_eq!(exposition.matches(&head).count(), 1, "{head}");
    }
}

#[test]
fn no_state_gives_a_series_or_a_family_twice() {
    let twins = || [full("a"), full("b"), full("a"), waiting("b")].map(Arc::new).into();
    let states: [Vec<Arc<Published>>; 4] =
        [Vec::new(), vec![Arc::new(waiting("a"))], golden_state(), twins()];
    for format in FORMATS {
        for state in &states {
            for meters in [Meters::new(), used_meters()] {
                let exposition = rendered(format, state, &meters);
                let mut seen = HashSet::new();
                for series in series(&exposition) {
                    assert!(seen.insert(series), "{series} came twice");
                }
                let mut families = HashSet::new();
                for line in exposition.lines().filter(|line| line.starts_with("# TYPE ")) {
                    let family = line.split(' ').nth(2).unwrap().trim_end_matches("_total");
                    assert!(families.insert(family.to_owned()), "{family} came twice");
                }
            }
        }
    }
}

#[test]
fn counts_are_shown_for_every_status_also_when_nothing_was_scanned() {
    let mut source = full("a");
    let snapshot = Arc::make_mut(source.snapshot.as_mut().unwrap());
    for facts in snapshot.types.values_mut() {
        *facts = TypeFacts::default();
    }
    let exposition = rendered(Format::Text, &[Arc::new(source)], &Meters::new());
    for family in ["agentless_scan_tasks", "agentless_scan_targets", "agentless_scan_root_tasks"] {
        for target_type in ["snapshot", "image"] {
            for status in Status::ALL {
                let line =
                    format!("{family}{{source=\"a\",target_type=\"{target_type}\",status=\"{status}\"}} 0\n");
                assert!(exposition.contains(&line), "{line} is missing");
            }
        }
    }
    for unknown in ["running_progress", "check_progress", "oldest_running", "scan_last_"] {
        assert!(!exposition.contains(unknown), "{unknown} is shown though nobody knows it");
    }
}

fn shows_scan_gauges(exposition: &str) -> bool {
    let is_sample = |line: &&str| !line.starts_with('#');
    let samples: Vec<_> = exposition.lines().filter(is_sample).collect();
    let gauges = table::ALL.iter().filter(|metric| metric.kind == Kind::Gauge);
    let mut gauges = gauges.filter(|metric| metric.name.starts_with("agentless_scan_"));
    gauges.any(|metric| samples.iter().any(|line| line.starts_with(&format!("{}{{", metric.name))))
}

/// Whether all of them are there, at 0 or more.
fn shows_scan_counters(exposition: &str) -> bool {
    let counters = table::ALL.iter().filter(|metric| metric.kind != Kind::Gauge);
    let mut counters = counters.filter(|metric| metric.name.starts_with("agentless_scan_"));
    counters.all(|metric| exposition.lines().any(|line| line.starts_with(metric.name)))
}

#[test]
fn before_the_first_poll_a_source_shows_what_it_is_and_nothing_of_scans() {
    let meters = Meters::new();
    meters.source("a");
    let exposition = rendered(Format::Text, &[Arc::new(waiting("a"))], &meters);
    for line in [
        "agentless_exporter_source_up{source=\"a\"} 0\n",
        "agentless_exporter_stale_after_seconds{source=\"a\"} 900\n",
        "agentless_exporter_polls_total{source=\"a\",kind=\"full\",outcome=\"success\"} 0\n",
        "agentless_exporter_poll_failures_total{source=\"a\",reason=\"auth\"} 0\n",
        "agentless_exporter_api_retries_total{source=\"a\",reason=\"throttled\"} 0\n",
        "agentless_exporter_unknown_values_total{source=\"a\",field=\"MeasureSpace\"} 0\n",
    ] {
        assert!(exposition.contains(line), "{line} is missing in {exposition}");
    }
    assert!(!shows_scan_gauges(&exposition) && shows_scan_counters(&exposition), "{exposition}");
    for absent in ["_timestamp_seconds{", "_snapshot_", "_clock_skew_"] {
        assert!(!exposition.contains(absent), "{absent} in {exposition}");
    }
}

#[test]
fn a_stale_source_keeps_its_meters_and_leaves_the_others_alone() {
    let mut stale = full("stale");
    stale.status.stale_after = Duration::from_secs(125);
    let mut fresh = full("fresh");
    fresh.status.stale_after = Duration::from_millis(125_001);
    let meters = Meters::new();
    meters.source("stale").poll(PollKind::Full, Duration::from_secs(1), None);
    let exposition = rendered(Format::Text, &[Arc::new(stale), Arc::new(fresh)], &meters);
    let of = |source: &str| {
        let label = format!("{{source=\"{source}\"");
        exposition
            .lines()
            .filter(|line| line.contains(&label))
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let (stale, fresh) = (of("stale"), of("fresh"));
    assert!(!shows_scan_gauges(&stale) && shows_scan_counters(&stale), "{stale}");
    assert!(stale.contains("agentless_exporter_snapshot_tasks{source=\"stale\"}"), "{stale}");
    assert!(stale.contains("agentless_exporter_source_up{source=\"stale\"} 0"), "{stale}");
    assert!(
        stale
            .contains("agentless_exporter_polls_total{source=\"stale\",kind=\"full\",outcome=\"success\"} 1")
    );
    assert!(fresh.contains("agentless_scan_tasks{source=\"fresh\""), "{fresh}");
    assert!(fresh.contains("agentless_exporter_source_up{source=\"fresh\"} 1"), "{fresh}");
}
