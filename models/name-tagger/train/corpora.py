"""Texts with the names of people and organisations in them, each a text and its spans."""

import json
from pathlib import Path

import frames
import letters
import sources
from tagging import Text

KINDS = {"PER": "PER", "ORG": "ORG", "person": "PER", "corporation": "ORG", "group": "ORG"}
# The loan agreements tag the parties' roles as people; they are no names.
ROLES = set("lender lenders borrower borrowers agent parent guarantor company bank executive employee".split())
BTC = {"train": "begh", "dev": "a", "test": "f"}
# Of the sources that are letters, or look like them, there are few rows: so often each is read in an epoch.
PRESIDIO_TIMES = 3


def gather(data: Path, split: str) -> list:
    made = presidio(data, split)
    names = frames.Names(presidio(data, "train"))
    if split == "train":
        made = frames.filled(names) + made * PRESIDIO_TIMES
    made += letters.gather(split, names)
    for part in BTC[split]:
        made += conll(data / "ner_conll" / "BTC" / f"{part}.conll", "btc")
    if split != "dev":
        made += conll(data / "ner_conll" / "SEC-filings" / {"train": "FIN5.txt", "test": "FIN3.txt"}[split], "sec")
    tweets = {"train": "wnut17train.conll", "dev": "emerging.dev.conll", "test": "emerging.test.annotated"}
    made += conll(data / "wnut17" / tweets[split], "wnut17")
    return made + dialogues(data, split)


def presidio(data: Path, split: str) -> list:
    """Split by template, not by row: rows of one template differ in the names alone."""
    rows = json.loads((data / "presidio_synth" / "synth_dataset_v2.json").read_text(encoding="utf-8"))
    kinds = {"PERSON": "PER", "ORGANIZATION": "ORG"}
    made = []
    for row in rows:
        if {3: "dev", 4: "test"}.get(row["template_id"] % 5, "train") != split:
            continue
        spans = [
            (span["start_position"], span["end_position"], kinds[span["entity_type"]])
            for span in row["spans"]
            if span["entity_type"] in kinds
        ]
        made.append(Text(row["full_text"], "presidio", spans))
    return made


def conll(path: Path, source: str) -> list:
    """Sentences of one word a line, the tag last; a tag that goes on without a beginning begins."""
    made, words = [], []
    for line in [*path.read_text(encoding="utf-8").split("\n"), ""]:
        cells = line.split()
        if cells and not line.startswith("-DOCSTART-"):
            words.append((cells[0], cells[-1]))
        elif words:
            made.append(joined(words, source))
            words = []
    return made


def joined(words: list, source: str) -> Text:
    text, spans, last = "", [], None
    for word, tag in words:
        start = len(text) + bool(text)
        text += (" " if text else "") + word
        kind = KINDS.get(tag[2:])
        kind = None if kind == "PER" and word.lower() in ROLES else kind
        if kind and kind == last and tag[0] == "I":
            spans[-1] = (spans[-1][0], len(text), kind)
        elif kind:
            spans.append((start, len(text), kind))
        last = kind
    return Text(text, source, spans)


def dialogues(data: Path, split: str) -> list:
    """Customers who say their name in a chat, mostly in lower case."""
    made = []
    for text, labels, _ in sources.multidogo(data, "finance", split):
        words, tags = text.split(" "), labels.split(" ")
        if len(words) != len(tags) or len(words) < 3:
            continue
        pairs = [(word, "I-PER" if tag in ("name", "other_name") else "O") for word, tag in zip(words, tags)]
        made.append(joined([pair for pair in pairs if pair[0]], "multidogo"))
    return made[: 1500]
