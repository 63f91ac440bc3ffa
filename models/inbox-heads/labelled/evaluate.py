"""Figures of the heads on the hand-labelled test set, and the agreement of its two labellers.

    python models/inbox-heads/labelled/evaluate.py --data FOLDER [--model FOLDER] [--samples FILE.jsonl]

`rows.tsv` has source, row and digest of each text, what was settled, and what each labeller said; the texts are read from the
data sets. A text whose digest differs ends it. The model runs as it ships, on the shipped trunk; `--samples` writes the texts
with their labels for `fleetwright eval`, which measures the whole stage. Neither is for choosing anything.
"""

import argparse
import csv
import hashlib
import json
import sys
import tomllib
from pathlib import Path

import numpy as np
from sklearn.metrics import cohen_kappa_score, f1_score

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "recipes"), str(HERE.parent / "train"), str(HERE)]

import report  # noqa: E402
import sample  # noqa: E402
from encoder import Encoder, session  # noqa: E402
from states import States  # noqa: E402

QUESTIONS = ("type", "urgency", "sentiment", "anger")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--model", type=Path, help="folder of the heads; by default the newest that is here")
    arguments.add_argument("--samples", type=Path, help="file to write for `fleetwright eval`")
    options = arguments.parse_args()
    with open(HERE / "rows.tsv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    known = {(source, str(at)): found for source, at, found in sample.chosen(options.data)}
    texts = [text(row, known) for row in rows]
    if options.samples:
        write(options.samples, rows, texts)
    agreement(rows)
    model = options.model or max(HERE.parent.glob("*.*.*"), key=lambda path: [int(part) for part in path.name.split(".")])
    figures(rows, answers(model, texts), labels(model))


def text(row: dict, known: dict) -> str:
    found = known.get((row["source"], row["row"]))
    if found is None or hashlib.sha256(found.encode()).hexdigest()[:16] != row["sha256"]:
        raise SystemExit(f"{row['source']} {row['row']}: the text is not the one that was labelled; fetch the data set anew")
    return found


def write(path: Path, rows: list, texts: list) -> None:
    head = {"name": "inbox-labelled", "stage": "classify", "out_of_scope": {"/type": "other"}}
    head["confidence"] = {f"/{name}": f"/{name}_confidence" for name in QUESTIONS}
    lines = [{"eval": head}]
    for row, found in zip(rows, texts):
        expected = {f"/{name}": row[name] for name in QUESTIONS} | {"/anger": row["anger"] == "yes"}
        lines.append({"group": row["source"], "fields": {"body": found}, "expect": {"answer": expected}})
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def agreement(rows: list) -> None:
    for name in QUESTIONS:
        one, other = ([row[f"{name}_{labeller}"] for row in rows] for labeller in "ab")
        same = np.mean([left == right for left, right in zip(one, other)])
        pairs = np.array(list(zip(one, other)))
        low, high = report.interval(pairs, lambda drawn: cohen_kappa_score(drawn[:, 0], drawn[:, 1]))
        print(f"labellers | {name} | same {same:.3f}, kappa {cohen_kappa_score(one, other):.3f} ({low:.3f}–{high:.3f})")


def labels(model: Path) -> dict:
    card = tomllib.loads((model / "model.toml").read_text(encoding="utf-8"))
    return {name: card["outputs"][name]["labels"] for name in QUESTIONS}


def answers(model: Path, texts: list) -> dict:
    states, heads = States(Encoder(), texts), session(model / "model.onnx")
    made = {name: [None] * len(texts) for name in QUESTIONS}
    for chosen, inputs in states.inputs():
        for name, scores in zip(QUESTIONS, heads.run(list(QUESTIONS), inputs)):
            for row, index in enumerate(chosen):
                made[name][index] = scores[row]
    return {name: np.array(scores) for name, scores in made.items()}


def figures(rows: list, answers: dict, labels: dict) -> None:
    sources = np.array([row["source"] for row in rows])
    for name in QUESTIONS:
        y = np.array([labels[name].index(row[name]) for row in rows])
        guess, sure = answers[name].argmax(axis=1), answers[name].max(axis=1)
        right, places = guess == y, np.arange(len(y))
        parts = {
            "right": (right.mean(), report.interval(right, np.mean)),
            "macro-F1": (report.macro(y, guess), report.interval(places, lambda at: report.macro(y[at], guess[at]))),
            "ECE": (report.calibration(sure, right), report.interval(places, lambda at: report.calibration(sure[at], right[at]))),
        }
        print(f"{name} | " + " | ".join(f"{part} {value:.3f} ({low:.3f}–{high:.3f})" for part, (value, (low, high)) in parts.items()))
        print("  " + ", ".join(f"{source} {right[sources == source].mean():.3f}" for source in sorted(set(sources))))
        scores = f1_score(y, guess, average=None, labels=range(len(labels[name])), zero_division=0)
        print("  " + ", ".join(f"{label} {score:.2f} of {(y == at).sum()}" for at, (label, score) in enumerate(zip(labels[name], scores))))
        if name == "type":
            report.coverage(sure, right)


if __name__ == "__main__":
    main()
