"""Runs the shipped encoder and heads on `requests.tsv`: requests written as a test, never trained on.

    python models/inbox-heads/train/try.py

Several answers may be right to a reader; they are parted by `|`. Ends with status 1 where a type is wrong.
"""

import csv
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "recipes"))

import mapping  # noqa: E402
from encoder import Encoder, session  # noqa: E402
from states import States  # noqa: E402

HEADS = {"type": mapping.TYPES, "urgency": mapping.URGENCIES, "sentiment": mapping.SENTIMENTS}


def main() -> None:
    with open(Path(__file__).with_name("requests.tsv"), encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    texts = [row["subject"] + "\n\n" + row["body"].replace("\\n", "\n") for row in rows]
    states = States(Encoder(), texts)
    heads = session(ROOT / "inbox-heads" / "3.4.0" / "model.onnx")
    found = [np.zeros((len(texts), len(labels))) for labels in HEADS.values()]
    for chosen, inputs in states.inputs():
        for scores, made in zip(found, heads.run(list(HEADS), inputs)):
            scores[chosen] = made
    wrong = dict.fromkeys(HEADS, 0)
    for place, row in enumerate(rows):
        cells = []
        for (name, labels), scores in zip(HEADS.items(), found):
            best = labels[scores[place].argmax()]
            right = best in row[name].split("|")
            wrong[name] += not right
            cells.append(f"{best} {scores[place].max():.2f}" + ("" if right else f" (not {row[name]})"))
        print(f"{row['subject'][:34]:34} {' · '.join(cells)}")
    print("wrong: " + ", ".join(f"{name} {count}" for name, count in wrong.items()) + f" of {len(rows)}")
    sys.exit(1 if wrong["type"] else 0)


if __name__ == "__main__":
    main()
