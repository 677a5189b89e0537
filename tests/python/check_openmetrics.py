"""Reads an OpenMetrics exposition from standard input with the strict parser; fails if it refuses."""

import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

families = list(text_string_to_metric_families(sys.stdin.read()))
if not families:
    sys.exit("no family at all")
