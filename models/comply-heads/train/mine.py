"""Draws complaint narratives that nobody has labelled yet and on which the shipped model is not sure, for a person to read.

    python models/comply-heads/train/mine.py --data FOLDER --label legal-threat --out drawn.tsv

Of the training split, or with `--split dev` of dev, those whose probability of the label is at least `--least`: by chance, half of them at
0.5 and above. One row a text: number, probability, text. What a reader says of each goes into `mined.tsv`.
"""

import argparse
import csv
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "recipes"), str(ROOT / "inbox-heads" / "train"), str(ROOT / "comply-heads" / "labelled")]

import train  # noqa: E402, I001  first: it sets the threads before JAX is loaded
import numpy as np  # noqa: E402

import examples  # noqa: E402
import sources  # noqa: E402
from encoder import Encoder  # noqa: E402

SEED = 7


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--label", choices=examples.LABELS, required=True)
    arguments.add_argument("--split", choices=("train", "dev"), default="train")
    arguments.add_argument("--least", type=float, default=0.05, help="the least probability of a text that is drawn")
    arguments.add_argument("--count", type=int, default=200)
    arguments.add_argument("--out", type=Path, required=True)
    options = arguments.parse_args()
    texts = unread(options.data, options.split)
    chances = scores(list(texts.values()), options.label)
    numbers = list(texts)
    with open(options.out, "w", encoding="utf-8") as file:
        for place in draw(chances, options.least, options.count):
            text = texts[numbers[place]].replace("\t", " ").replace("\n", "\\n")
            file.write(f"{numbers[place]}\t{chances[place]:.3f}\t{text}\n")


def unread(data: Path, split: str) -> dict:
    """The narratives of the split, by number, that stand in neither list; of those that end alike, one."""
    with open(examples.HERE / "cfpb.tsv", encoding="utf-8") as file:
        known = {row["number"] for row in csv.DictReader(file, delimiter="\t")}
    known |= {row for part in ("train", "dev", "spare") for _, row, _ in examples.mined(part)}
    made, seen = {}, set()
    for text, _, _, number in sources.cfpb(data):
        if examples.part(number) == split and number not in known and text[-400:] not in seen:
            seen.add(text[-400:])
            made[number] = text
    return made


def scores(texts: list, label: str) -> np.ndarray:
    rows = [examples.complaint(text, []) for text in texts]
    found = train.Split(Encoder(), rows, "unread").scores(train.FOLDER / "model.onnx")
    return found[:, examples.LABELS.index(label)]


def draw(chances: np.ndarray, least: float, count: int) -> list:
    random = np.random.default_rng(SEED)
    likely = random.permutation(np.flatnonzero(chances >= 0.5))[: count // 2]
    unsure = random.permutation(np.flatnonzero((chances >= least) & (chances < 0.5)))[: count - len(likely)]
    return sorted([*likely, *unsure])


if __name__ == "__main__":
    main()
