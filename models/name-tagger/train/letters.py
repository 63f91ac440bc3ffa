"""Letters and chats written and marked for the project, by the guide in `guide.md`: `[P|…]` a person, `[O|…]` an organisation.

`letters.txt` is to train on, a letter a line, `\\n` a line break. Dev and test are `tests/data/names` of the project, in the form that
`fleetwright eval` reads. Each training letter is read four times: as it is, as `extract` cuts it, and twice more as that cuts it with other
names in the places of its own, a name by the same other one throughout; a quarter of these two in small letters. `extract` reads own words
below the subject (`subjects.txt`, written for the project, is above six in ten) and the signature apart.
"""

import json
import re
from pathlib import Path

import numpy as np

from frames import Names, cased, fill, read
from tagging import Text

HERE = Path(__file__).resolve().parent
WRITTEN = HERE.parents[2] / "tests" / "data" / "names"
KIND = {"P": "PER", "O": "ORG"}
MARK = re.compile(r"\[([PO])\|([^\]\[]+)\]")
SEED = 12
SMALL, CAPITAL = 0.25, 0.27
TITLED = 0.6
# Where a signature begins; the stage knows more forms.
PARTING = re.compile(
    r"^[ \t]*(?:(?:with )?(?:kind|kindest|best|warm|many)?[ ]?(?:regards|thanks|wishes|best)|thank you|sincerely|yours(?: \w+)?|cheers|respectfully)"
    r"[,.!]?[ \t]*$",
    re.I | re.M,
)


def gather(split: str, names: Names) -> list:
    """`names` are put into copies of the training letters; dev and test stay as they were written."""
    if split != "train":
        return judged(split)
    texts = [marked(line) for line in (HERE / "letters.txt").read_text(encoding="utf-8").split("\n") if line.strip() and not line.startswith("#")]
    random = np.random.default_rng(SEED)
    others = [exchanged(text, names, random) for text in texts * 2]
    titles = read("subjects.txt")[1:]
    return [*texts, *(part for text in [*texts, *others] for part in cut(text, titles, names, random))]


def cut(text: Text, titles: list, names: Names, random: np.random.Generator) -> list:
    """As the stage cuts it: own words, most of them below a subject, and the signature."""
    found = [match.start() for match in PARTING.finditer(text.text) if text.text[: match.start()].strip()]
    end = found[-1] if found else len(text.text)
    own, rest = within(text, 0, end), within(text, end, len(text.text))
    if random.random() < TITLED:
        own = below(fill(titles[random.integers(len(titles))], names, random), own)
    return [own, rest] if rest.text.strip() else [own]


def within(text: Text, start: int, end: int) -> Text:
    spans = [(first - start, last - start, kind) for first, last, kind in text.spans if start <= first and last <= end]
    return Text(text.text[start:end], text.source, spans)


def below(title: Text, own: Text) -> Text:
    head = (title.text.lower() if own.text.islower() else title.text) + "\n\n"
    spans = [(start + len(head), end + len(head), kind) for start, end, kind in own.spans]
    return Text(head + own.text, own.source, [*title.spans, *spans])


def marked(line: str) -> Text:
    line = line.replace("\\n", "\n")
    text, spans, last = "", [], 0
    for mark in MARK.finditer(line):
        text += line[last : mark.start()] + mark[2]
        spans.append((len(text) - len(mark[2]), len(text), KIND[mark[1]]))
        last = mark.end()
    return Text(text + line[last:], "letters", spans)


def judged(split: str) -> list:
    made = []
    for line in (WRITTEN / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()[1:]:
        row = json.loads(line)
        text, spans = row["fields"]["body"], row["expect"]["spans"]["/entities"]
        made.append(Text(text, "letters", [(characters(text, span["start"]), characters(text, span["end"]), span["kind"]) for span in spans]))
    return made


def characters(text: str, offset: int) -> int:
    """How many characters `offset` bytes are."""
    return len(text.encode()[:offset].decode())


def exchanged(text: Text, names: Names, random: np.random.Generator) -> Text:
    made, spans, last, other = "", [], 0, {}
    for start, end, kind in text.spans:
        old = text.text[start:end]
        hole = "o" if kind == "ORG" else "p" if " " in old else "f"
        new = other.setdefault(old, names.of(hole, random))
        made += text.text[last:start] + new
        spans.append((len(made) - len(new), len(made), kind))
        last = end
    return cased(made + text.text[last:], "letters", spans, random.random(), (SMALL, CAPITAL))
