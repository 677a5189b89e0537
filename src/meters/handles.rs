//! The counters and histograms about the exporter itself, in a registry of their own.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
#[cfg(target_os = "linux")]
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use crate::clock::UnixMillis;
use crate::model::{FailureReason, Field, PollKind};

use super::table::{self, Metric};

/// Requests of a healthy API take tens of milliseconds; the last bound is the default time-out.
const REQUEST_BUCKETS: &[f64] = &[0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// From a small account to one whose full listing takes an hour at 2 requests a second.
const POLL_BUCKETS: &[f64] = &[0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0];

/// Outcomes of a poll, the label `outcome`.
pub(super) const OUTCOMES: [&str; 2] = ["success", "failure"];

/// The label `code` of a request whose answer was good.
pub(crate) const GOOD: &str = "OK";

/// Every long-lived counter and histogram of the process.
#[derive(Clone, Debug)]
pub struct Meters {
    registry: Registry,
    polls: IntCounterVec,
    poll_failures: IntCounterVec,
    polls_skipped: IntCounterVec,
    poll_duration: HistogramVec,
    api_requests: IntCounterVec,
    api_request_duration: HistogramVec,
    api_retries: IntCounterVec,
    unknown_values: IntCounterVec,
    corrections: IntCounterVec,
    state_persisted: IntGaugeVec,
    config_reload_successful: IntGaugeVec,
    config_reload_success: GaugeVec,
    readings: Arc<Mutex<Readings>>,
    http_requests: IntCounterVec,
}

/// What the last readings of what is configured came to.
#[derive(Debug, Default)]
struct Readings {
    /// When the configuration was refused, if it was.
    refused: Option<UnixMillis>,
    web_config_is_broken: bool,
}

impl Meters {
    /// Meters at zero, in their own registry.
    pub fn new() -> Self {
        let registry = Registry::new();
        #[cfg(target_os = "linux")]
        registry
            .register(Box::new(ProcessCollector::for_self()))
            .expect("the names of the process are not in the table");
        // Without a file nothing is kept that could be lost.
        let state_persisted = gauge(&registry, &table::STATE_PERSISTED);
        state_persisted.with_label_values::<&str>(&[]).set(1);
        Self {
            polls: counter(&registry, &table::POLLS),
            poll_failures: counter(&registry, &table::POLL_FAILURES),
            polls_skipped: counter(&registry, &table::POLLS_SKIPPED),
            poll_duration: histogram(&registry, &table::POLL_DURATION, POLL_BUCKETS),
            api_requests: counter(&registry, &table::API_REQUESTS),
            api_request_duration: histogram(&registry, &table::API_REQUEST_DURATION, REQUEST_BUCKETS),
            api_retries: counter(&registry, &table::API_RETRIES),
            unknown_values: counter(&registry, &table::UNKNOWN_VALUES),
            corrections: counter(&registry, &table::CORRECTIONS),
            state_persisted,
            config_reload_successful: gauge(&registry, &table::CONFIG_RELOAD_SUCCESSFUL),
            config_reload_success: time(&registry, &table::CONFIG_RELOAD_SUCCESS),
            readings: Arc::default(),
            http_requests: counter(&registry, &table::HTTP_REQUESTS),
            registry,
        }
    }

    /// The meters of one source. What it can count exists at 0 from now on: a series born at 1
    /// is invisible to `increase()`.
    pub fn source(&self, name: &str) -> SourceMeters {
        let meters = SourceMeters { meters: self.clone(), source: name.to_owned() };
        for kind in PollKind::ALL {
            for outcome in OUTCOMES {
                self.polls.with_label_values(&[name, kind.as_str(), outcome]);
            }
        }
        for reason in FailureReason::ALL {
            self.poll_failures.with_label_values(&[name, reason.as_str()]);
            self.api_retries.with_label_values(&[name, reason.as_str()]);
        }
        for field in Field::ALL {
            self.unknown_values.with_label_values(&[name, field.as_str()]);
        }
        self.polls_skipped.with_label_values(&[name]);
        self.corrections.with_label_values(&[name]);
        self.poll_duration.with_label_values(&[name]);
        meters
    }

    /// The meter of the state file, which shows that all is written from now on.
    pub fn state(&self) -> StateMeter {
        let meter = StateMeter(self.state_persisted.with_label_values::<&str>(&[]));
        meter.persisted(true);
        meter
    }

    /// Takes every series of the sources called `names` out. Whoever counts for them must have ended.
    /// All at once, for every series is looked at.
    pub fn forget_sources(&self, names: &HashSet<&str>) {
        forget(&self.polls, names);
        forget(&self.poll_failures, names);
        forget(&self.polls_skipped, names);
        forget(&self.poll_duration, names);
        forget(&self.api_requests, names);
        forget(&self.api_request_duration, names);
        forget(&self.api_retries, names);
        forget(&self.unknown_values, names);
        forget(&self.corrections, names);
    }

    /// The configuration that is in force from now on was read at `now`.
    pub fn config_read(&self, now: UnixMillis) {
        self.reading(|readings| readings.refused = None);
        self.config_reload_success.with_label_values::<&str>(&[]).set(now.as_secs_f64());
    }

    /// A configuration was refused at `now`; the one before is still in force.
    pub fn config_refused(&self, now: UnixMillis) {
        self.reading(|readings| readings.refused = Some(now));
    }

    /// Whether the web config file is what is in force, or has mistakes.
    pub fn web_config_is_broken(&self, is_broken: bool) {
        self.reading(|readings| readings.web_config_is_broken = is_broken);
    }

    /// When the configuration was refused, if the last reading of it was.
    pub fn config_refused_at(&self) -> Option<UnixMillis> {
        self.readings.lock().unwrap_or_else(PoisonError::into_inner).refused
    }

    fn reading(&self, note: impl FnOnce(&mut Readings)) {
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        note(&mut readings);
        let is_good = readings.refused.is_none() && !readings.web_config_is_broken;
        self.config_reload_successful.with_label_values::<&str>(&[]).set(i64::from(is_good));
    }

    /// Shows the requests answered at `path` at 0 from now on.
    pub fn http_path(&self, path: &'static str) {
        self.http_requests.with_label_values(&[path, "200"]);
    }

    /// Counts one answered HTTP request. `path` is one of the routes' names.
    pub fn http_request(&self, path: &'static str, code: u16) {
        self.http_requests.with_label_values(&[path, &code.to_string()]).inc();
    }

    /// The families as they stand now, sorted by name, `process_*` among them.
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

impl Default for Meters {
    fn default() -> Self {
        Self::new()
    }
}

/// The meters of one source.
#[derive(Clone, Debug)]
pub struct SourceMeters {
    meters: Meters,
    source: String,
}

impl SourceMeters {
    /// Notes a poll that took `duration`, and why it failed if it did.
    pub fn poll(&self, kind: PollKind, duration: Duration, failure: Option<FailureReason>) {
        let outcome = OUTCOMES[usize::from(failure.is_some())];
        self.meters.polls.with_label_values(&[&self.source, kind.as_str(), outcome]).inc();
        self.meters.poll_duration.with_label_values(&[&self.source]).observe(duration.as_secs_f64());
        if let Some(reason) = failure {
            self.meters.poll_failures.with_label_values(&[&self.source, reason.as_str()]).inc();
        }
    }

    /// Notes `count` tasks that had to be set right.
    pub fn corrections(&self, count: u64) {
        self.meters.corrections.with_label_values(&[&self.source]).inc_by(count);
    }

    /// Notes `count` polls that were due while another one ran.
    pub fn polls_skipped(&self, count: u64) {
        self.meters.polls_skipped.with_label_values(&[&self.source]).inc_by(count);
    }

    /// Shows the requests of `action` at 0 from now on.
    pub fn api_action(&self, action: &'static str) {
        self.meters.api_requests.with_label_values(&[&self.source, action, GOOD]);
        self.meters.api_request_duration.with_label_values(&[&self.source, action]);
    }

    /// Notes a request whose answer bore `code`, one of a fixed set.
    pub fn api_request(&self, action: &'static str, code: &'static str, duration: Duration) {
        self.meters.api_requests.with_label_values(&[&self.source, action, code]).inc();
        self.meters
            .api_request_duration
            .with_label_values(&[&self.source, action])
            .observe(duration.as_secs_f64());
    }

    /// Notes that a request is sent again after a failure for `reason`.
    pub fn api_retry(&self, reason: FailureReason) {
        self.meters.api_retries.with_label_values(&[&self.source, reason.as_str()]).inc();
    }

    /// Notes `count` values of `field` that were not understood.
    pub fn unknown_values(&self, field: Field, count: u64) {
        self.meters.unknown_values.with_label_values(&[&self.source, field.as_str()]).inc_by(count);
    }
}

/// The meter of the state file.
#[derive(Clone, Debug)]
pub struct StateMeter(IntGauge);

impl StateMeter {
    /// Shows whether all that must survive a restart is in the state file.
    pub fn persisted(&self, is_persisted: bool) {
        self.0.set(i64::from(is_persisted));
    }
}

fn counter(registry: &Registry, metric: &Metric) -> IntCounterVec {
    let made = IntCounterVec::new(Opts::new(metric.name, metric.help), metric.labels);
    register(registry, made.expect("the table's names are valid"))
}

fn gauge(registry: &Registry, metric: &Metric) -> IntGaugeVec {
    let made = IntGaugeVec::new(Opts::new(metric.name, metric.help), metric.labels);
    register(registry, made.expect("the table's names are valid"))
}

fn time(registry: &Registry, metric: &Metric) -> GaugeVec {
    let made = GaugeVec::new(Opts::new(metric.name, metric.help), metric.labels);
    register(registry, made.expect("the table's names are valid"))
}

/// Removes the series whose label `source` is one of `names`.
fn forget<B: MetricVecBuilder>(family: &MetricVec<B>, names: &HashSet<&str>) {
    for gathered in family.collect().iter().flat_map(MetricFamily::get_metric) {
        let labels: HashMap<&str, &str> =
            gathered.get_label().iter().map(|label| (label.name(), label.value())).collect();
        if labels.get("source").is_some_and(|source| names.contains(source)) {
            family.remove(&labels).expect("it was collected just now, and nobody else removes it");
        }
    }
}

fn histogram(registry: &Registry, metric: &Metric, buckets: &[f64]) -> HistogramVec {
    let options = HistogramOpts::new(metric.name, metric.help).buckets(buckets.to_vec());
    let made = HistogramVec::new(options, metric.labels);
    register(registry, made.expect("the table's names are valid"))
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> C {
    registry.register(Box::new(collector.clone())).expect("the table names each metric once");
    collector
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum of a counter family, and how many series it has; nothing for a family without any.
    fn counted(meters: &Meters, metric: &Metric) -> (f64, usize) {
        let families = meters.gather();
        let series = families.iter().find(|f| f.name() == metric.name).map_or(&[][..], |f| f.get_metric());
        (series.iter().map(|s| s.get_counter().get_value()).sum(), series.len())
    }

    #[test]
    fn nothing_is_lost_without_a_state_file_or_before_it_is_opened() {
        let meters = Meters::new();
        let persisted = || {
            let families = meters.gather();
            let family = families.iter().find(|family| family.name() == table::STATE_PERSISTED.name);
            family.map(|family| family.get_metric()[0].get_gauge().get_value())
        };
        assert_eq!(persisted(), Some(1.0));
        meters.state().persisted(false);
        assert_eq!(persisted(), Some(0.0));
    }

    #[test]
    fn what_a_source_can_count_is_there_at_0_from_the_start() {
        let meters = Meters::new();
        let source = meters.source("prod");
        source.api_action("ListThings");
        meters.http_path("/metrics");
        assert_eq!(counted(&meters, &table::API_RETRIES), (0.0, FailureReason::ALL.len()));
        assert_eq!(counted(&meters, &table::UNKNOWN_VALUES), (0.0, Field::ALL.len()));
        assert_eq!(counted(&meters, &table::POLL_FAILURES), (0.0, FailureReason::ALL.len()));
        assert_eq!(counted(&meters, &table::POLLS_SKIPPED), (0.0, 1));
        assert_eq!(counted(&meters, &table::API_REQUESTS), (0.0, 1));
        assert_eq!(counted(&meters, &table::API_REQUEST_DURATION).1, 1);
        assert_eq!(counted(&meters, &table::HTTP_REQUESTS), (0.0, 1));

        // And these are the series that are counted later.
        source.api_request("ListThings", GOOD, Duration::from_millis(1));
        meters.http_request("/metrics", 200);
        assert_eq!(counted(&meters, &table::API_REQUESTS), (1.0, 1));
        assert_eq!(counted(&meters, &table::HTTP_REQUESTS), (1.0, 1));
    }

    #[test]
    fn a_source_that_is_forgotten_leaves_no_series_and_the_others_theirs() {
        let meters = Meters::new();
        let used = |name| {
            let source = meters.source(name);
            source.api_action("ListThings");
            source.api_request("ListThings", "Throttling", Duration::from_millis(1));
            source.poll(PollKind::Full, Duration::from_secs(1), Some(FailureReason::Auth));
        };
        let shown = || {
            let mut shown = Vec::new();
            for family in meters.gather() {
                for series in family.get_metric() {
                    let labels = series.get_label().iter().map(|label| (label.name(), label.value()));
                    let labels: Vec<_> = labels.map(|(name, value)| format!("{name}={value}")).collect();
                    // That of the process are not always the same.
                    if !family.name().starts_with("process_") {
                        shown.push(format!("{} {labels:?}", family.name()));
                    }
                }
            }
            shown
        };
        used("stays");
        let before = shown();
        used("goes");
        let of_gone: Vec<_> = shown().into_iter().filter(|series| series.contains("source=goes")).collect();
        assert_eq!(of_gone.len(), before.iter().filter(|series| series.contains("source=stays")).count());
        meters.forget_sources(&HashSet::from(["goes"]));
        assert_eq!(shown(), before);
        used("goes");
        assert_eq!(counted(&meters, &table::POLL_FAILURES).0, 2.0, "it begins at 0 when it comes back");
    }

    #[test]
    fn hundreds_of_sources_are_forgotten_in_one_go() {
        let meters = Meters::new();
        let names: Vec<String> = (0..500).map(|n| format!("source-{n}")).collect();
        names.iter().for_each(|name| meters.source(name).api_action("ListThings"));
        let began = std::time::Instant::now();
        meters.forget_sources(&names.iter().map(String::as_str).collect());
        // One after the other they took 25 s, in which no scrape can count on an answer.
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(counted(&meters, &table::POLLS).1, 0);
    }

    #[test]
    fn the_time_of_the_last_good_configuration_outlives_a_bad_one() {
        let meters = Meters::new();
        let value = |metric: &Metric| {
            let families = meters.gather();
            let family = families.iter().find(|family| family.name() == metric.name)?;
            Some(family.get_metric()[0].get_gauge().get_value())
        };
        meters.config_read(UnixMillis::new(1_500).unwrap());
        meters.config_refused(UnixMillis::new(1_700).unwrap());
        assert_eq!(meters.config_refused_at(), UnixMillis::new(1_700));
        let both = [&table::CONFIG_RELOAD_SUCCESSFUL, &table::CONFIG_RELOAD_SUCCESS].map(value);
        assert_eq!(both, [Some(0.0), Some(1.5)]);
        meters.config_read(UnixMillis::new(2_000).unwrap());
        let both = [&table::CONFIG_RELOAD_SUCCESSFUL, &table::CONFIG_RELOAD_SUCCESS].map(value);
        assert_eq!((both, meters.config_refused_at()), ([Some(1.0), Some(2.0)], None));
        meters.web_config_is_broken(true);
        assert_eq!(value(&table::CONFIG_RELOAD_SUCCESSFUL), Some(0.0), "the web config counts too");
        meters.config_refused(UnixMillis::new(3_000).unwrap());
        meters.web_config_is_broken(false);
        assert_eq!(value(&table::CONFIG_RELOAD_SUCCESSFUL), Some(0.0), "both must be good");
        meters.config_read(UnixMillis::new(4_000).unwrap());
        assert_eq!(value(&table::CONFIG_RELOAD_SUCCESSFUL), Some(1.0));
    }
}
