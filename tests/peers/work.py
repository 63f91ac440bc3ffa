"""The five stages in Python, as a team would write them for a Python server: the shipped models, the shipped tokens, and rules.

Each stage has two steps, so that a server may put its batching, or an encoder of its own, between them:
`prepare(item)` gives what the encoder is to read, `finish(item, kept, encoded)` the answer. README.md says what is the same
as in the shipped plugins and what is not.
"""

import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import BertWordPieceTokenizer

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "models" / "sentence-scorer" / "train"), str(ROOT / "models" / "recipes")]

import shapes  # noqa: E402  the tagger's own
from features import Sentence, features  # noqa: E402  the scorer's own

TOKENS = 256
ROWS = 8
# Of one message.
MOST_ROWS = 4
MODELS = {
    "encoder": "minilm-trunk/1.0.0",
    "heads": "inbox-heads/3.4.0",
    "tagger": "name-tagger/2.2.0",
    "scorer": "sentence-scorer/3.0.0",
    "screen": "comply-heads/2.0.0",
}
TYPES = (
    "account card payment refund order delivery cancellation-or-subscription invoice technical fraud complaint "
    "information feedback other"
).split()
URGENCY = ["low", "normal", "high", "critical"]
SENTIMENT = ["negative", "neutral", "positive"]
TAGS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]


# Fusions that lose on processors, and that the host and the ideal loop do without. Peers open a session as their documents do, unless told otherwise.
SLOWER_FUSIONS = "SkipLayerNormFusion;BiasGeluFusion"
AS_HOST = os.environ.get("PEERS_AS_HOST") == "1"


def session(name: str, threads: int = 1, as_host: bool = AS_HOST) -> onnxruntime.InferenceSession:
    """One thread, no spinning."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if as_host:
        options.add_session_config_entry("optimization.disable_specified_optimizers", SLOWER_FUSIONS)
    path = ROOT / "models" / MODELS[name] / "model.onnx"
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def padded(rows: list) -> tuple:
    """Rows of numbers at the length of the longest, and the mask."""
    width = max(len(row) for row in rows)
    ids = np.zeros((len(rows), width), np.int64)
    mask = np.zeros((len(rows), width), np.int64)
    for at, row in enumerate(rows):
        ids[at, : len(row)] = row
        mask[at, : len(row)] = 1
    return ids, mask


def batches(rows: list) -> list:
    """Indices of rows of like length, `ROWS` at most: little is padding."""
    order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
    return [order[at : at + ROWS] for at in range(0, len(order), ROWS)]


class Encoder:
    """Token ids in, the tokens' states out."""

    def __init__(self):
        self._session = session("encoder")

    def __call__(self, rows: list) -> list:
        made = [None] * len(rows)
        for chosen in batches(rows):
            ids, mask = padded([rows[at] for at in chosen])
            (found,) = self._session.run(["states"], {"input_ids": ids, "attention_mask": mask})
            for at, one in zip(chosen, found):
                made[at] = one[: len(rows[at])]
        return made


class Once:
    """An encoder that reads equal rows once, for as long as one answer is being made."""

    def __init__(self, encoder: Encoder):
        self._encoder, self._known = encoder, {}

    def __call__(self, rows: list) -> list:
        asked = [tuple(ids) for ids in rows]
        new = [ids for ids in dict.fromkeys(asked) if ids not in self._known]
        self._known.update(zip(new, self._encoder(new)))
        return [self._known[ids] for ids in asked]


class Tokens:
    def __init__(self):
        vocabulary = ROOT / "plugins" / "sdk" / "data" / "vocab.txt"
        self._made = BertWordPieceTokenizer(str(vocabulary), lowercase=True)
        self._made.enable_truncation(TOKENS)

    def rows(self, text: str) -> list:
        """(where it begins, its tokens) of each row of a text; full rows end at white space."""
        made, start = [], 0
        while text[start:].strip():
            read = self._made.encode(text[start:])
            end = len(text) - start
            if len(read.ids) >= TOKENS:
                end = max(end for _, end in read.offsets)
                space = max(text.rfind(" ", start, start + end), text.rfind("\n", start, start + end)) - start
                if space > end / 2:
                    read, end = self._made.encode(text[start : start + space]), space
            made.append((start, read))
            start += end
        return made


# ── What the sender wrote ──────────────────────────────────────────────────────────────────────────────────────────────

CLOSING = re.compile(r"^(--|kind regards|best regards|regards|best wishes|many thanks|thanks|sincerely|yours)\b", re.I)


QUOTED = re.compile(r"(?:> ?)*")
ATTRIBUTION = re.compile(r"On .* wrote:\s*$")


def latest(text: str) -> str:
    """Up to what is quoted."""
    lines = []
    for line in text.split("\n"):
        bare = line.strip()
        if bare.startswith(">") or bare.startswith("-----Original") or (bare.startswith("On ") and bare.endswith("wrote:")):
            break
        lines.append(line)
    return "\n".join(lines)


def own_words(text: str) -> str:
    kept = []
    for line in latest(text).split("\n"):
        if CLOSING.match(line.strip()):
            break
        kept.append(line)
    return "\n".join(kept).strip() or text.strip()


def parts(text: str) -> tuple:
    """Own words, and what stands below them: signature and footer."""
    whole = latest(text).strip()
    own = own_words(text)
    signature, dashes, footer = whole[len(own) :].partition("\n-- ")
    return own, signature, dashes + footer


def newest(fields: dict) -> str:
    body = fields.get("body") or ""
    messages = fields.get("messages") or []
    if body.strip() or not messages:
        return body
    return messages[asked(messages)].get("body", "")


def asked(messages: list) -> int:
    """The message that a thread is about: the newest of whoever opened it."""
    opener = messages[0].get("from")
    return max(at for at, message in enumerate(messages) if message.get("from") == opener)


def thread(item: dict) -> tuple:
    """The messages, oldest first, and the place of the one that the request is about; what a body quotes is a message, too."""
    if item.get("messages"):
        return item["messages"], asked(item["messages"])
    depths = {}
    for line in (item.get("body") or "").split("\n"):
        marks = QUOTED.match(line).group()
        if not ATTRIBUTION.match(line[len(marks) :]):
            depths.setdefault(marks.count(">"), []).append(line[len(marks) :])
    told = [{"from": str(depth) if depth else item.get("from") or "", "body": "\n".join(depths[depth])} for depth in sorted(depths, reverse=True)]
    return told, len(told) - 1


def titled(item: dict, own: str) -> tuple:
    """The subject above own words, and where those begin."""
    subject = (item.get("subject") or "").strip()
    return (f"{subject}\n\n{own}", len(subject) + 2) if subject else (own, 0)


# ── Stages ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Classify:
    name, encodes = "classify", True

    def __init__(self):
        self._tokens, self._heads = Tokens(), session("heads")

    def prepare(self, item: dict) -> tuple:
        text, _ = titled(item, own_words(newest(item)))
        return None, [read.ids for _, read in self._tokens.rows(text)[:1]]

    def finish_all(self, items: list, kept: list, encoded: list) -> list:
        answers = [{"type": "other", "urgency": None, "sentiment": None, "confidence": 0.0} for _ in items]
        read = [at for at, states in enumerate(encoded) if states]
        for start in range(0, len(read), ROWS):
            chosen = read[start : start + ROWS]
            states = [encoded[at][0] for at in chosen]
            width = max(len(one) for one in states)
            batch = np.zeros((len(states), width, states[0].shape[1]), np.float32)
            mask = np.zeros((len(states), width), np.int64)
            for at, one in enumerate(states):
                batch[at, : len(one)] = one
                mask[at, : len(one)] = 1
            kinds, urgency, mood, anger = self._heads.run(
                ["type", "urgency", "sentiment", "anger"], {"states": batch, "attention_mask": mask}
            )
            for row, at in enumerate(chosen):
                best = int(kinds[row].argmax())
                answers[at] = {
                    "type": TYPES[best],
                    "confidence": round(float(kinds[row][best]), 4),
                    "urgency": URGENCY[int(urgency[row].argmax())],
                    "sentiment": SENTIMENT[int(mood[row].argmax())],
                    "anger": bool(anger[row].argmax()),
                    "alternatives": [TYPES[int(k)] for k in np.argsort(-kinds[row])[:3]],
                }
        return answers


ROUTES = {
    "fraud": ("fraud", "investigations", 1),
    "other": ("out-of-scope", "front-desk", 5),
    "complaint": ("complaints", "care", 2),
    "card": ("cards", "card-desk", 3),
    "account": ("accounts", "identity", 3),
    "refund": ("payments", "billing", 3),
    "payment": ("payments", "billing", 3),
    "invoice": ("invoices", "billing", 3),
    "cancellation-or-subscription": ("subscriptions", "retention", 3),
    "order": ("orders", "logistics", 3),
    "delivery": ("orders", "logistics", 3),
    "technical": ("technical", "support", 3),
    "feedback": ("feedback", "product", 5),
}


class Route:
    name, encodes = "route", False

    def prepare(self, item: dict) -> tuple:
        return None, []

    def finish_all(self, items: list, kept: list, encoded: list) -> list:
        return [self.route(item["classify"]) for item in items]

    def route(self, found: dict) -> dict:
        if found["confidence"] < 0.55:
            return {"queue": "human-review", "team": "front-desk", "priority": 4}
        if found["type"] in ("card", "fraud") and found["urgency"] in ("high", "critical"):
            return {"queue": "card-emergency", "team": "card-desk", "priority": 1}
        queue, team, priority = ROUTES.get(found["type"], ("general", "front-desk", 4))
        return {"queue": queue, "team": team, "priority": priority}


MONTHS = "january february march april may june july august september october november december".split()
MONEY = re.compile(r"(?:(?:[€£$]|\b(?:EUR|GBP|USD|CHF)\b)\s?\d[\d,. ]*\d|\b\d[\d,.]*\s?(?:€|£|EUR|GBP|USD|CHF)\b)")
DATE = re.compile(rf"\b\d{{1,2}} (?:{'|'.join(MONTHS)})(?: \d{{4}})?\b|\b\d{{4}}-\d{{2}}-\d{{2}}\b|\b\d{{1,2}}/\d{{1,2}}/\d{{4}}\b", re.I)
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
CARD = re.compile(r"\b(?:\d[ -]?){13,19}\b")
PHONE = re.compile(r"\+\d[\d ()-]{7,17}\d")
MAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
REFERENCE = re.compile(r"\b(?:[A-Z]{1,4}-?\d{4,12}|\d{8})\b")
CVV = re.compile(r"\b(?:cvv|cvc|security code)\D{0,12}(\d{3,4})\b", re.I)
SECRET = re.compile(r"\b(?:password|pin|passcode)\s+(?:is|was|:)\s*(\S+)", re.I)
THREAT = re.compile(r"\b(?:lawyer|solicitor|court|legal action|ombudsman)\b", re.I)


def luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if place % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def mod97(iban: str) -> bool:
    bare = iban.replace(" ", "")
    return int("".join(str(int(c, 36)) for c in bare[4:] + bare[:4])) % 97 == 1


def sources(item: dict) -> list:
    texts = [item.get("subject") or "", item.get("body") or ""]
    return texts + [message.get("body", "") for message in item.get("messages") or []]


class Extract:
    name, encodes = "extract", True

    def __init__(self):
        self._tokens, self._tagger = Tokens(), session("tagger")

    def prepare(self, item: dict) -> tuple:
        own, *below = parts(newest(item))
        pieces = [titled(item, own)[0], *below]
        rows = [(piece[start:], read) for piece in pieces for start, read in self._tokens.rows(piece)][:MOST_ROWS]
        return rows, [read.ids for _, read in rows]

    def finish_all(self, items: list, kept: list, encoded: list) -> list:
        return [self.extract(*one) for one in zip(items, kept, encoded)]

    def extract(self, item: dict, rows: list, encoded: list) -> dict:
        found = []
        for text in sources(item):
            for kind, pattern in (("amount", MONEY), ("date", DATE), ("phone", PHONE), ("email", MAIL), ("reference", REFERENCE)):
                found += [{"kind": kind, "value": m.group(), "start": m.start(), "end": m.end()} for m in pattern.finditer(text)]
            found += [{"kind": "iban", "value": m.group()} for m in IBAN.finditer(text) if mod97(m.group())]
            digits = lambda m: re.sub(r"\D", "", m.group())  # noqa: E731
            found += [{"kind": "card", "value": "••" + digits(m)[-4:]} for m in CARD.finditer(text) if luhn(digits(m))]
        for (text, read), states in zip(rows, encoded):
            seen, mask = shapes.of(text, read.offsets), np.ones((1, len(states)), np.int64)
            (tags,) = self._tagger.run(["tags"], {"states": states[None], "shapes": seen[None], "attention_mask": mask})
            found += names(text, read, tags[0])
        return {"entities": found[:200]}


def names(text: str, read, tags: np.ndarray) -> list:
    """Runs of words of one kind, a word's first piece carrying its tag."""
    found, open_ = [], None
    for (start, end), row, word in zip(read.offsets, tags, read.words):
        if word is None or start == end:
            continue
        label = TAGS[int(row.argmax())]
        kind = label[2:]
        if open_ and start == open_["end"]:
            open_["end"] = end
        elif open_ and kind == open_["kind"]:
            open_["end"] = end
        else:
            if open_:
                found.append(open_)
            open_ = {"kind": kind, "start": start, "end": end} if kind else None
    if open_:
        found.append(open_)
    whole = [{**one, "value": text[one["start"] : one["end"]]} for one in found]
    return [one for one in whole if one["value"][:1].isupper()]


SPLIT = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"(])|\n\s*\n")
GREETING = re.compile(r"^(hi|hello|dear|good (morning|afternoon|evening))\b[^.!?\n]{0,40}[,!]?\s*$", re.I)

GREETED = re.compile(r"^\s*(?:hi|hello|dear|good (?:morning|afternoon|evening))\b[^.!?\n]{0,40}?[,!]\s*", re.I)


class Summarize:
    name, encodes = "summarize", True

    def __init__(self):
        self._tokens, self._scorer = Tokens(), session("scorer")

    def prepare(self, item: dict) -> tuple:
        """The message that the request is about is read whole, of others what follows their greeting; a sentence is the tokens
        `(row, places)` of its words, and so is the subject."""
        told, places, title, rows = [], [], [], []
        messages, about = thread(item)
        for number, message in enumerate(messages):
            own = own_words(message.get("body", ""))
            own = own if number == about else GREETED.sub("", own)
            text, before = titled(item, own) if number == about else (own, 0)
            read = [(len(rows) + at, start, one) for at, (start, one) in enumerate(self._tokens.rows(text))]
            rows += [one.ids for _, _, one in read]
            spans = [span for span in spans_of(own) if not GREETING.match(own[slice(*span)])]
            if before:
                title = tokens_of(read, 0, before - 2)
            for place, (start, end) in enumerate(spans):
                told.append(Sentence(" ".join(own[start:end].split()), number, place, message.get("from", "")))
                places.append(tokens_of(read, start + before, end + before))
        return (told[:128], places[:128], title, (item.get("subject") or "").strip()), rows if told else []

    def finish_all(self, items: list, kept: list, encoded: list) -> list:
        return [self.summarize(*one, states) for one, states in zip(kept, encoded)]

    def summarize(self, told: list, places: list, title: list, subject: str, states: list) -> dict:
        if not told:
            return {"summary": "", "sentences": []}
        vectors = np.stack([mean(states, at) for at in places])
        title = mean(states, title) if title else None
        (scores,) = self._scorer.run(["score"], {"features": features(told, vectors, subject, title)})
        scores = np.asarray(scores).reshape(-1)
        near, left, chosen, words = vectors @ vectors.T, set(range(len(told))), [], 0
        while left:
            worth = {at: scores[at] - 0.3 * max((near[at, other] for other in chosen), default=0.0) for at in left}
            best = max(worth, key=worth.get)
            left.discard(best)
            if words + told[best].words <= 60 and all(near[best, other] < 0.9 for other in chosen):
                chosen.append(best)
                words += told[best].words
        chosen.sort()
        summary = " ".join(told[at].text for at in chosen)
        asks = [sentence.text for sentence in told if sentence.text.endswith("?")]
        return {"summary": summary, "sentences": [told[at].text for at in chosen], "ask": asks[-1] if asks else None}


def spans_of(text: str) -> list:
    """Where the sentences of a text stand."""
    ends = [0, *(edge for gap in SPLIT.finditer(text) for edge in gap.span()), len(text)]
    return [(start, end) for start, end in zip(ends[::2], ends[1::2]) if text[start:end].strip()]


def tokens_of(read: list, start: int, end: int) -> list:
    """(row, its tokens) that stand in a range of the rows' text."""
    made = []
    for row, first, one in read:
        inside = [at for at, (a, b) in enumerate(one.offsets) if a < b and first + a < end and first + b > start]
        made += [(row, inside)] if inside else []
    return made


def mean(states: list, places: list) -> np.ndarray:
    """The mean of tokens' states, at length one."""
    if not places:
        return np.zeros(384, np.float32)
    found = np.concatenate([states[row][inside] for row, inside in places]).mean(axis=0)
    return found / np.linalg.norm(found)


WORD = re.compile(r"\S*\w\S*")
LABELS = ["legal-threat", "data-subject-request", "regulated-advice", "abuse", "payment-fraud"]


class Comply:
    name, encodes = "comply", True

    def __init__(self):
        self._tokens, self._screen = Tokens(), session("screen")

    def prepare(self, item: dict) -> tuple:
        """Every message is read but what it quotes: own words, below the subject where the request is about them, and a signature that says
        more than who writes."""
        messages = item.get("messages") or [{"body": item.get("body") or ""}]
        about, pieces = asked(messages), []
        for number, message in enumerate(messages):
            own, *below = parts(message.get("body", ""))
            pieces += [titled(item, own)[0] if number == about else own, *(part for part in below if any(len(WORD.findall(line)) >= 7 for line in part.split("\n")))]
        rows = [read.ids for piece in pieces for _, read in self._tokens.rows(piece)]
        return None, rows[:24]

    def finish_all(self, items: list, kept: list, encoded: list) -> list:
        return [self.comply(item, states) for item, states in zip(items, encoded)]

    def comply(self, item: dict, encoded: list) -> dict:
        flags, held = [], False
        for states in encoded:
            (scores,) = self._screen.run(["screen"], {"states": states[None], "attention_mask": np.ones((1, len(states)), np.int64)})
            flags += [{"rule": label, "confidence": float(score)} for label, score in zip(LABELS, scores[0]) if score >= 0.5]
        texts = sources(item) + [json.dumps(item.get(stage)) for stage in ("classify", "route", "extract", "summarize")]
        for text in texts:
            cards = [m for m in CARD.finditer(text) if luhn(re.sub(r"\D", "", m.group()))]
            flags += [{"rule": "pan", "start": m.start(), "end": m.end()} for m in cards]
            held = held or bool(cards and CVV.search(text)) or bool(SECRET.search(text))
            flags += [{"rule": "iban", "start": m.start(), "end": m.end()} for m in IBAN.finditer(text) if mod97(m.group())]
            for rule, pattern in (("email", MAIL), ("phone", PHONE), ("legal.threat", THREAT)):
                flags += [{"rule": rule, "start": m.start(), "end": m.end()} for m in pattern.finditer(text)]
        return {"flags": flags[:100], "hold": held}


STAGES = {stage.name: stage for stage in (Classify, Route, Extract, Summarize, Comply)}


def step(stage, items: list, encode) -> list:
    """One stage over a batch; `encode` takes all that its items are to be read of, at once."""
    prepared = [stage.prepare(item) for item in items]
    rows = [ids for _, some in prepared for ids in some]
    read = iter(encode(rows) if rows else [])
    encoded = [[next(read) for _ in some] for _, some in prepared]
    return stage.finish_all(items, [kept for kept, _ in prepared], encoded)


class Inline:
    """All five in one process; `own` gives each stage an encoder of its own, else one reads for all, and equal rows once."""

    def __init__(self, own: bool):
        self.stages = [made() for made in STAGES.values()]
        self._shared = None if own else Encoder()
        self._own = {stage.name: Encoder() for stage in self.stages if stage.encodes and own}

    def __call__(self, items: list) -> list:
        items = [dict(item) for item in items]
        once = None if self._shared is None else Once(self._shared)
        for stage in self.stages:
            for item, answer in zip(items, step(stage, items, once or self._own.get(stage.name))):
                item[stage.name] = answer
        return [{name: item[name] for name in STAGES} for item in items]


def light(item: dict, stage: str) -> dict:
    """A stage without a model: it is shown the request, and says that it saw it."""
    return {"seen": len(item.get("body") or "")}
