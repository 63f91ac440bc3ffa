"""The five stages in Python, as a team would write them for a Python server: the shipped models, the shipped tokens, and rules.

Each stage has two steps, so that a server may put its batching, or an encoder of its own, between them:
`prepare(item)` gives what the encoder is to read, `finish(item, kept, encoded)` the answer. README.md says what is the same
as in the shipped plugins and what is not.
"""

import json
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
WINDOWS = 4
MODELS = {
    "encoder": "minilm/1.0.0",
    "heads": "inbox-heads/3.3.0",
    "tagger": "name-tagger/2.1.0",
    "scorer": "sentence-scorer/2.0.0",
}
TYPES = (
    "account card payment refund order delivery cancellation-or-subscription invoice technical fraud complaint "
    "information feedback other"
).split()
URGENCY = ["low", "normal", "high", "critical"]
SENTIMENT = ["negative", "neutral", "positive"]
TAGS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]


def session(name: str, threads: int = 1) -> onnxruntime.InferenceSession:
    """As the host opens it: one thread, no spinning."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
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
    """Token ids in, per-token states or one vector a text out."""

    def __init__(self):
        self._session = session("encoder")

    def __call__(self, rows: list, want: str) -> list:
        made = [None] * len(rows)
        for chosen in batches(rows):
            ids, mask = padded([rows[at] for at in chosen])
            (found,) = self._session.run([want], {"input_ids": ids, "attention_mask": mask})
            for at, one in zip(chosen, found):
                made[at] = one[: len(rows[at])] if want == "states" else one
        return made


class Tokens:
    def __init__(self):
        vocabulary = ROOT / "plugins" / "sdk" / "data" / "vocab.txt"
        self._made = BertWordPieceTokenizer(str(vocabulary), lowercase=True)
        self._made.enable_truncation(TOKENS)

    def __call__(self, text: str):
        return self._made.encode(text)

    def many(self, texts: list) -> list:
        return self._made.encode_batch(texts)


# ── What the sender wrote ──────────────────────────────────────────────────────────────────────────────────────────────

CLOSING = re.compile(r"^(--|kind regards|best regards|regards|best wishes|many thanks|thanks|sincerely|yours)\b", re.I)


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


def newest(fields: dict) -> str:
    body = fields.get("body") or ""
    messages = fields.get("messages") or []
    if body.strip() or not messages:
        return body
    opener = messages[0].get("from")
    return next((m.get("body", "") for m in reversed(messages) if m.get("from") == opener), "")


# ── Stages ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Classify:
    name, want = "classify", "states"

    def __init__(self):
        self._tokens, self._heads = Tokens(), session("heads")

    def prepare(self, item: dict) -> tuple:
        parts = [(item.get("subject") or "").strip(), own_words(newest(item))]
        text = "\n\n".join(part for part in parts if part)
        return None, [self._tokens(text).ids] if text else []

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
    name, want = "route", None

    def prepare(self, item: dict) -> tuple:
        return None, []

    def finish_all(self, items: list, kept: list, encoded: list) -> list:
        return [self.route(item["classify"]) for item in items]

    def route(self, found: dict) -> dict:
        if found["confidence"] < 0.7:
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
    name, want = "extract", "states"

    def __init__(self):
        self._tokens, self._tagger = Tokens(), session("tagger")

    def prepare(self, item: dict) -> tuple:
        text = latest(newest(item))
        windows = []
        while text.strip() and len(windows) < WINDOWS:
            read = self._tokens(text)
            windows.append((text, read))
            if len(read.ids) < TOKENS:
                break
            text = text[max(end for _, end in read.offsets) :]
        return windows, [read.ids for _, read in windows]

    def finish_all(self, items: list, kept: list, encoded: list) -> list:
        return [self.extract(*one) for one in zip(items, kept, encoded)]

    def extract(self, item: dict, windows: list, encoded: list) -> dict:
        found = []
        for text in sources(item):
            for kind, pattern in (("amount", MONEY), ("date", DATE), ("phone", PHONE), ("email", MAIL), ("reference", REFERENCE)):
                found += [{"kind": kind, "value": m.group(), "start": m.start(), "end": m.end()} for m in pattern.finditer(text)]
            found += [{"kind": "iban", "value": m.group()} for m in IBAN.finditer(text) if mod97(m.group())]
            digits = lambda m: re.sub(r"\D", "", m.group())  # noqa: E731
            found += [{"kind": "card", "value": "••" + digits(m)[-4:]} for m in CARD.finditer(text) if luhn(digits(m))]
        for (text, read), states in zip(windows, encoded):
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


class Summarize:
    name, want = "summarize", "embedding"

    def __init__(self):
        self._tokens, self._scorer = Tokens(), session("scorer")

    def prepare(self, item: dict) -> tuple:
        told = []
        messages = item.get("messages") or [{"from": item.get("from") or "", "body": item.get("body") or ""}]
        for number, message in enumerate(messages):
            pieces = [" ".join(piece.split()) for piece in SPLIT.split(own_words(message.get("body", "")))]
            whole = [piece for piece in pieces if piece and not GREETING.match(piece)]
            told += [Sentence(piece, number, place, message.get("from", "")) for place, piece in enumerate(whole)]
        told = told[:128]
        subject = (item.get("subject") or "").strip()
        texts = [sentence.text for sentence in told] + ([subject] if subject and told else [])
        return (told, subject), [read.ids for read in self._tokens.many(texts)] if texts else []

    def finish_all(self, items: list, kept: list, encoded: list) -> list:
        return [self.summarize(told, subject, vectors) for (told, subject), vectors in zip(kept, encoded)]

    def summarize(self, told: list, subject: str, vectors: list) -> dict:
        if not told:
            return {"summary": "", "sentences": []}
        title = vectors[len(told)] if len(vectors) > len(told) else None
        vectors = np.stack(vectors[: len(told)])
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


class Comply:
    name, want = "comply", None

    def prepare(self, item: dict) -> tuple:
        return None, []

    def finish_all(self, items: list, kept: list, encoded: list) -> list:
        return [self.comply(item) for item in items]

    def comply(self, item: dict) -> dict:
        flags, held = [], False
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
    read = iter(encode(rows, stage.want) if rows else [])
    encoded = [[next(read) for _ in some] for _, some in prepared]
    return stage.finish_all(items, [kept for kept, _ in prepared], encoded)


class Inline:
    """All five in one process; `own` gives each stage an encoder of its own."""

    def __init__(self, own: bool):
        shared = None if own else Encoder()
        self.stages = [made() for made in STAGES.values()]
        self.encoders = {stage.name: (shared or Encoder()) if stage.want else None for stage in self.stages}

    def __call__(self, items: list) -> list:
        items = [dict(item) for item in items]
        for stage in self.stages:
            for item, answer in zip(items, step(stage, items, self.encoders[stage.name])):
                item[stage.name] = answer
        return [{name: item[name] for name in STAGES} for item in items]


def light(item: dict, stage: str) -> dict:
    """A stage without a model: it is shown the request, and says that it saw it."""
    return {"seen": len(item.get("body") or "")}
