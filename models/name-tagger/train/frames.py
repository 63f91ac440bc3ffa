"""Lines of letters, chats and forms, written for the project (`frames.txt`), with names put in.

Half of the names of people and bodies are those of presidio's training rows, half are made by Faker for the locales of `LOCALES`; towns and
addresses are Faker's and are marked as nothing. A tenth of the lines is in small letters, as people write in chats, and one in fifty in capitals.
"""

import re
from pathlib import Path

import numpy as np
from faker import Faker

from tagging import Text

LINES = 4500
SEED = 11
# Those whose names are written in Latin letters.
LOCALES = (
    "en_US en_GB en_IN en_AU en_IE de_DE de_AT fr_FR fr_CA es_ES es_MX it_IT pt_BR pt_PT nl_NL sv_SE no_NO da_DK fi_FI pl_PL cs_CZ hu_HU ro_RO "
    "hr_HR sl_SI sk_SK tr_TR lt_LT et_EE id_ID yo_NG fil_PH"
).split()
KIND = {"p": "PER", "f": "PER", "l": "PER", "o": "ORG"}
HOLE = re.compile(r"\{([pfloca])\}")


def filled(rows: list) -> list:
    """`LINES` texts; `rows` are presidio's training rows, whose names are put in beside Faker's."""
    lines = (Path(__file__).with_name("frames.txt")).read_text(encoding="utf-8").split("\n")
    lines = [line.replace("\\n", "\n") for line in lines if line and not line.startswith("#")]
    names, random = Names(rows), np.random.default_rng(SEED)
    return [fill(lines[random.integers(len(lines))], names, random) for _ in range(LINES)]


def fill(frame: str, names: "Names", random: np.random.Generator) -> Text:
    text, spans = "", []
    for place, piece in enumerate(HOLE.split(frame)):
        if place % 2:
            value = names.of(piece, random)
            if piece in KIND:
                spans.append((len(text), len(text) + len(value), KIND[piece]))
            piece = value
        text += piece
    written = random.random()
    # A letter whose small or capital form is longer than itself would move what follows.
    for share, change in ((0.10, str.lower), (0.12, str.upper)):
        if written < share:
            return Text(change(text) if len(change(text)) == len(text) else text, "letters", spans)
    return Text(text, "letters", spans)


class Names:
    """Names of people and bodies, towns and addresses, drawn one after the other."""

    def __init__(self, rows: list):
        self._seen = {"PER": [], "ORG": []}
        for row in rows:
            for start, end, kind in row.spans:
                self._seen[kind].append(row.text[start:end])
        Faker.seed(SEED)
        self._fakers = [Faker(locale) for locale in LOCALES]

    def of(self, hole: str, random: np.random.Generator) -> str:
        if hole in "po" and random.random() < 0.5:
            seen = self._seen[KIND[hole]]
            return seen[random.integers(len(seen))]
        made = self._fakers[random.integers(len(self._fakers))]
        if hole == "p":
            middle = f" {'ABCDEFGHJKLMNPRSTVW'[random.integers(19)]}{'.' if random.random() < 0.5 else ''}" if random.random() < 0.15 else ""
            return f"{made.first_name()}{middle} {made.last_name()}"
        value = {"f": made.first_name, "l": made.last_name, "o": made.company, "c": made.city, "a": made.street_address}[hole]()
        return value.replace("\n", " ")
