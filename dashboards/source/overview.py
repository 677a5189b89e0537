"""Are scans healthy, what fails now, what runs, how much data."""

from parts import (
    BAD, CALM, CHOSEN, FAILING, GOOD, OF_SOURCE, SOURCE, TARGET_TYPE, WARN, Query, bad_or_fresh, bars,
    big, build, coloured, failing_targets, fresh, if_fresh, lines, quantile, share, steps,
)

FINISHED = f"agentless_scan_tasks_finished_total{{{CHOSEN}}}"
COMPLETED = f'agentless_scan_tasks_finished_total{{{CHOSEN}, status="completed"}}'

HEALTH = [
    big(
        "Sources with stale data",
        "Sources whose data is too old to speak of, or that have none yet. What the other panels show leaves them out.",
        f"sum(agentless_exporter_source_up{{{OF_SOURCE}}} == bool 0)", "none", steps(GOOD, (1, BAD)),
        runbook="AgentlessDataStale", absent="not scraped",
    ),
    big(
        "Oldest data",
        "Time since the last good poll of the source that waits for one longest. Orange after 5 minutes, red after 15, "
        "when the default settings call it stale.",
        f"max(time() - agentless_exporter_last_poll_success_timestamp_seconds{{{OF_SOURCE}}})", "s",
        steps(GOOD, (300, WARN), (900, BAD)), decimals=1, runbook="AgentlessPollFailing", absent="no data",
    ),
    big(
        "Failing targets",
        "Machines and images whose latest finished scan failed or timed out. A target leaves this when its next scan "
        "completes. 0 is shown only while the data of all chosen sources is fresh.",
        bad_or_fresh(f"sum(agentless_scan_targets{{{CHOSEN}, {FAILING}}})"), "none", steps(GOOD, (1, BAD)),
        runbook="AgentlessTargetFailing",
    ),
    big(
        "Scans that completed",
        "Share of the scans finished in the time range that completed. Orange below 99 %, red below 90 %.",
        share(f"sum(increase({COMPLETED}[$__range]))", f"sum(increase({FINISHED}[$__range]))"), "percentunit",
        steps(BAD, (0.9, WARN), (0.99, GOOD)), {"Infinity": ("none finished", "text")}, runbook="AgentlessScanFailureRatioHigh",
    ),
    big(
        "Last good scan",
        "Time since any scan completed. Orange after a day and a half, red after two and a half: twice the usual day, and more.",
        if_fresh(f"time() - max(agentless_scan_last_success_timestamp_seconds{{{CHOSEN}}})"), "s",
        steps(GOOD, (129600, WARN), (216000, BAD)), decimals=1, runbook="AgentlessNoSuccessfulScan",
    ),
    big(
        "Running scans", "Scans under way at the last poll, of sources with fresh data.",
        f'sum(agentless_scan_tasks{{{CHOSEN}, status="running"}})',
    ),
]

FAILURES = [
    failing_targets(span=14, height=9),
    coloured("status", lines(
        "Scans finished per hour", "Scans that completed, failed or timed out. The marks below are failures.",
        Query(f"sum by (status) ({fresh(f'rate({FINISHED}[$__rate_interval])')}) * 3600", "{{status}}"), "none", span=10, height=9,
        stacked=True, interval="1m",
    )),
]

RUNNING = [
    coloured("target_type", lines(
        "Running scans", "Scans under way, by kind of target.",
        Query(f'sum by (target_type) (agentless_scan_tasks{{{CHOSEN}, status="running"}})', "{{target_type}}"), "none",
        stacked=True,
    )),
    bars(
        "Progress", "Mean progress of the running scans of a kind of target.",
        Query(f"avg by (target_type) (agentless_scan_running_progress_ratio{{{CHOSEN}}})", "{{target_type}}"), "percentunit",
        top=1,
    ),
    bars(
        "Longest running scan", "Time since the oldest of the running scans started. Orange after 4 hours, red after 12.",
        Query(f"max by (target_type) (time() - agentless_scan_oldest_running_start_timestamp_seconds{{{CHOSEN}}})",
              "{{target_type}}"), "s", steps(CALM, (14400, WARN), (43200, BAD)),
    ),
]

SINCE_WHEN = [
    bars(
        "Last good scan by kind of target", "Time since a scan of this kind completed. Orange after 2 days, red after 7.",
        Query(f"time() - max by (target_type) (agentless_scan_last_success_timestamp_seconds{{{CHOSEN}}})", "{{target_type}}"),
        "s", steps(GOOD, (172800, WARN), (604800, BAD)),
    ),
    coloured("quantile", lines(
        "Duration of scans", "From start to end, of scans that completed in the hour before.",
        [
            Query(quantile(0.95, f"agentless_scan_task_duration_seconds_bucket{{{CHOSEN}}}"), "95 % take less"),
            Query(quantile(0.5, f"agentless_scan_task_duration_seconds_bucket{{{CHOSEN}}}"), "half take less"),
        ], "s",
    )),
    coloured("report_status", bars(
        "Reports", "Scans of the look-back by the state of their report.",
        Query(f"sum by (report_status) (agentless_scan_reports{{{CHOSEN}}}) > 0", "{{report_status}}"), "none",
    )),
]

SPACES = {"0": "nothing", "lt_1gib": "below 1 GiB", "lt_10gib": "1 to 10 GiB", "lt_100gib": "10 to 100 GiB",
          "ge_100gib": "100 GiB or more"}
DATA = [
    coloured("target_type", lines(
        "Data scanned", "Data read by scans, counted when they finish.",
        Query(f"sum by (target_type) ({fresh(f'rate(agentless_scan_finished_bytes_total{{{CHOSEN}}}[$__rate_interval])')})",
              "{{target_type}}"), "binBps", stacked=True, interval="1m",
    )),
    bars(
        "Data scanned in the look-back", "Data read by the scans of the look-back (poll.lookback, by default seven days).",
        Query(f"sum by (target_type) (agentless_scan_measured_bytes{{{CHOSEN}}}) > 0", "{{target_type}}"), "bytes",
    ),
    bars(
        "Scans by amount of data", "Scans of the look-back by how much data they read.",
        [Query(f'sum(agentless_scan_tasks_by_measured_space{{{CHOSEN}, space="{space}"}})', name)
         for space, name in SPACES.items()], "none",
    ),
]

BOARD = build(
    "agentless-overview", "Agentless scans / Overview",
    "Are scans healthy, what fails now, what runs, and how much data is read.", [SOURCE, TARGET_TYPE],
    {"": HEALTH, "What fails": FAILURES, "What runs": RUNNING, "Since when, and how long": SINCE_WHEN, "How much data": DATA},
)
