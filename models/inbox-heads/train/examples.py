"""Gathers the labelled texts of each split from the public data sets and from the project's own letters."""

import collections
import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import letters
import mapping
import sources
from phrases import phrases

SEED = 7
SPLITS = ["train", "dev", "test"]
PHRASES = {"train": 250, "dev": 30, "test": 60}
# What is out of scope for an assistant may well be a customer's question: such rows are not taught as `other`.
BUSINESS = re.compile(r"\b(open|close|hours?|bank|account|card|credit|bill|fees?|order|price|cost|shop|store|loan)", re.I)
# Rows of one intent that are used at most, so that no source drowns the others.
MOST = {"train": 40, "dev": 25, "test": 10_000}


@dataclass
class Example:
    """One text with those of the three labels that are known."""

    text: str
    source: str
    type: str | None = None
    urgency: str | None = None
    sentiment: str | None = None


def gather(data: Path, split: str) -> list:
    random = np.random.default_rng([SEED, SPLITS.index(split)])
    found = [*intents(data, split, random), *complaints(data, split), *moods(data, split, random)]
    return [*found, *threads(data, split), *written(split)]


def written(split: str) -> list:
    """The project's own letters. To train on, each stands there without its subject too."""
    made = []
    with open(Path(__file__).with_name("written.tsv"), encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["split"] == split]
    for row in rows:
        texts = [f"{row['subject']}\n\n{row['body']}"] + ([row["body"]] if split == "train" else [])
        made += [Example(text, "written", row["type"], row["urgency"], row["sentiment"]) for text in texts]
    return made


def intents(data: Path, split: str, random: np.random.Generator) -> list:
    groups = collections.defaultdict(list)
    for source, intent, (kind, urgency), mood, text in labelled(data, split):
        groups[source, intent, kind, urgency, mood].append(text)
    made = []
    for (source, _, kind, urgency, mood), texts in groups.items():
        most = MOST[split] * (6 if source == "phrases" else 1)
        chosen = [texts[index] for index in random.permutation(len(texts))[:most]]
        made += [Example(text, source, kind, urgency, mood) for text in chosen]
        for text in chosen if source != "clinc150" or kind != "other" else chosen[: len(chosen) // 2]:
            made.append(as_letter(text, chosen, source, (kind, urgency, mood), split, random))
    return made


def plain(source: str, intent: str, urgency: str, swears: bool) -> str | None:
    """The mood of a bare request: not known but where the intent settles it."""
    if swears or intent in mapping.DISPLEASED:
        return "negative"
    asks = urgency == "low" and source in ("banking77", "bitext", "clinc150")
    return "neutral" if asks or intent in mapping.MATTER_OF_FACT else None


def as_letter(text: str, others: list, source: str, labels: tuple, split: str, random) -> Example:
    kind, urgency, mood = labels
    other = others[int(random.integers(len(others)))]
    body, pressed, said = letters.letter(text, other, split, random)
    if kind in ("other", "feedback", "information") and pressed in ("high", "critical"):
        pressed = "normal"
    levels = mapping.URGENCIES
    if pressed in ("high", "critical"):
        pressed = max(pressed, urgency, key=levels.index)
    if pressed == "low" and urgency in ("high", "critical"):
        pressed = "normal"
    if said and not (mood == "negative" and said != mood):
        mood = said
    return Example(body, source + " as letter", kind, pressed or urgency, mood)


def labelled(data: Path, split: str):
    """Yields (source, intent, (type, urgency), mood, text) of every mapped row."""
    for source, intent, labels, swears, text in mapped(data, split):
        yield source, intent, labels, plain(source, intent, labels[1], swears), text


def mapped(data: Path, split: str):
    """Yields (source, intent, (type, urgency), whether it swears, text)."""
    for text, intent in banking(data, split):
        if intent in mapping.BANKING77:
            yield "banking77", intent, mapping.BANKING77[intent], False, text
    for text, intent, tags in sources.bitext(data, split):
        if intent in mapping.BITEXT:
            yield "bitext", intent, mapping.BITEXT[intent], "W" in tags, text
    for text, intent in sources.clinc150(data, split):
        asks = intent == "oos" and split != "test" and BUSINESS.search(text)
        if intent in mapping.CLINC150 and not asks:
            yield "clinc150", intent, mapping.CLINC150[intent], False, text
    for text, kind in phrases(split, PHRASES[split]):
        yield "phrases", kind, (kind, "low"), False, text
    for domain, table in mapping.MULTIDOGO.items():
        for text, _, intent in sources.multidogo(data, domain, split):
            if intent in table and len(text.split()) > 2:
                yield "multidogo", intent, table[intent], False, text
    folds = {"train": range(16), "dev": range(16, 18), "test": range(18, 20)}[split]
    for domain in ("banking", "hotels"):
        for text, names in sources.nlupp(data, domain, folds):
            if labels := mapping.nlupp(names):
                yield "nlupp", labels[0], labels, False, text


def banking(data: Path, split: str) -> list:
    """Banking77 has no dev split: every tenth row of train is it."""
    if split == "test":
        return sources.banking77(data, "test")
    rows = sources.banking77(data, "train")
    return [row for place, row in enumerate(rows) if (place % 10 == 9) == (split == "dev")]


def complaints(data: Path, split: str) -> list:
    """CFPB has no splits: the last digit of the complaint's number decides."""
    made = []
    for text, _, issue, number in sources.cfpb(data):
        part = {"8": "dev", "9": "test"}.get(number[-1], "train")
        theft = re.search(r"identity theft|stolen identity|fraudulent|scam", text, re.I)
        if part != split or (theft and issue not in mapping.CFPB_FRAUD):
            continue
        kind = "fraud" if issue in mapping.CFPB_FRAUD else "complaint"
        urgency = "high" if kind == "fraud" or issue in mapping.CFPB_PRESSING else "normal"
        made.append(Example(re.sub(r"X{2,}", "", text), "cfpb", kind, urgency, "negative"))
    return made


def moods(data: Path, split: str, random: np.random.Generator) -> list:
    rows = sources.goemotions(data, split)
    most = {"train": 6000, "dev": 1500, "test": 10_000}[split]
    made, left = [], collections.Counter(feedback=100, other=300)
    for index in random.permutation(len(rows)):
        text, emotions = rows[index]
        mood = mapping.sentiment(emotions)
        if mood is None or len(made) >= most:
            continue
        kind = None
        if len(text.split()) > 7 and split != "test":
            kind = "feedback" if "gratitude" in emotions else "other" if mood == "neutral" else None
            left[kind] -= 1
            kind = kind if left[kind] >= 0 else None
        made.append(Example(text, "goemotions", kind, "low" if kind else None, mood))
    return made


def threads(data: Path, split: str) -> list:
    """Letters of mailing lists are long and are no requests of customers."""
    if split == "test":
        return []
    made = []
    for place, (source, _) in enumerate(sources.convosumm(data, "val")):
        if (place % 5 == 4) != (split == "dev"):
            continue
        first = source.split("</s>")[0]
        found = re.match(r'.*?Subject: "(.*?)"\s(.*)', first, re.S)
        if found:
            body = re.sub(r" {2,}", "\n", found[2]).strip()
            made.append(Example(f"{found[1]}\n\n{body}", "convosumm", "other", "low", "neutral"))
    return made
