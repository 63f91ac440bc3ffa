"""Writes the test set as a data file of `fleetwright eval`, to standard output: the stage `comply`, label by label.

    python models/comply-heads/labelled/samples.py --data FOLDER [--by rules|model|both] > labelled.jsonl

A label counts as raised where a rule that stands for it flags the body: rules of set phrases, rules that a model reads, or both. Of the
real texts, which are labelled for the first three labels alone, the other two are left out of the file.
"""

import argparse
import csv
import json
import sys
from pathlib import Path

import real

HERE = Path(__file__).resolve().parent
RULES = {
    "rules": {
        "legal.threat": "legal-threat",
        "dsr.named": "data-subject-request",
        "advice.asked": "regulated-advice",
        "abuse.threat": "abuse",
        "fraud.redirect": "payment-fraud",
    },
    "model": {
        "legal.action": "legal-threat",
        "dsr.request": "data-subject-request",
        "advice.regulated": "regulated-advice",
        "abuse.language": "abuse",
        "fraud.payment": "payment-fraud",
    },
}
RULES["both"] = RULES["rules"] | RULES["model"]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--by", choices=sorted(RULES), default="both", help="which rules are counted; default: both")
    arguments.add_argument("--labels", choices=["three", "five"], default="three", help="all texts for three labels, or our own for all five")
    options = arguments.parse_args()
    own = [("written", place, text, labels) for place, (text, labels) in enumerate(written())]
    rows = own if options.labels == "five" else [*own, *real.labelled(options.data)]
    kept = list(RULES["rules"].values())[: {"three": 3, "five": 5}[options.labels]]
    kinds = {rule: label for rule, label in RULES[options.by].items() if label in kept}
    put({"eval": {"name": f"comply-labelled, {options.by}", "stage": "comply", "kinds": kinds, "precision": 0.8}})
    for source, row, text, labels in rows:
        expected = sorted(set(labels) & set(kept))
        group = "written" if source == "written" else "real"
        put({"id": f"{source}-{row}", "group": group, "fields": {"body": text}, "expect": {"flags": {"/flags/*/rule": expected}}})


def written() -> list:
    """(text, labels) of our own texts."""
    with open(HERE / "written.tsv", encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["text"].replace("\\n", "\n"), row["labels"].split(",")) for row in rows]


def put(line: dict) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
