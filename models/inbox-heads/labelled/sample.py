"""Chooses the texts of the hand-labelled test set, or joins its labels with the texts.

    python models/inbox-heads/labelled/sample.py --data FOLDER --texts FILE.jsonl

Every text is of a split, or a part, that no recipe trains or chooses on: banking77 and MultiDoGO test, CFPB complaints whose number ends
in 9, first messages of BC3 and of ConvoSumm's test threads. Only source, row and digest are kept here; the texts stay where they are.
"""

import argparse
import collections
import csv
import hashlib
import html
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "recipes"))

import sources  # noqa: E402

SEED = 20261125
TAKEN = {"banking77": 115, "multidogo": 125, "cfpb": 120, "bc3": 35, "convosumm": 45}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--texts", type=Path, required=True, help="file to write: one object a line, `id` and `text`")
    options = arguments.parse_args()
    made = list(chosen(options.data))
    with open(options.texts, "w", encoding="utf-8") as file:
        for place, (source, row, text) in enumerate(made):
            digest = hashlib.sha256(text.encode()).hexdigest()[:16]
            line = {"id": place + 1, "source": source, "row": row, "sha256": digest, "text": text}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    print(f"{len(made)} texts: {dict(collections.Counter(source for source, _, _ in made))}")


def chosen(data: Path):
    """(source, row, text), each source in an order of its own, all of them shuffled together."""
    random = np.random.default_rng(SEED)
    readers = {"banking77": banking77, "multidogo": multidogo, "cfpb": cfpb, "bc3": bc3, "convosumm": convosumm}
    made = [
        (source, row, text)
        for source, reader in readers.items()
        for row, text in evenly(reader(data), TAKEN[source], random)
    ]
    return [made[index] for index in random.permutation(len(made))]


def evenly(rows: list, count: int, random: np.random.Generator) -> list:
    """`count` of (kind, row, text), each kind in turn, so that rare kinds stand in it too."""
    kinds = collections.defaultdict(list)
    for index in random.permutation(len(rows)):
        kind, row, text = rows[index]
        kinds[kind].append((row, text))
    order = [kinds[kind] for kind in sorted(kinds)]
    made = []
    while len(made) < count:
        for part in order:
            if part and len(made) < count:
                made.append(part.pop())
    return made


def banking77(data: Path) -> list:
    return [(intent, place, text) for place, (text, intent) in enumerate(sources.banking77(data, "test"))]


def multidogo(data: Path) -> list:
    return [
        (f"{domain} {intent}", f"{domain}:{place}", text)
        for domain in ("airline", "finance", "insurance", "software")
        for place, (text, _, intent) in enumerate(sources.multidogo(data, domain, "test"))
        if len(text.split()) > 3
    ]


def cfpb(data: Path) -> list:
    rows = [row for row in sources.cfpb(data) if row[3].endswith("9")]
    return [(product, number, text) for text, product, _, number in rows]


def bc3(data: Path) -> list:
    made = []
    for place, thread in enumerate(ElementTree.parse(data / "bc3" / "corpus.xml").getroot().iter("thread")):
        first = thread.find("DOC")
        sentences = [html.unescape(sentence.text or "").strip() for sentence in first.find("Text").iter("Sent")]
        made.append(("", place, f"{first.findtext('Subject')}\n\n" + "\n".join(sentences)))
    return made


def convosumm(data: Path) -> list:
    made = []
    for place, (source, _) in enumerate(sources.convosumm(data, "test")):
        first = sources.messages(source)[0]
        if first and 20 < len(first[1]) < 6000:
            made.append(("", place, f"{first[0]}\n\n" + re.sub(r" {2,}", "\n", first[1]).strip()))
    return made


if __name__ == "__main__":
    main()
