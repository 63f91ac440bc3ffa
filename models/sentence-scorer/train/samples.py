"""Writes ConvoSumm's e-mail threads as samples for `fleetwright eval`, to standard output.

    python models/sentence-scorer/train/samples.py --data FOLDER [--split test] > convosumm.jsonl
    fleetwright eval convosumm.jsonl
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "recipes"))

from threads import convosumm  # noqa: E402


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--split", choices=["val", "test"], default="test")
    options = arguments.parse_args()
    print(json.dumps({"eval": {"name": f"convosumm-email-{options.split}", "stage": "summarize"}}))
    for place, thread in enumerate(convosumm(options.data, options.split)):
        fields = {"subject": thread["subject"], "messages": thread["messages"]}
        expect = {"summary": {"/summary": thread["summaries"]}}
        print(json.dumps({"id": str(place), "fields": fields, "expect": expect}, ensure_ascii=False))


if __name__ == "__main__":
    main()
