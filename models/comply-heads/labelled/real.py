"""Chooses the real texts of the test set, joins labels with them, or checks that they are still the same.

    python models/comply-heads/labelled/real.py --data FOLDER --texts FILE.jsonl

Every text is of a split, or a part, that no recipe trains or chooses on: banking77 and MultiDoGO test, CFPB complaints whose number ends
in 9 (all of them), first messages of BC3 and of ConvoSumm's test threads. `real.tsv` keeps source, row, digest and labels by `guide.md`;
the texts stay where they are. `FILE.jsonl` is one object a line: `source`, `row`, `sha256`, `text`, and `labels` where they are known.
"""

import argparse
import csv
import hashlib
import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE.parents[1] / "recipes"), str(HERE.parents[1] / "inbox-heads" / "labelled")]

import sample  # noqa: E402

SEED = 20261126
TAKEN = {"banking77": 220, "multidogo": 200, "cfpb": 10_000, "bc3": 40, "convosumm": 60}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--texts", type=Path, required=True, help="file to write")
    options = arguments.parse_args()
    rows = labelled(options.data) if (HERE / "real.tsv").exists() else [(*row, None) for row in chosen(options.data)]
    with open(options.texts, "w", encoding="utf-8") as file:
        for source, row, text, labels in rows:
            line = {"source": source, "row": str(row), "sha256": digest(text), "text": text, "labels": labels}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    print(f"{len(rows)} texts")


def chosen(data: Path) -> list:
    """(source, row, text), evenly over each source's intents or products."""
    random = np.random.default_rng(SEED)
    made = []
    for source, count in TAKEN.items():
        rows = getattr(sample, source)(data)
        made += [(source, row, text) for row, text in sample.evenly(rows, min(count, len(rows)), random)]
    return made


def labelled(data: Path) -> list:
    """(source, row, text, labels) of `real.tsv`; ends where a text is missing or has changed."""
    texts = {
        (source, str(row)): text
        for source in TAKEN
        for _, row, text in getattr(sample, source)(data)
    }
    made = []
    with open(HERE / "real.tsv", encoding="utf-8") as file:
        for line in csv.DictReader(file, delimiter="\t"):
            text = texts.get((line["source"], line["row"]))
            if text is None or digest(text) != line["sha256"]:
                raise SystemExit(f"`{line['source']}` row {line['row']}: missing, or not the text that was labelled")
            made.append((line["source"], line["row"], text, [label for label in line["labels"].split(",") if label != "-"]))
    return made


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


if __name__ == "__main__":
    main()
