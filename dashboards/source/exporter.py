"""Is the exporter itself healthy: its polls, its data, what it asks of the API, and its own process."""

from parts import (
    BAD, CALM, GOOD, OF_SOURCE, SOURCE, WARN, Column, Query, big, build, causes, coloured, in_words, lines, quantile, rows,
    steps,
)


def of(metric, more=""):
    """The metric of the chosen sources."""
    return f"agentless_exporter_{metric}{{{OF_SOURCE}{more}}}"


def each(expr, function="sum"):
    """One value for each source, whatever scrapes it."""
    return f"{function} by (source) ({expr})"


HEALTH = [
    big(
        "Sources with stale data", "Sources whose data is too old to speak of, or that have none yet.",
        f"sum({of('source_up')} == bool 0)", "none", steps(GOOD, (1, BAD)), runbook="AgentlessDataStale",
        absent="not scraped",
    ),
    big(
        "Failed polls in a row", "Polls that failed since the last good one, of the worst source. Red from 3.",
        f"max({of('consecutive_poll_failures')})", "none", steps(GOOD, (1, WARN), (3, BAD)),
        runbook="AgentlessPollFailing", absent="not scraped",
    ),
    big(
        "Throttled in the last hour", "Requests that were sent again because the API throttled them.",
        f"""sum(increase({of('api_retries_total', ', reason="throttled"')}[1h]))""", "none", steps(GOOD, (1, WARN), (60, BAD)),
        decimals=0, runbook="AgentlessApiThrottled", absent="not scraped",
    ),
    big(
        "Access key expires in", "Of the source whose key in use expires first. Keys are renewed before: red means that this fails.",
        f"min({of('credentials_expiry_timestamp_seconds')} - time()) or max({of('source_up')}) * 0 + Inf", "s",
        steps(BAD, (300, WARN), (600, GOOD)), {"Infinity": ("never", GOOD)}, decimals=1, runbook="AgentlessCredentialsExpiring",
        absent="not scraped",
    ),
    big(
        "Configuration", "Whether the last reading of the configuration was good; if not, the one before is in force.",
        "min(agentless_exporter_config_last_reload_successful)", "none", steps(BAD, (1, GOOD)),
        meanings={"0": ("refused", BAD), "1": ("in force", GOOD)}, runbook="AgentlessReloadFailed", absent="not scraped",
    ),
    big(
        "State file", "Whether all that must outlive the process is on disk, if a state file is configured.",
        "min(agentless_exporter_state_persisted)", "none", steps(BAD, (1, GOOD)),
        meanings={"0": ("not written", BAD), "1": ("in order", GOOD)}, runbook="AgentlessStateNotPersisted",
        absent="not scraped",
    ),
]

SOURCES = [
    rows(
        "Sources", "Each source with its data. Stale after is the age from which its data is not shown any more.",
        [
            Query(f"max by (source, region, endpoint, listing) ({of('source_info')})"),
            Query(each(of("source_up"), "min")),
            Query(each(f"time() - {of('last_poll_success_timestamp_seconds')}", "max")),
            Query(each(of("stale_after_seconds"), "max")),
            Query(each(of("poll_interval_seconds"), "max")),
            Query(each(f"time() - {of('last_full_poll_success_timestamp_seconds')}", "max")),
            Query(each(of("snapshot_tasks"), "max")),
            Query(each(of("consecutive_poll_failures"), "max")),
        ],
        [
            Column("source", "Source"),
            Column("Value #B", "Data", 90, **in_words({"0": ("stale", BAD), "1": ("fresh", GOOD)})),
            Column("Value #C", "Age", 95, unit="s"),
            Column("Value #D", "Stale after", 105, unit="s"),
            Column("Value #E", "Interval", 95, unit="s"),
            Column("Value #F", "Full listing", 110, unit="s"),
            Column("Value #G", "Scans", 90),
            Column("Value #H", "Failed polls", 110),
            Column("listing", "Listing", 90),
            Column("region", "Region", 130),
            Column("endpoint", "Endpoint", 220),
        ],
        "not scraped", height=6, sort="Source",
    ),
]

POLLS = [
    lines("Age of data", "Time since the last good poll. The dashed line is where data is stale.",
          [Query(each(f"time() - {of('last_poll_success_timestamp_seconds')}", "max"), "{{source}}"),
           Query(f"min({of('stale_after_seconds')})", "stale")], "s", dashed="stale"),
    coloured("outcome", lines("Polls per hour", "Polls that ended, good and bad, over the ten minutes before: polls are few.",
          Query(f"sum by (outcome) (rate({of('polls_total')}[10m])) * 3600", "{{outcome}}"), "none", stacked=True)),
    lines("Failed polls by reason, per hour", "Why polls fail, over the ten minutes before; the status page and the log say what to do.",
          causes("reason", f"rate({of('poll_failures_total')}[10m]) * 3600"), "none", stacked=True, hue=BAD),
    lines("Duration of polls", "Of the polls of the hour before: 95 % take less.",
          Query(quantile(0.95, of("poll_duration_seconds_bucket"), "source"), "{{source}}"), "s"),
    lines("Rows of the full listing", "Rows read by the full listing under way, else by the last one, and dashed how many the API counts.",
          [Query(each(of("poll_rows"), "max"), "{{source}}"), Query(each(of("poll_rows_expected"), "max"), "{{source}} expected")],
          "none", dashed="expected"),
    lines("Ledger", "Scans that a source remembers, and dashed those in the last snapshot.",
          [Query(each(of("ledger_tasks"), "max"), "{{source}}"), Query(each(of("snapshot_tasks"), "max"), "{{source}} snapshot")],
          "none", dashed="snapshot"),
]

API = [
    lines("Requests", "Requests a second, and dashed how many are allowed now: throttling lowers it.",
          [Query(each(f"rate({of('api_requests_total')}[$__rate_interval])"), "{{source}}"),
           Query(each(of("api_rate_limit"), "max"), "{{source}} allowed")], "reqps", dashed="allowed"),
    lines("Answers that are not OK", "Requests a second by the code of the answer, or the reason why there is none.",
          causes("code", f"""rate({of('api_requests_total', ', code!="OK"')}[$__rate_interval])""",
                 f"rate({of('api_requests_total')}[$__rate_interval])"), "reqps", stacked=True, hue=BAD),
    lines("Requests sent again", "Retries a second, by the reason of the failure before.",
          causes("reason", f"rate({of('api_retries_total')}[$__rate_interval])"), "reqps", stacked=True, hue=WARN),
    lines("Duration of requests", "Of the requests of the hour before: 95 % take less.",
          Query(quantile(0.95, of("api_request_duration_seconds_bucket"), "source"), "{{source}}"), "s"),
    lines("Clock", "The clock of the cloud minus the clock of this machine. The API refuses requests that are 15 minutes off.",
          Query(each(of("api_clock_skew_seconds"), "max"), "{{source}}"), "s", least=None),
    lines("Odd data", "Of the last hour: values that could not be understood, tasks that had to be set right; and of the last "
          "snapshot: rows without an id, rows that the API counts and does not show, scans that name no target.",
          [Query(f"sum(increase({of('unknown_values_total')}[1h]))", "unknown values"),
           Query(f"sum(increase({of('corrections_total')}[1h]))", "set right"),
           Query(f"sum({of('snapshot_skipped_rows')})", "without id"),
           Query(f"sum({of('snapshot_missing_rows')})", "not shown"),
           Query(f"sum({of('targets_unidentified')})", "without target")], "none"),
]

OWN = "* on (job, instance) group_left () (agentless_exporter_build_info * 0 + 1)"
PROCESS = [
    lines("HTTP requests", "Requests answered by the exporter, by path.",
          Query("sum by (path) (rate(agentless_exporter_http_requests_total[$__rate_interval]))", "{{path}}"), "reqps",
          stacked=True, hue=CALM),
    lines("Memory", "Resident memory of the process.",
          Query(f"sum by (instance) (process_resident_memory_bytes {OWN})", "{{instance}}"), "bytes", hue=CALM),
    lines("CPU", "Part of a processor that the process uses.",
          Query(f"sum by (instance) (rate(process_cpu_seconds_total[$__rate_interval]) {OWN})", "{{instance}}"), "percentunit", hue=CALM),
]

BOARD = build(
    "agentless-exporter", "Agentless scans / Exporter",
    "Is the exporter healthy: its polls, its data, what it asks of the API, and its own process.", [SOURCE],
    {"": HEALTH, "Sources": SOURCES, "Polls": POLLS, "API": API, "Process": PROCESS},
)
