"""What a small generative model makes of ConvoSumm's threads, behind a gate, beside the shipped summaries and the first sentences.

    python models/sentence-scorer/train/generative.py --data FOLDER [--split val] [--threads 150] [--program target/release/fleetwright]

It needs a host that `cargo xtask generative` built. Each thread goes to `generate` with SmolLM2-135M, as much of it as its context
holds, and to the shipped `summarize`; what is generated is cut after its last whole sentence within 60 words. The **gate** lets it pass
where every name, number and negation in it has its like in the thread; where it does not, the shipped summary is told. Nothing is
trained. ROUGE is on words, as in `rouge.py`; differences are of the same threads.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "recipes"))

from features import tokens  # noqa: E402
from rouge import Reference  # noqa: E402
from threads import convosumm  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
WORDS = 60
# Of the model's 1,024 tokens some 200 are the prompt's and the answer's.
CHARACTERS = 2800
FLEET = """schema = 1
name   = "summaries"

[submission]
fields = ["subject", "body", "from", "messages", "thread"]

[defaults.limits]
deadline = "10m"

[models.writer]
use = "smollm2@1"
run = "10m"
threads = 1
[models.encoder]
use = "minilm-trunk@1"
[models.scorer]
use = "sentence-scorer@3"

[[stage]]
name   = "write"
plugin = "generate@1"
needs  = []
reads  = ["thread"]
models = { writer = "writer" }
config = { system = "You summarize e-mail threads.", prompt = "Summarize this thread in two or three whole sentences, in sixty words at most: who asks what, what was agreed, what is open.\\n\\n{thread}", tokens = 96 }

[[stage]]
name   = "summarize"
plugin = "summarize@3"
needs  = []
reads  = ["subject", "body", "from", "messages"]
models = { encoder = "encoder", scorer = "scorer" }
limits = { cpu = "20s" }
"""
NEGATION = re.compile(r"\b(no|not|never|none|nothing|nobody|cannot|without)\b|n['’]t\b", re.I)
# Words that begin sentences of summaries and name nobody.
OPENING = set("the this that these those a an it its he she they we i in on at as for from to of by with and but or if when after there his her their some all one two both".split())


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--split", default="val", choices=["val", "test"])
    arguments.add_argument("--threads", type=int, default=150, help="how many of them")
    arguments.add_argument("--shown", type=int, default=0, help="how many of the generated texts are printed")
    arguments.add_argument("--program", type=Path, default=ROOT / "target/release/fleetwright")
    arguments.add_argument("--state", type=Path, default=ROOT / ".fleetwright", help="where pulled models lie")
    options = arguments.parse_args()
    threads = convosumm(options.data, options.split)[: options.threads]
    answers = written(options, threads)
    told = [whole(answer["write"]["answer"]["text"]) for answer in answers]
    shipped = [answer["summarize"]["answer"]["summary"] for answer in answers]
    passed = [passes(text, thread) for text, thread in zip(told, threads)]
    gated = [one if ok else other for one, other, ok in zip(told, shipped, passed)]
    base = scored(shipped, threads)
    report("first sentences", scored([first(thread) for thread in threads], threads))
    report("shipped", base)
    report("generated", scored(told, threads))
    report("generated where it passes the gate, else shipped", scored(gated, threads))
    report("… less shipped", scored(gated, threads) - base)
    print(f"of {len(threads)} pass {sum(passed)}; no whole sentence in {sum(not text for text in told)}")
    for text, ok, thread in list(zip(told, passed, threads))[: options.shown]:
        print(f"{'passes' if ok else 'does not pass'}: {thread['subject']}: {text}")


def shown(thread: dict) -> str:
    parts = [f"{message['from']}: {' '.join(message['body'].split())}" for message in thread["messages"]]
    return f"Subject: {thread['subject']}\n\n" + "\n\n".join(parts)[:CHARACTERS]


def written(options: argparse.Namespace, threads: list) -> list:
    """The stages' answers to each thread."""
    with tempfile.TemporaryDirectory() as folder:
        fleet = Path(folder) / "fleet.toml"
        fleet.write_text(FLEET, encoding="utf-8")
        paths = [Path(folder) / f"{place:04}.json" for place in range(len(threads))]
        for path, thread in zip(paths, threads):
            fields = {"subject": thread["subject"], "messages": thread["messages"], "thread": shown(thread)}
            path.write_text(json.dumps(fields), encoding="utf-8")
        command = [options.program, "run", "--json", "--fleet", fleet, "--plugins", ROOT / "plugins", "--models", ROOT / "models"]
        made = subprocess.run([*command, "--state", options.state, "--deadline", "10m", *paths], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line)["stages"] for line in made.split("\n") if line]


def sentences(text: str) -> list:
    return [part for part in re.split(r"(?<=[.!?])\s+", " ".join(text.split())) if part]


def whole(text: str) -> str:
    """The whole sentences of a text that 60 words hold."""
    kept = []
    for sentence in sentences(text):
        if sentence[-1] not in ".!?" or len(" ".join([*kept, sentence]).split()) > WORDS:
            break
        kept.append(sentence)
    return " ".join(kept)


def first(thread: dict) -> str:
    return whole(" ".join(message["body"] for message in thread["messages"]))


def passes(text: str, thread: dict) -> bool:
    """Whether each name and number stands in the thread, and each negation has one there."""
    source = " ".join([thread["subject"], *(f"{message['from']} {message['body']}" for message in thread["messages"])])
    known, numbers = set(tokens(source)), set(re.findall(r"\d+", source))
    # What begins a sentence has a capital, be it a name or not: such a word must stand in the thread or be one of these.
    names = {token for word in re.findall(r"\b[A-Z][\w-]*", text) for token in tokens(word)} - OPENING
    named = names <= known and set(re.findall(r"\d+", text)) <= numbers
    denied = not NEGATION.search(text) or bool(NEGATION.search(source))
    return bool(text) and named and denied


def scored(told: list, threads: list) -> np.ndarray:
    """ROUGE-1, -2 and -L of each thread: by its best reference."""
    best = lambda text, thread: max((Reference(one).score(tokens(text)) for one in thread["summaries"]), key=lambda found: found.sum())  # noqa: E731
    return np.array([best(text, thread) for text, thread in zip(told, threads)])


def report(name: str, scores: np.ndarray) -> None:
    """The mean over threads, with a 95 % bootstrap interval."""
    random = np.random.default_rng(0)
    draws = np.array([scores[random.integers(len(scores), size=len(scores))].mean(axis=0) for _ in range(1000)])
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    print(f"{name}: " + " / ".join(f"{100 * mean:.1f} ({100 * least:.1f}–{100 * most:.1f})" for mean, least, most in zip(scores.mean(axis=0), low, high)))


if __name__ == "__main__":
    main()
