"""Gathers the labelled texts of each split from the public data sets and from the project's own letters.

What of train or dev says the same as a row of a test split is left out.
"""

import collections
import csv
import functools
import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import letters
import mapping
import orders
import sources
from matters import matters
from phrases import phrases

SEED = 7
SPLITS = ["train", "dev", "test"]
PHRASES = {"train": 120, "dev": 30, "test": 60}
# What is out of scope for an assistant may well be a customer's question: such rows are not taught as `other`.
BUSINESS = re.compile(r"\b(open|close|hours?|bank|account|card|credit|bill|fees?|order|price|cost|shop|store|loan)", re.I)
# Rows of one intent that are used at most, so that no source drowns the others; of the larger half of the intents of clinc150,
# which are all out of scope, a third of it.
MOST = {"train": 30, "dev": 9, "test": 10_000}
# Words of a derived row that are read, for long ones say little more in their later parts.
WORDS = 110
# Of talk that is no request there is far more than of all else.
TALKED = {"train": 50, "dev": 10, "test": 150}


@dataclass
class Example:
    """One text with those of the four labels that are known."""

    text: str
    source: str
    type: str | None = None
    urgency: str | None = None
    sentiment: str | None = None
    anger: str | None = None


def gather(data: Path, split: str) -> list:
    random = np.random.default_rng([SEED, SPLITS.index(split)])
    found = [*intents(data, split, random), *complaints(data, split), *moods(data, split, random), *threads(data, split)]
    if split != "test":
        by_hand = marked(data, split)
        known = tested(data) | {sameness(row.text) for row in by_hand}
        found = [row for row in found if sameness(row.text) not in known] + by_hand
    composed = [Example(text, "matters", *labels, "no") for text, *labels in matters(split)]
    made = [*found, *composed, *written(split)]
    return made + (commanded(made, random) if split == "train" else [])


def commanded(rows: list, random: np.random.Generator) -> list:
    """Some of the texts that were labelled by hand once more, with an order to the machine in them; the labels stay."""
    chosen = [row for row in rows if random.random() < orders.SHARE.get(row.source.split()[0], 0)]
    return [replace(row, text=orders.ordered(row.text, random), source="commanded") for row in chosen]


def sameness(text: str) -> str:
    """What texts that say the same have in common: their letters, of long ones the first."""
    return re.sub(r"[^a-z]", "", text.lower())[:150]


@functools.cache
def tested(data: Path) -> set:
    texts = [text for text, _ in sources.banking77(data, "test")]
    texts += [text for domain in mapping.MULTIDOGO for text, _, _ in sources.multidogo(data, domain, "test")]
    texts += [text for text, _, _, number in sources.cfpb(data) if number.endswith("9")]
    return {sameness(text) for text in texts}


def marked(data: Path, split: str) -> list:
    """Rows of the public sets that were labelled by hand, by the guide."""
    made = []
    with open(Path(__file__).with_name("marked.tsv"), encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["split"] == split]
    for row in rows:
        text = original(data, split, row["source"], row["row"])
        if hashlib.sha256(text.encode()).hexdigest()[:16] != row["sha256"]:
            raise SystemExit(f"{row['source']} {row['row']}: the text is not the one that was labelled; fetch the data set anew")
        source = f"marked {row['source']}"
        made.append(Example(text, source, row["type"] or None, row["urgency"], row["sentiment"], row["anger"]))
    return made


def original(data: Path, split: str, source: str, row: str) -> str:
    if source == "banking77":
        return sources.banking77(data, "train")[int(row)][0]
    if source == "cfpb":
        return narratives(data)[row]
    if source == "convosumm":
        return messages(data)[row]
    domain, place = row.split(":")
    return sources.multidogo(data, domain, split)[int(place)][0]


def mailed(subject: str, body: str) -> str:
    """A message as the stage sees it; runs of blanks were line ends."""
    body = re.sub(r" {2,}", "\n", body).strip()
    return f"{subject}\n\n{body}"


@functools.cache
def messages(data: Path) -> dict:
    """Subject and body of each message of the validation threads, by thread and place."""
    made = {}
    for thread, (source, _) in enumerate(sources.convosumm(data, "val")):
        for place, message in enumerate(sources.messages(source)):
            if message:
                made[f"{thread}:{place}"] = mailed(*message)
    return made


@functools.cache
def narratives(data: Path) -> dict:
    return {number: text for text, _, _, number in sources.cfpb(data)}


def written(split: str) -> list:
    """The project's own letters. To train on, each stands there without its subject too."""
    made = []
    with open(Path(__file__).with_name("written.tsv"), encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["split"] == split]
    for row in rows:
        subject, body = row["subject"], row["body"].replace("\\n", "\n")
        texts = [f"{subject}\n\n{body}" if subject else body] + ([body] if subject and split == "train" else [])
        labels = [row[name] for name in ("type", "urgency", "sentiment", "anger")]
        made += [Example(text, "written", *labels) for text in texts]
    return made


def intents(data: Path, split: str, random: np.random.Generator) -> list:
    groups = collections.defaultdict(list)
    for source, intent, labels, text in labelled(data, split):
        groups[source, intent, labels].append(text)
    made = []
    for (source, intent, labels), texts in groups.items():
        talk = intent.split()[-1] in mapping.TALK
        most = TALKED[split] if talk else int(MOST[split] * share(source, labels[0]))
        chosen = [texts[index] for index in random.permutation(len(texts))[:most]]
        made += [Example(text, source, *labels) for text in chosen]
        for text in lettered(chosen, source, intent):
            made.append(as_letter(text, chosen, source, labels, split, random))
    return made


def share(source: str, kind: str) -> float:
    """What of `MOST` a source may have of one intent."""
    if source == "clinc150" and kind == "other":
        return 1 / 3
    return {"phrases": 8, "multidogo": 2}.get(source, 1)


def lettered(chosen: list, source: str, intent: str) -> list:
    """Those of the texts that are put into letters as well: not small talk, and half of the largest sources."""
    if intent.split()[-1] in mapping.TALK:
        return []
    return chosen[: len(chosen) // 2] if source in ("banking77", "clinc150") else chosen


def plain(source: str, intent: str, urgency: str, swears: bool, text: str) -> str | None:
    """The mood of a bare request: not known but where the intent settles it."""
    if swears:
        return "negative"
    if intent in mapping.AT_A_COST:
        return None if mapping.HOW_TO.search(text) else "negative"
    asks = urgency == "low" and source in ("banking77", "bitext", "clinc150")
    return "neutral" if asks or intent in mapping.MATTER_OF_FACT else None


def as_letter(text: str, others: list, source: str, labels: tuple, split: str, random) -> Example:
    kind, urgency, mood, anger = labels
    other = others[int(random.integers(len(others)))]
    body, pressed, said, angry = letters.letter(text, other, split, random)
    if kind in ("other", "feedback", "information") and pressed in ("high", "critical"):
        pressed = "normal"
    levels = mapping.URGENCIES
    if pressed in ("high", "critical"):
        pressed = max(pressed, urgency, key=levels.index)
    if pressed == "low" and urgency in ("high", "critical"):
        pressed = "normal"
    if said and not (mood == "negative" and said != mood):
        mood = said
    return Example(body, source + " as letter", kind, pressed or urgency, mood, "yes" if angry else anger)


def labelled(data: Path, split: str):
    """Yields (source, intent, (type, urgency, mood, anger), text) of every mapped row."""
    for source, intent, (kind, urgency), swears, text in mapped(data, split):
        mood = plain(source, intent, urgency, swears, text)
        yield source, intent, (kind, urgency, mood, "yes" if swears or mapping.ANGRY.search(text) else "no"), text
    for domain in mapping.MULTIDOGO:
        for text, _, intent in sources.multidogo(data, domain, split):
            if intent in mapping.TALK:
                kind, mood = mapping.small_talk(text)
                yield "multidogo", f"{domain} {intent}", (kind, "low", mood, "no"), text


def banking(data: Path, split: str) -> list:
    """Banking77 has no dev split: every tenth row of train is it."""
    if split == "test":
        return sources.banking77(data, "test")
    rows = sources.banking77(data, "train")
    return [row for place, row in enumerate(rows) if (place % 10 == 9) == (split == "dev")]


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


def complaints(data: Path, split: str) -> list:
    """CFPB has no splits: the last digit of the complaint's number decides. Blacked-out words are left out here, and stand in
    the rows that were labelled by hand, so that they are no sign of anything."""
    made = []
    for text, product, issue, number in sources.cfpb(data):
        if {"8": "dev", "9": "test"}.get(number[-1], "train") == split:
            kind, urgency, anger = mapping.narrative(text, product, issue)
            made.append(Example(cut(re.sub(r"X{2,}", "", text), split), "cfpb", kind, urgency, "negative", anger))
    return made


def cut(text: str, split: str) -> str:
    """The first words of a derived row to train on, spaces and lines as they are; tests read all."""
    found = re.match(r"(\S+\s*){,%d}" % WORDS, text) if split != "test" else None
    return found[0].strip() if found else text


def moods(data: Path, split: str, random: np.random.Generator) -> list:
    rows = sources.goemotions(data, split)
    most = {"train": 4500, "dev": 700, "test": 10_000}[split]
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
        made.append(Example(text, "goemotions", kind, "low" if kind else None, mood, mapping.anger(emotions, text)))
    return made


def threads(data: Path, split: str) -> list:
    """Letters of mailing lists are long and are no requests of customers."""
    if split == "test":
        return []
    made = []
    for place, (source, _) in enumerate(sources.convosumm(data, "val")):
        if (place % 5 == 4) != (split == "dev"):
            continue
        if first := sources.messages(source)[0]:
            made.append(Example(mailed(*first), "convosumm", "other", "low", None, "no"))
    return made
