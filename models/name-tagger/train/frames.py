"""Lines of letters, chats and forms, written for the project (`frames.txt`), with names put in.

Half of the names of people are those of presidio's training rows, half are made by Faker for the locales of `LOCALES`; of those of bodies two
thirds are of `bodies.txt`, written for the project, and a sixth each of the other two. Towns and addresses are Faker's and are marked as nothing.
A tenth of the lines is in small letters, as people write in chats, and one in fifty in capitals.
"""

import re
from pathlib import Path

import numpy as np
from faker import Faker

from tagging import Text

LINES = 7000
SEED = 11
SMALL, CAPITAL = 0.10, 0.12
OF_LIST, OF_ROWS = 0.667, 0.833
# Those whose names are written in Latin letters.
LOCALES = (
    "en_US en_GB en_IN en_AU en_IE de_DE de_AT fr_FR fr_CA es_ES es_MX it_IT pt_BR pt_PT nl_NL sv_SE no_NO da_DK fi_FI pl_PL cs_CZ hu_HU ro_RO "
    "hr_HR sl_SI sk_SK tr_TR lt_LT et_EE id_ID yo_NG fil_PH"
).split()
KIND = {"p": "PER", "f": "PER", "l": "PER", "o": "ORG"}
HOLE = re.compile(r"\{([pfloca])\}")


def filled(names: "Names") -> list:
    """`LINES` texts."""
    lines = [line.replace("\\n", "\n") for line in read("frames.txt") if not line.startswith("#")]
    random = np.random.default_rng(SEED)
    return [fill(lines[random.integers(len(lines))], names, random) for _ in range(LINES)]


def read(name: str) -> list:
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").split("\n")
    return [line for line in lines if line]


def fill(frame: str, names: "Names", random: np.random.Generator) -> Text:
    text, spans = "", []
    for place, piece in enumerate(HOLE.split(frame)):
        if place % 2:
            value = names.of(piece, random)
            if piece in KIND:
                spans.append((len(text), len(text) + len(value), KIND[piece]))
            piece = value
        text += piece
    return cased(text, "frames", spans, random.random(), (SMALL, CAPITAL))


def cased(text: str, source: str, spans: list, drawn: float, shares: tuple) -> Text:
    """In small letters where `drawn` is below the first share, in capitals below the second."""
    # A letter whose small or capital form is longer than itself would move what follows.
    for share, change in zip(shares, (str.lower, str.upper)):
        if drawn < share:
            return Text(change(text) if len(change(text)) == len(text) else text, source, spans)
    return Text(text, source, spans)


class Names:
    """Names of people and bodies, towns and addresses, drawn one after the other; `rows` are presidio's training rows."""

    def __init__(self, rows: list):
        self._seen = {"PER": [], "ORG": []}
        for row in rows:
            for start, end, kind in row.spans:
                self._seen[kind].append(row.text[start:end])
        self._bodies = read("bodies.txt")
        Faker.seed(SEED)
        self._fakers = [Faker(locale) for locale in LOCALES]

    def of(self, hole: str, random: np.random.Generator) -> str:
        drawn = random.random()
        if hole == "o" and drawn < OF_ROWS:
            listed = self._bodies if drawn < OF_LIST else self._seen["ORG"]
            return listed[random.integers(len(listed))]
        if hole == "p" and drawn < 0.5:
            seen = self._seen["PER"]
            return seen[random.integers(len(seen))]
        made = self._fakers[random.integers(len(self._fakers))]
        if hole == "p":
            middle = f" {'ABCDEFGHJKLMNPRSTVW'[random.integers(19)]}{'.' if random.random() < 0.5 else ''}" if random.random() < 0.15 else ""
            return f"{made.first_name()}{middle} {made.last_name()}"
        value = {"f": made.first_name, "l": made.last_name, "o": made.company, "c": made.city, "a": made.street_address}[hole]()
        return value.replace("\n", " ")
