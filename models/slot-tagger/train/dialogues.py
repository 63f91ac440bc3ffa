"""MultiDoGO's dialogues as texts: the customer's sentences one below the other, and the slots in them."""

import re
from collections import Counter
from pathlib import Path

import numpy as np

from tagging import Text

DOMAINS = ["airline", "finance", "insurance", "software"]
# Slots that have fewer spans in the training split are not learnt.
LEAST = 3
# How many of the values of a copied conversation are exchanged.
EXCHANGED = 0.5


def read(data: Path, domain: str, split: str) -> list:
    """One text for each conversation, in the order of the file."""
    lines = (data / "multidogo" / domain / f"{split}.tsv").read_text(encoding="utf-8").split("\n")[1:]
    talks = {}
    for cells in (line.split("\t") for line in lines):
        if len(cells) > 6:
            talks.setdefault(cells[0], []).append((cells[4], cells[5]))
    return [joined(sentences, domain) for sentences in talks.values()]


def joined(sentences: list, domain: str) -> Text:
    made = Text("", domain)
    for sentence, labels in sentences:
        start = len(made.text) + bool(made.text)
        made.text += ("\n" if made.text else "") + sentence
        made.spans += [(start + first, start + last, kind) for first, last, kind in spans(sentence, labels)]
    return made


def spans(sentence: str, labels: str) -> list:
    """Neighbouring words of one label are one span, as published; a sentence with a label too few or too many has none."""
    words, names = sentence.split(" "), labels.split(" ")
    if len(words) != len(names):
        return []
    made, at, last = [], 0, "O"
    for word, name in zip(words, names):
        if name == last and name != "O":
            made[-1] = (made[-1][0], at + len(word), name)
        elif name != "O":
            made.append((at, at + len(word), name))
        at, last = at + len(word) + 1, name
    return made


def kinds(texts: list) -> list:
    counts = Counter(kind for text in texts for _, _, kind in text.spans)
    return sorted(kind for kind, count in counts.items() if count >= LEAST and re.fullmatch("[a-z_]+", kind))



def varied(texts: list, random: np.random.Generator) -> list:
    """Each conversation once more: digits drawn anew, half of the values exchanged for others of their slot and domain.

    What stands twice in a conversation stays the same twice: people repeat a number that they were asked to confirm.
    """
    values = {}
    for text in texts:
        for start, end, kind in text.spans:
            values.setdefault((text.source, kind), []).append(text.text[start:end])
    return [vary(text, values, random) for text in texts]


def vary(text: Text, values: dict, random: np.random.Generator) -> Text:
    made, exchanged, position = Text("", text.source), {}, 0
    for start, end, kind in text.spans:
        value = text.text[start:end]
        if value not in exchanged:
            others = values[text.source, kind]
            other = others[random.integers(len(others))] if random.random() < EXCHANGED else value
            exchanged[value] = re.sub("[0-9]", lambda _: str(random.integers(10)), other)
        made.text += text.text[position:start]
        made.spans.append((len(made.text), len(made.text) + len(exchanged[value]), kind))
        made.text += exchanged[value]
        position = end
    made.text += text.text[position:]
    return made
