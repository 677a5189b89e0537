"""Reads dashboards by the model of Grafana's SDK and writes them again: what is lost is a key that Grafana
does not know. Names these keys; silent if there are none."""

import json
import sys

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

# Keys of annotations that the Prometheus data source of Grafana reads and the model has no place for.
BEYOND = {f".annotations.list[0].{key}" for key in ("step", "tagKeys", "textFormat", "titleFormat")}


def lost(before, after, path=""):
    """The paths of what is in `before` and not in `after`."""
    if isinstance(before, dict):
        steps = [(f"{path}.{key}", value, after.get(key) if isinstance(after, dict) else None) for key, value in before.items()]
    elif isinstance(before, list):
        after = after if isinstance(after, list) else []
        after = after + [None] * (len(before) - len(after))
        steps = [(f"{path}[{at}]", value, after[at]) for at, value in enumerate(before)]
    else:
        return [] if before == after else [path]
    return [found for step, value, kept in steps for found in ([step] if value is not None and kept is None else lost(value, kept, step))]


plugins.register_default_plugins()
for name in sys.argv[1:]:
    with open(name, encoding="utf-8") as file:
        given = json.load(file)
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(given)))
    for path in lost(given, read):
        if path not in BEYOND:
            print(f"{name}: {path}")
