"""Texts with the names of people and organisations in them, each a text and its spans."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import sources

KINDS = {"PER": "PER", "ORG": "ORG", "person": "PER", "corporation": "ORG", "group": "ORG"}
# The loan agreements tag the parties' roles as people; they are no names.
ROLES = set("lender lenders borrower borrowers agent parent guarantor company bank executive employee".split())
BTC = {"train": "begh", "dev": "a", "test": "f"}
LETTERS = 1200
SEED = 11


@dataclass
class Text:
    """A text and its spans: (start, end, "PER" or "ORG") in characters."""

    text: str
    source: str
    spans: list = field(default_factory=list)


def gather(data: Path, split: str) -> list:
    made = presidio(data, split)
    if split == "train":
        made += letters(made)
    for part in BTC[split]:
        made += conll(data / "ner_conll" / "BTC" / f"{part}.conll", "btc")
    if split != "dev":
        made += conll(data / "ner_conll" / "SEC-filings" / {"train": "FIN5.txt", "test": "FIN3.txt"}[split], "sec")
    names = {"train": "wnut17train.conll", "dev": "emerging.dev.conll", "test": "emerging.test.annotated"}
    made += conll(data / "wnut17" / names[split], "wnut17")
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


TEMPLATES = [
    "Kind regards,\n{p}",
    "Best wishes,\n{p}\n{o}",
    "Dear {p},\n\nthank you for your letter.",
    "Hello, my name is {p} and I ordered a lamp last week.",
    "I am writing on behalf of {o} about our last invoice.",
    "Yours sincerely,\n{p}\nAccounts, {o}",
    "I spoke to {p} on the phone, who promised to call back.",
    "Please send the bill to {o}, for the attention of {p}.",
    "From: {p}\nTo: {o}",
    "Invoice\n{o}\nInvoice number 20-114\nBill to: {p}",
    "Your colleague {p} was very helpful. Thanks, {p}",
    "We at {o} have been your customers since 2014. Regards, {p}",
    "The account holder is {p}. The money went to {o}.",
    "Refund for the damaged kettle please. Cheers, {p}",
    "My card was stolen on the bus. Please block it today. Regards {p}",
    "This is {p} from {o}. The router has been down since Monday.",
    "Thank you very much for the quick delivery of the parcel!",
    "Please cancel my subscription at the end of March.",
    "Dear Sir or Madam, where is my order? I paid on Friday.",
    "Good morning, dear team, I cannot sign in to the app. Many thanks in advance.",
]


def letters(rows: list) -> list:
    """Lines of letters, written for the project, with the names of the training rows put in."""
    values = {"PER": [], "ORG": []}
    for row in rows:
        for start, end, kind in row.spans:
            values[kind].append(row.text[start:end])
    random = np.random.default_rng(SEED)
    made = []
    for _ in range(LETTERS):
        template = TEMPLATES[random.integers(len(TEMPLATES))]
        text, spans = "", []
        for piece in re.split(r"(\{[po]\})", template):
            kind = {"{p}": "PER", "{o}": "ORG"}.get(piece)
            if kind:
                value = values[kind][random.integers(len(values[kind]))]
                spans.append((len(text), len(text) + len(value), kind))
                text += value
            else:
                text += piece
        made.append(Text(text, "letters", spans))
    return made
