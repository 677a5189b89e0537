"""Which machine or image fails, and since when."""

from parts import (
    BAD, CALM, CHOSEN, FAILING, GOOD, SOURCE, TARGET, TARGET_TYPE, WARN, Column, Query, bad_or_fresh, bars, big, build, choice,
    coloured, failing_targets, fresh, if_fresh, lines, named, share, steps, zero_if_fresh,
)

ONE = choice(
    "target", "Target", "Targets that have series of their own, by name where names are shown.",
    f"query_result(agentless_scan_target_info{{{CHOSEN}}} or on ({TARGET}) agentless_scan_target_status{{{CHOSEN}}})",
    regex=r'/[{,]target="(?<value>[^"]+)|instance_name="(?<text>[^"]+)/g',
)
PICKED = f'{CHOSEN}, target=~"$target"'
STATUS = f"agentless_scan_target_status{{{CHOSEN}}}"
SUCCESS = f"agentless_scan_target_last_success_timestamp_seconds{{{CHOSEN}}}"

HEALTH = [
    big(
        "Targets", "Machines and images with a finished scan that is remembered (targets.keep, by default 35 days).",
        if_fresh(f"sum(agentless_scan_targets{{{CHOSEN}}})"),
    ),
    big(
        "Failing targets", "Targets whose latest finished scan failed or timed out.",
        bad_or_fresh(f"sum(agentless_scan_targets{{{CHOSEN}, {FAILING}}})"), "none", steps(GOOD, (1, BAD)),
        runbook="AgentlessTargetFailing",
    ),
    big(
        "Targets in order", "Share of the targets whose latest finished scan completed. Orange below 99 %, red below 90 %.",
        share(f'sum(agentless_scan_targets{{{CHOSEN}, status="completed"}})', f"sum(agentless_scan_targets{{{CHOSEN}}})"),
        "percentunit", steps(BAD, (0.9, WARN), (0.99, GOOD)), {"Infinity": ("no targets", "text")},
    ),
    big(
        "Longest without a good scan", "Of the targets with rows here. Orange after 2 days, red after 7.",
        zero_if_fresh(f"max(time() - {SUCCESS})"), "s", steps(GOOD, (172800, WARN), (604800, BAD)),
        decimals=1, runbook="AgentlessNoSuccessfulScan",
    ),
    big(
        "Never scanned well", "Targets with rows here of which no completed scan is known.",
        bad_or_fresh(zero_if_fresh(f"count({STATUS} unless on ({TARGET}) {SUCCESS})")), "none", steps(GOOD, (1, BAD)),
    ),
    big(
        "Targets without rows", "Failing targets beyond metrics.targets.limit, or without a name that may be shown.",
        if_fresh('sum(agentless_exporter_targets_dropped{source=~"$source"})'), "none", steps(GOOD, (1, WARN)),
        runbook="AgentlessTargetsDropped",
    ),
]

AGE = f"(time() - agentless_scan_target_last_success_timestamp_seconds{{{PICKED}}})"
HISTORY = [
    bars(
        "Longest without a good scan", "Of the chosen targets, the twelve that wait for longest. Orange after 2 days, red after 7.",
        Query(f"sort_desc(topk(12, max by ({TARGET}, instance_name) ({named(AGE)})))", "{{instance_name}}"), "s",
        steps(CALM, (172800, WARN), (604800, BAD)), span=10, height=11,
    ),
    lines(
        "Time since the last good scan",
        "Of the chosen targets, the ten that wait for longest. A line that drops to 0 is a scan that completed; one that "
        "ends is a target that fails no more, unless metrics.targets.mode is all.",
        Query(f"topk(10, max by ({TARGET}, instance_name) ({named(AGE)}))", "{{instance_name}}"), "s", span=14, height=11,
    ),
]

KINDS = [
    coloured("target_type", lines(
        "Failing targets over time", "Targets whose latest finished scan failed or timed out, by kind.",
        Query(f"sum by (target_type) (agentless_scan_targets{{{CHOSEN}, {FAILING}}})", "{{target_type}}"), "none",
        stacked=True,
    )),
    coloured("target_type", lines(
        "Failed scans per hour", "Scans that failed or timed out, by kind of target.",
        Query("sum by (target_type) ("
              + fresh(f"rate(agentless_scan_tasks_finished_total{{{CHOSEN}, {FAILING}}}[$__rate_interval])") + ") * 3600",
              "{{target_type}}"), "none", stacked=True, interval="1m",
    )),
    bars(
        "Targets by kind", "Machines and images with a finished scan that is remembered.",
        Query(f"sum by (target_type) (agentless_scan_targets{{{CHOSEN}}}) > 0", "{{target_type}}"), "none", steps(CALM),
    ),
]

BOARD = build(
    "agentless-targets", "Agentless scans / Targets", "Which machine or image fails, and since when.",
    [SOURCE, TARGET_TYPE, ONE],
    {
        "": HEALTH,
        "Which targets": [failing_targets(details=[Column("target_name", "Target")])],
        "History of the chosen targets": HISTORY,
        "By kind": KINDS,
    },
)
