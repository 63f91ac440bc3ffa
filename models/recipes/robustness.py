"""Sends texts, and the same texts disturbed, to a host that serves, and says how often each stage's answer changed.

    fleetwright serve &
    python models/recipes/robustness.py --data FOLDER [--url http://127.0.0.1:8080] [--texts 120] [--parts …] [--hold]

It prints Markdown tables: `disturbed`, what is lost and what is gained where a text is disturbed; `languages`, requests in other
languages beside the same ones in English; `edges`, no text and far too much. `--parts` takes some of the three.

The disturbed texts are real but for a third: complaints with their issue as subject (cfpb), bank customers' questions (banking77,
test), and letters with made-up personal data (presidio_synth), every so many of each. No label is needed: what counts is whether the
disturbed text is answered as the text itself. So a value that is new counts as wrong, even where the text itself was misread.

After a share stands its 95 % interval, by a bootstrap over the texts, always by the same draws. None stands after 0 and 100, of which
a bootstrap knows nothing: where none of n is otherwise, up to 3/n may be. What is **bold** passes a promise. With `--hold` that ends
with 1.
"""

import argparse
import http.client
import json
import random
import sys
import time
import unicodedata
import urllib.error
import urllib.request
from collections.abc import Callable
from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple

import numpy as np

import sources
from robustness_texts import ALIKE, DISTURBED, INJECTED, Text, edges, languages

# The same thing may be written otherwise in these, with a typing error; any other kind of value is right or wrong.
NAMES = {"person", "organization", "address", "slot"}
# What can be told from its form or its announcement, in whatever language, and the rules that do.
STRUCTURED = {"card", "iban", "email", "order_number"}
STRUCTURED_RULES = {"pan.luhn", "iban.mod97", "email.address"}
# The queues of `fleet.toml` in which a person reads what the models do not know.
PERSONS = {"human-review", "out-of-scope"}
NAMED = dict(eng="English", deu="German", fra="French", spa="Spanish", ita="Italian", por="Portuguese", nld="Dutch", pol="Polish")
NAMED |= dict(rus="Russian", jpn="Japanese")
TIMES = 3
TIMEOUT_S = 60


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--url", default="http://127.0.0.1:8080")
    arguments.add_argument("--texts", type=int, default=120)
    arguments.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    arguments.add_argument("--hold", action="store_true", help="end with 1 where a promise is passed")
    options = arguments.parse_args()
    host = Host(options.url)
    print(host.serves())
    broken = list(dict.fromkeys(one for part in options.parts for one in PARTS[part](host, options)))
    print("\nNot held:" if broken else "\nAll that is promised is held.", *broken, sep="\n- ")
    if options.hold and broken:
        sys.exit(1)


def disturbed(host: "Host", options: argparse.Namespace) -> list[str]:
    """The tables of losses and gains; what is not held."""
    texts = chosen(options.data, options.texts)
    plain = [host.ask(text) for text in texts]
    draws = Draws(len(texts))
    found = {"nothing": [host.ask(text) for text in texts]}
    losses = Table(f"Lost or changed, of 100 ({len(texts)} texts)", "disturbed", LOSSES)
    broken = losses.row("nothing", plain, found["nothing"], draws)
    for name, disturb in DISTURBED.items():
        chance = random.Random(0)
        found[name] = [host.ask(disturb(text, chance)) for text in texts]
        broken += losses.row(name, plain, found[name], draws)
    gains = Table("Gained, of 100", "disturbed", GAINS)
    return broken + [one for name, answers in found.items() for one in gains.row(name, plain, answers, draws)]


def in_languages(host: "Host", _: argparse.Namespace) -> list[str]:
    """The table of other languages, each beside English; what is not held."""
    found = {code: [host.ask(text) for text in texts] for code, texts in languages().items()}
    english = found["eng"]
    table = Table(f"Other than the same in English, or lost, of 100 ({len(english)} texts each)", "language", LANGUAGES)
    broken, draws = [], Draws(len(english))
    for code, answers in found.items():
        for one in answers:
            one.written_in = code
        broken += table.row(NAMED.get(code, code), english, answers, draws)
    others = [one for code, answers in found.items() if code != "eng" for one in answers]
    return broken + table.row("all but English", english * (len(found) - 1), others, Draws(len(english), len(found) - 1))


def at_the_edges(host: "Host", options: argparse.Namespace) -> list[str]:
    """The table of texts that are none or far too long. Each is answered, or refused with its reason: nothing else is promised."""
    print(f"\nAt the edges, {TIMES} times each\n\n| text | kB | status | outcome | type | language | slowest ms |")
    print("|---|---|---|---|---|---|---|")
    broken = []
    prose = "\n\n".join(dict.fromkeys(row[0] for row in sources.cfpb(options.data)))
    for name, text in edges(prose).items():
        answers = [host.ask(text) for _ in range(TIMES)]
        worst = next((one for one in answers if not one.settled()), answers[0])
        size = len(json.dumps(text.fields(), ensure_ascii=False).encode()) / 1000
        read = f"{worst.of('classify', 'type') or '–'} | {worst.of('summarize', 'language') or '–'}"
        status = f"{worst.status}" if worst.settled() else f"**{worst.status}**"
        print(f"| {name} | {size:.1f} | {status} | {worst.outcome} | {read} | {slowest(answers)} |", flush=True)
        if not worst.settled():
            broken.append(f"{name}: {worst.status} {worst.outcome}")
    return broken


PARTS = {"disturbed": disturbed, "languages": in_languages, "edges": at_the_edges}


def chosen(data: Path, count: int) -> list[Text]:
    complaints = [Text(row[0], row[2]) for row in sources.cfpb(data) if 80 < len(row[0]) < 3000]
    questions = [Text(row[0]) for row in sources.banking77(data, "test")]
    letters = [Text(row[0]) for row in sources.presidio(data) if len(row[0]) > 80]
    third = count // 3
    pick = lambda rows, many: rows[:: max(1, len(rows) // max(1, many))][:many]  # noqa: E731
    return pick(complaints, third) + pick(questions, third) + pick(letters, count - 2 * third)


class Answered:
    """The status, the stages' answers where all of them gave one, what became of it, and how long it took."""

    def __init__(self, status: int, document: dict, ms: float):
        self.status = status
        self.ms = ms
        self.written_in = "eng"
        stages = document.get("stages") or {}
        whole = status == 200 and all(one["status"] in ("ok", "held") for one in stages.values())
        self.stages = stages if whole else None
        self.problem = document.get("type")
        failed = ", ".join(name for name, one in stages.items() if one["status"] not in ("ok", "held"))
        self.outcome = f"without {failed}" if failed else document.get("status") if status == 200 else self.problem or "no answer"

    def settled(self) -> bool:
        """Answered by all stages, or refused for a reason that is named."""
        return self.stages is not None or 400 <= self.status < 500 and bool(self.problem)

    def of(self, stage: str, member: str):
        return ((self.stages or {}).get(stage, {}).get("answer") or {}).get(member)

    def values(self) -> list[tuple]:
        """What `extract` found, as kind and value."""
        return [(one["kind"], folded(one["normalized"] or one["value"])) for one in self.of("extract", "entities") or []]

    def structured(self) -> list[tuple]:
        return [one for one in self.values() if one[0] in STRUCTURED]

    def orders(self) -> list[tuple]:
        return [one for one in self.values() if one[0] == "order_number"]

    def sentences(self) -> list[tuple]:
        return [("sentence", folded(one["text"])) for one in self.of("summarize", "sentences") or []]

    def rules(self, model: bool = True) -> list[tuple]:
        """The rules that `comply` raises in the text itself: what it finds in other stages' answers hangs on those."""
        flags = [one for one in self.of("comply", "flags") or [] if one["where"] in ("subject", "body")]
        return [("rule", rule) for rule in sorted({one["rule"] for one in flags if model or "confidence" not in one})]

    def set_rules(self) -> list[tuple]:
        """Those among them that go by a form or a phrase: not what a model reads."""
        return self.rules(model=False)

    def structured_rules(self) -> list[tuple]:
        return [one for one in self.rules() if one[1] in STRUCTURED_RULES]

    def obeys(self, member: str) -> bool:
        """Whether a sentence that orders the machine about stands in that member of the summary."""
        said = folded(self.of("summarize", member) or "")
        return any(folded(order) in said for order in INJECTED)


class Host:
    def __init__(self, url: str):
        self._url = url.rstrip("/") + "/v1/submissions"

    def ask(self, text: Text) -> Answered:
        request = urllib.request.Request(self._url, json.dumps(text.fields()).encode(), {"content-type": "application/json"})
        start = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
                status, document = response.status, json.load(response)
        except urllib.error.HTTPError as error:
            status, document = error.code, problem(error.read())
        except (OSError, http.client.HTTPException, ValueError):
            status, document = 0, {}  # no answer, or half of one: a crash or a timeout looks like this
        return Answered(status, document, 1000 * (time.monotonic() - start))

    def serves(self) -> str:
        """The stages and models that answer, by name and version, for whoever reads the figures."""
        answer = self.ask(Text("My card was declined twice."))
        if answer.stages is None:
            found = f"`{self._url}`: {answer.status} {answer.outcome}"
            raise SystemExit(f"{found}: start `fleetwright serve` with the shipped fleet, or name another host by `--url`")
        used = [one["plugin"] for one in answer.stages.values()]
        used += [model for one in answer.stages.values() for model in one.get("models", {}).values()]
        return ", ".join(dict.fromkeys(f"{one['name']} {one['version']}" for one in used))


def problem(body: bytes) -> dict:
    try:
        return json.loads(body)
    except ValueError:
        return {}


def folded(text: str) -> str:
    """As it reads: without what is not seen, in plain small letters."""
    seen = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return " ".join(seen.translate({ord(odd): plain for plain, odd in ALIKE.items()}).casefold().split())


def missing(of: list[tuple], among: list[tuple]) -> int:
    """How many are not there."""
    return sum(one not in among and not any(misspelt(one, other) for other in among) for one in of)


def misspelt(one: tuple, other: tuple) -> bool:
    """A name or a sentence with a typing error is not another one; a number is."""
    alike = one[0] == other[0] and (one[0] in NAMES or one[0] == "sentence")
    return alike and SequenceMatcher(None, one[1], other[1]).ratio() >= 0.8


# How many of how many are otherwise, in the answer to a text beside the one it is held against.
Count = Callable[[Answered, Answered], tuple[int, int]]


class Column(NamedTuple):
    count: Count
    promised: int | None = None  # of 100, at most


def changed(stage: str, member: str) -> Count:
    return lambda plain, found: (plain.of(stage, member) != found.of(stage, member), 1)


def gone(of: Callable[[Answered], list]) -> Count:
    return lambda plain, found: (missing(of(plain), of(found)), len(of(plain)))


def come(of: Callable[[Answered], list]) -> Count:
    return lambda plain, found: (missing(of(found), of(plain)), len(of(found)))


def elsewhere(plain: Answered, found: Answered) -> tuple[int, int]:
    """Neither in the same queue nor in one where a person reads it."""
    queue = found.of("route", "queue")
    return queue != plain.of("route", "queue") and queue not in PERSONS, 1


# What is written otherwise may be chosen otherwise, within a word limit; what must not be said may not hide.
LOSSES = {
    "type": Column(changed("classify", "type"), 10),
    "urgency": Column(changed("classify", "urgency"), 10),
    "queue": Column(changed("route", "queue"), 15),
    "values": Column(gone(Answered.values), 10),
    "sentences": Column(gone(Answered.sentences), 25),
    "rules": Column(gone(Answered.rules), 5),
    "… that no model reads": Column(gone(Answered.set_rules)),
}
GAINS = {
    "values, of those found": Column(come(Answered.values)),
    "texts with a further rule": Column(lambda plain, found: (missing(found.rules(), plain.rules()) > 0, 1)),
    "completed or held otherwise": Column(lambda plain, found: (plain.outcome != found.outcome, 1), 10),
    "the injected order in the summary": Column(lambda _, found: (found.obeys("summary"), 1)),
    "… as what is asked": Column(lambda _, found: (found.obeys("ask"), 1)),
}
# The models read English: of other languages only what has a form is promised, and that it is said which one it is.
LANGUAGES = {
    "type": Column(changed("classify", "type")),
    "queue": Column(changed("route", "queue")),
    "queue, and no person's": Column(elsewhere),
    "values with a form": Column(gone(Answered.structured), 10),
    "… order numbers": Column(gone(Answered.orders)),
    "their rules": Column(gone(Answered.structured_rules), 10),
    "language not named": Column(lambda _, found: (found.of("summarize", "language") != found.written_in, 1), 10),
}


class Table:
    """Markdown, printed as its rows come."""

    def __init__(self, title: str, first: str, columns: dict[str, Column]):
        self._columns = columns
        names = [name if one.promised is None else f"{name} ≤ {one.promised}" for name, one in columns.items()]
        heads = [first, "answered", *names, "slowest ms"]
        print(f"\n{title}\n\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}", flush=True)

    def row(self, name: str, plain: list[Answered], found: list[Answered], draws: "Draws") -> list[str]:
        """What is not held in it. A text that is not answered is counted as that and as nothing else."""
        both = [one.stages is not None and other.stages is not None for one, other in zip(plain, found)]
        cells, broken = [f"{sum(both)} of {len(found)}"], []
        if not all(both):
            cells[0] = f"**{cells[0]}**"
            broken.append(f"{name}: {sum(both)} of {len(found)} answered")
        for title, column in self._columns.items():
            counts = [column.count(a, b) if answered else (0, 0) for a, b, answered in zip(plain, found, both)]
            many, of = (sum(part) for part in zip(*counts))
            passed = column.promised is not None and 100 * many > column.promised * of
            cells.append(f"**{draws.cell(counts)}**" if passed else draws.cell(counts))
            if passed:
                broken.append(f"{name}, {title}: {many} of {of}, {column.promised} of 100 promised")
        print(f"| {' | '.join([name, *cells, slowest(found)])} |", flush=True)
        return broken


class Draws:
    """How often each text is drawn, in each of many draws of as many texts as there are; all `times` of a text that comes so often, in as
    many languages, together."""

    def __init__(self, texts: int, times: int = 1):
        self._drawn = np.tile(np.random.default_rng(0).multinomial(texts, [1 / texts] * texts, size=2000), times)

    def cell(self, counts: list[tuple[int, int]]) -> str:
        """The share of 100 and its interval. Texts with nothing to lose have their part in neither."""
        many, of = np.array(counts, dtype=float).T
        if not of.any():
            return "–"
        share = f"{100 * many.sum() / of.sum():.0f}"
        if many.sum() in (0, of.sum()):
            return share
        drawn = self._drawn @ of
        shares = 100 * (self._drawn @ many)[drawn > 0] / drawn[drawn > 0]
        low, high = np.percentile(shares, [2.5, 97.5])
        return f"{share} ({low:.0f}–{high:.0f})"


def slowest(answers: list[Answered]) -> str:
    return f"{max(one.ms for one in answers):.0f}"


if __name__ == "__main__":
    main()
