"""Gathers texts with what is known of their labels: our own writing, complaints labelled by the guide, and rows of public sets.

A row of a public set is a negative example, unless its intent says otherwise; where an intent or a word makes that doubtful, the label is
left open and takes no part. Splits are the sources' own; of our own writing, whole blocks by another voice are dev.
"""

import csv
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import mapping
import sources

LABELS = ["legal-threat", "data-subject-request", "regulated-advice", "abuse", "payment-fraud"]
SEED = 5
HERE = Path(__file__).resolve().parent

# Words that show where in a long complaint a label stands, and those that leave one open in a text which nobody labelled.
LEGAL = re.compile(
    r"\b(lawyers?|attorneys?(?! general|.s general)|sue|suing|suit|lawsuits?|court|legal (?:action|help|counsel|represent\w*|remed\w*|advice|"
    r"services|right|matter)|litigat\w*|arbitrat\w*|class action|small claims|damages|notice of pending)\b",
    re.I,
)
DATA = re.compile(
    r"(personal (?:information|data)|outdated|incorrect|wrong|inaccurate|addresses?|never lived|report|delete|my (?:name|information|data)|"
    r"copy of)",
    re.I,
)
ADVICE = re.compile(r"\b(should i|would you|advise me|your advice|is it (?:legal|safe|worth|ok)|what (?:can|should|do) i do|recommend)\b", re.I)
ABUSE = re.compile(r"\b(idiot|stupid|moron|crook|thie[fv]|scum|liar|bastard|ass|fuck\w*|shit\w*|bitch|kill|hell|damn|suck\w*|dumb)\w*", re.I)
FRAUD = re.compile(
    r"(fraud|identity|unauthori[sz]ed|scam|stole|hack|not mine|isn.t mine|never (?:open|author|ma[dk]e)|did ?n.t (?:open|make|author)|victim|"
    r"unknown|suspicious|don.t (?:know|recogni))",
    re.I,
)
# Where in a long complaint that has it each label stands.
PLACES = {"legal-threat": LEGAL, "data-subject-request": DATA, "regulated-advice": ADVICE, "abuse": ABUSE, "payment-fraud": FRAUD}
FRAUDS = {
    "compromised_card",
    "card_payment_not_recognised",
    "cash_withdrawal_not_recognised",
    "direct_debit_payment_not_recognised",
    "report_fraud",
}
DOUBTFUL = {
    "payment-fraud": {
        "lost_or_stolen_card", "lost_or_stolen_phone", "extra_charge_on_statement", "report_lost_card", "card_swallowed", "account_blocked",
        "reportlostcard", "disputecharge", "freeze_account", "damaged_card", "transactions", "spending_history",
    },
    "regulated-advice": {
        "improve_credit_score", "taxes", "insurance", "insurance_change", "rollover_401k", "vaccines", "oos", "nutrition_info",
        "ingredient_substitution", "travel_alert", "meal_suggestion", "next_holiday",
    },
    "data-subject-request": {"are_you_a_bot", "who_made_you"},
}


@dataclass
class Example:
    """One text. `known[label]` is 1, 0 or absent; `at[label]` finds the places of a long text that make it 1."""

    text: str
    source: str
    known: dict
    at: dict = field(default_factory=dict)
    own: bool = False


def gather(data: Path, split: str) -> list:
    random = np.random.default_rng([SEED, split == "dev"])
    public = [*shops(data, split, random), *talk(data, split, random)]
    complained, found = complaints(data, split), alarms(data, split)
    own = written(split)
    return [*public, *complained, *found, *own, *letters(own, public, split, random), *strung(public, split, random)]


def written(split: str) -> list:
    """Our own texts, a file for each label. The first word of a block's head tells its split: `dev`, `spare` (for the next version), or else
    train; `[+label]` adds another label."""
    made = []
    for path in sorted((HERE / "texts").glob("*.txt")):
        own = "train"
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("#"):
                own = next((name for name in ("dev", "spare") if line.startswith(f"# {name}")), "train")
            elif line.strip() and own == split:
                made.append(own_text(line, path.stem))
    return made


def own_text(line: str, label: str) -> Example:
    labels = {label} - {"none"}
    while added := re.match(r"\[\+([a-z-]+)\] ", line):
        labels.add(added[1])
        line = line[added.end() :]
    known = {name: int(name in labels) for name in LABELS}
    return Example(line.replace("\\n", "\n"), "written", known, own=True)


def shops(data: Path, split: str, random: np.random.Generator) -> list:
    """Rows of customers' intents."""
    banking = sources.banking77(data, "train")
    banking = [row for place, row in enumerate(banking) if (place % 10 == 9) == (split == "dev")]
    rows = [("banking77", intent, text) for text, intent in some(banking, {"train": 800, "dev": 200}[split], random)]
    bitext = [row for row in sources.bitext(data, split)]
    rows += [("bitext", intent, text) for text, intent, _ in some(bitext, {"train": 250, "dev": 80}[split], random)]
    clinc = sources.clinc150(data, split)
    rows += [("clinc150", intent, text) for text, intent in some(clinc, {"train": 350, "dev": 100}[split], random)]
    for domain in mapping.MULTIDOGO:
        found = [(intent, text) for text, _, intent in sources.multidogo(data, domain, split) if len(text.split()) > 2]
        rows += [("multidogo", *row) for row in some(found, {"train": 150, "dev": 60}[split], random)]
    return [Example(text, source, negatives(intent, text)) for source, intent, text in rows]


def negatives(intent: str, text: str) -> dict:
    """All labels 0 but those that the intent gives or leaves open, or that a word makes doubtful."""
    known = dict.fromkeys(LABELS, 0)
    for label, intents in DOUBTFUL.items():
        if intent in intents:
            del known[label]
    if intent in FRAUDS:
        known["payment-fraud"] = 1
    elif FRAUD.search(text):
        known.pop("payment-fraud", None)
    if ABUSE.search(text):
        known.pop("abuse", None)
    if ADVICE.search(text) and intent == "oos":
        known.pop("regulated-advice", None)
    return known


def talk(data: Path, split: str, random: np.random.Generator) -> list:
    """Remarks of people to each other, and letters of mailing lists."""
    made = []
    for text, emotions in some(sources.goemotions(data, split), {"train": 500, "dev": 100}[split], random):
        known = dict.fromkeys(LABELS, 0)
        if ABUSE.search(text) or emotions & {"anger", "annoyance", "disgust", "disapproval"}:
            del known["abuse"]
        if ADVICE.search(text):
            del known["regulated-advice"]
        if LEGAL.search(text):
            del known["legal-threat"]
        made.append(Example(text, "goemotions", known))
    for place, (source, _) in enumerate(sources.convosumm(data, "val")):
        first = sources.messages(source)[0]
        if first and (place % 5 == 4) == (split == "dev") and not LEGAL.search(first[1]) and place % 4 == 0:
            body = re.sub(r" {2,}", "\n", first[1]).strip()
            made.append(Example(f"{first[0]}\n\n{body[:800]}", "convosumm", dict.fromkeys(LABELS, 0)))
    return made


def complaints(data: Path, split: str) -> list:
    """CFPB narratives, those of the numbers in `cfpb.tsv` and `mined.tsv` labelled by the guide; a number that ends in 8 is dev, in 9 test."""
    with open(HERE / "cfpb.tsv", encoding="utf-8") as file:
        labelled = {row["number"]: row["labels"].split(",") for row in csv.DictReader(file, delimiter="\t")}
    read = {number: labels for source, number, labels in mined(split) if source == "cfpb"}
    made, seen = [], set()
    for text, _, issue, number in sources.cfpb(data):
        if part(number) != split or text[-400:] in seen:
            continue
        if split == "train" and number not in labelled and number not in read and int(number[-2:]) % 5 > 0:
            continue  # a fifth of those without a label
        seen.add(text[-400:])
        if number in read:
            made.append(complaint(text, read[number], own=True))
        else:
            made.append(complaint(text, labelled.get(number, []), doubtful(text, issue)))
    return made


def part(number: str) -> str:
    """The split of a narrative."""
    return {"8": "dev", "9": "test"}.get(number[-1], "train")


def complaint(text: str, labels: list, doubts: tuple = (), own: bool = False) -> Example:
    known = {label: value for label, value in told(labels).items() if label not in doubts}
    places = {label: PLACES[label] for label, value in known.items() if value}
    return Example(re.sub(r"X{2,}", "", text), "cfpb", known, places, own)


def told(labels: list) -> dict:
    """1 for each label that stands there, nothing for one with a question mark, 0 for the rest."""
    return {label: int(label in labels) for label in LABELS if f"?{label}" not in labels}


def doubtful(text: str, issue: str) -> tuple:
    """The labels that a narrative which nobody read for them may have."""
    doubts = [label for label, doubt in [("regulated-advice", ADVICE), ("abuse", ABUSE)] if doubt.search(text)]
    fraud = issue in mapping.CFPB_FRAUD or FRAUD.search(text)
    return (*doubts, "payment-fraud") if fraud else tuple(doubts)


def mined(split: str) -> list:
    """(source, row, labels) of texts that the version before raised a false alarm on, or might have: read twice, by the guide."""
    with open(HERE / "mined.tsv", encoding="utf-8") as file:
        return [(row["source"], row["row"], row["labels"].split(",")) for row in csv.DictReader(file, delimiter="\t") if row["split"] == split]


def alarms(data: Path, split: str) -> list:
    """The texts of `mined.tsv` that are no narratives, found by their digests."""
    wanted = {row: (source, told(labels)) for source, row, labels in mined(split) if source != "cfpb"}
    if not wanted:
        return []
    texts = [text for text, _ in sources.banking77(data, "train")]
    texts += [text for domain in mapping.MULTIDOGO for text, _, _ in sources.multidogo(data, domain, "train")]
    texts += [text for text, _, _ in sources.bitext(data, "train")]
    texts += [text for text, _ in sources.goemotions(data, "train")]
    found = [message for thread, _ in sources.convosumm(data, "val") for message in sources.messages(thread)]
    texts += [f"{message[0]}\n\n{message[1].strip()[:800]}" for message in found if message]
    made = {}
    for text in texts:
        if (row := digest(text)) in wanted and row not in made:
            source, known = wanted[row]
            made[row] = Example(text, source, known, own=True)
    if missing := wanted.keys() - made.keys():
        raise SystemExit(f"mined.tsv: no text has the digest {', '.join(sorted(missing))}; fetch the data sets anew")
    return list(made.values())


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


GREETINGS = ["Hello,", "Hi", "Dear team,", "Good morning", "To whom it may concern:", "Dear Sir or Madam,", "Hey,", ""]
ENDINGS = ["Thanks", "Kind regards, P. Osei", "Best, Lena", "Yours faithfully\nR. Whitby", "Sent from my phone", "Cheers", "", ""]


def letters(own: list, public: list, split: str, random: np.random.Generator) -> list:
    """Each of our texts once more, among sentences of the public rows, so that the label stands in a part of the text alone; and some
    as careless people write."""
    pool = [row for row in public if row.source in ("banking77", "bitext", "multidogo") and len(row.text.split()) > 4]
    pool = [row for row in pool if all(row.known.get(label, 1) == 0 for label in LABELS)]
    made = []
    for row in own:
        around = [pool[index].text for index in random.integers(len(pool), size=random.integers(1, 5))]
        before = int(random.integers(len(around) + 1))
        parts = [pick(GREETINGS, random), *around[:before], row.text, *around[before:], pick(ENDINGS, random)]
        glue = "\n" if random.random() < 0.4 else " "
        made.append(Example(glue.join(sentence(part) for part in parts if part), "letter", row.known, own=True))
        if split == "train" and random.random() < 0.2:
            made.append(Example(careless(row.text, random), "careless", row.known, own=True))
    return made


def strung(public: list, split: str, random: np.random.Generator) -> list:
    """Several rows of a set in a row, as a longer text without a label."""
    made = []
    rows = [row for row in public if row.source in ("banking77", "bitext", "multidogo")]
    for _ in range({"train": 200, "dev": 50}[split]):
        chosen = [rows[index] for index in random.integers(len(rows), size=random.integers(2, 6))]
        known = {label: 0 for label in LABELS if all(row.known.get(label) == 0 for row in chosen)}
        made.append(Example(" ".join(sentence(row.text) for row in chosen), "strung", known))
    return made


def careless(text: str, random: np.random.Generator) -> str:
    """Lower or upper case, marks left out, two letters swapped here and there."""
    draw = random.random()
    text = text.upper() if draw < 0.15 else text.lower() if draw < 0.8 else text
    if random.random() < 0.5:
        text = re.sub(r"[.,;:!?']", "", text)
    letters = list(text)
    for place in np.flatnonzero(random.random(max(len(letters) - 1, 0)) < 0.02):
        letters[place], letters[place + 1] = letters[place + 1], letters[place]
    return "".join(letters)


def sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!", ",", ":")) else text + "."


def some(rows: list, count: int, random: np.random.Generator) -> list:
    return [rows[index] for index in random.permutation(len(rows))[:count]]


def pick(items: list, random: np.random.Generator) -> str:
    return items[int(random.integers(len(items)))]
