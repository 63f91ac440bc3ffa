"""MultiDoGO's dialogues as texts: the customer's sentences one below the other, and the slots in them."""

import re
from collections import Counter
from pathlib import Path

import numpy as np

from tagging import Text

DOMAINS = ["airline", "finance", "insurance", "software"]
# Slots that have fewer spans in the training split are not learnt.
LEAST = 3
# The share of values that another one takes the place of in a varied text.
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


def varied(texts: list, copies: int, seed: int) -> list:
    """The texts again, `copies` times, with other values in them: those of the same slot and domain, and other digits.

    What a number or a name says of its slot is its form and its place; that one of them was an account in training is
    worth nothing."""
    pools = {}
    for text in texts:
        for start, end, kind in text.spans:
            pools.setdefault((text.source, kind), []).append(text.text[start:end])
    random = np.random.default_rng(seed)
    return [exchanged(text, pools, random) for _ in range(copies) for text in texts]


def exchanged(text: Text, pools: dict, random: np.random.Generator) -> Text:
    made, at = Text("", text.source), 0
    for start, end, kind in text.spans:
        pool = pools[text.source, kind]
        value = pool[random.integers(len(pool))] if random.random() < EXCHANGED else text.text[start:end]
        made.text += digits(text.text[at:start], random)
        begun = len(made.text)
        made.text += digits(value, random)
        made.spans.append((begun, len(made.text), kind))
        at = end
    made.text += digits(text.text[at:], random)
    return made


def digits(text: str, random: np.random.Generator) -> str:
    return re.sub(r"\d{3,}", lambda found: "".join(str(random.integers(10)) for _ in found[0]), text)
