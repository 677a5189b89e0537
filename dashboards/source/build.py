"""Writes the dashboards as JSON into the folder given, or beside this one; scripts/dashboards runs it."""

import json
import pathlib
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder

import exporter
import overview
import targets

# Keys of an annotation that Grafana's Prometheus data source reads and the SDK has no place for.
EVENT = {
    "step": "60s", "tagKeys": "source,target_type,status", "textFormat": "{{target_type}} of {{source}}",
    "titleFormat": "Scan {{status}}",
}


def main(folder):
    for name, board in {"overview": overview.BOARD, "targets": targets.BOARD, "exporter": exporter.BOARD}.items():
        encoded = json.loads(JSONEncoder().encode(board))
        for annotation in encoded["annotations"]["list"]:
            annotation.update(EVENT)
        text = json.dumps(encoded, indent=2, sort_keys=True, ensure_ascii=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
