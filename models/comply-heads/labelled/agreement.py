"""How far the two labellers of the test set agree, label by label, before their differences were settled.

    python models/comply-heads/labelled/agreement.py

Cohen's kappa with the interval that holds 95 % of 1,000 resamples; real texts take part in the first three labels alone, as in the figures.
Both labellers are language models; the second had the guide and the texts, in another order, and nothing else. `real.tsv` and `written.tsv`
keep what each said (`labels_a`, `labels_b`), what was settled (`labels`), and why where they differed (`note`).
"""

import csv
import sys
from pathlib import Path

import numpy as np
from sklearn.metrics import cohen_kappa_score

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "inbox-heads" / "train"))

import report  # noqa: E402

LABELS = ["legal-threat", "data-subject-request", "regulated-advice", "abuse", "payment-fraud"]
OF_REAL = LABELS[:3]
# With fewer texts of a label than this, many a resample has none, and no interval is told.
FEW = 10


def main() -> None:
    written, real = rows("written.tsv"), rows("real.tsv")
    for label in LABELS:
        tell("all" if label in OF_REAL else "written", label, written + real * (label in OF_REAL))
    for label in OF_REAL:
        tell("real alone", label, real)


def rows(name: str) -> list:
    with open(HERE / name, encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def tell(which: str, label: str, of: list) -> None:
    pairs = np.array([[label in row[f"labels_{labeller}"].split(",") for labeller in "ab"] for row in of])
    kappa = cohen_kappa_score(pairs[:, 0], pairs[:, 1])
    first, second, both = pairs[:, 0].sum(), pairs[:, 1].sum(), pairs.all(axis=1).sum()
    line = f"{which:<11} {label:<21} texts {len(of):>4}  yes {first:>3}, {second:>3}, both {both:>3}  kappa {kappa:.3f}"
    if min(first, second) >= FEW:
        low, high = report.interval(pairs, lambda drawn: cohen_kappa_score(drawn[:, 0], drawn[:, 1]))
        line += f" ({low:.3f}–{high:.3f})"
    print(line)


if __name__ == "__main__":
    main()
