#!/usr/bin/env python3
"""Exact spans of MultiDoGO's slots, through the real path: `extract` in its sandbox, wasi-nn, eight bits.

    python models/slot-tagger/train/score.py --data FOLDER [--split test] [--program target/release/fleetwright]

A conversation is one submission: the customer's sentences, a line each. What stands there is held against the published labels;
a span is right where both ends and the slot are. Intervals are 95 %, by drawing whole conversations anew.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "models" / "recipes"))

import tagging  # noqa: E402
import dialogues  # noqa: E402


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--split", default="dev", choices=["dev", "test"])
    arguments.add_argument("--program", type=Path, default=ROOT / "target/release/fleetwright")
    arguments.add_argument("--state", type=Path, default=ROOT / ".fleetwright", help="where the library and compiled components lie")
    options = arguments.parse_args()
    texts = [text for domain in dialogues.DOMAINS for text in dialogues.read(options.data, domain, options.split)]
    found = spans(options, texts)
    wanted = [text.spans for text in texts]
    for domain in [*dialogues.DOMAINS, "all"]:
        chosen = [place for place, text in enumerate(texts) if domain in (text.source, "all")]
        part = tagging.measure([wanted[place] for place in chosen], [found[place] for place in chosen])
        low, high = tagging.interval(part[3])
        print(f"{domain:<10} {part[3][:, 2].sum():>5} spans  P {part[0]:.3f}  R {part[1]:.3f}  F1 {part[2]:.3f} ({low:.3f}–{high:.3f})")
    kinds = sorted({kind for spans in wanted for _, _, kind in spans})
    for kind in kinds:
        only = [[[span for span in spans if span[2] == kind] for spans in side] for side in (wanted, found)]
        part = tagging.measure(*only)
        if part[3][:, 2].sum() >= 20:
            print(f"  {kind:<28} {part[3][:, 2].sum():>5}  P {part[0]:.3f}  R {part[1]:.3f}  F1 {part[2]:.3f}")


def spans(options: argparse.Namespace, texts: list) -> list:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = []
        for place, text in enumerate(texts):
            files.append(folder / f"{place}.json")
            files[-1].write_text(json.dumps({"body": text.text}), encoding="utf-8")
        words = [options.program, "run", "--fleet", ROOT / "tests/fleets/multidogo.toml", "--plugins", ROOT / "plugins", "--models", ROOT / "models"]
        words += ["--state", options.state, "--json", *files]
        ended = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    if len(lines) != len(texts):
        raise SystemExit(f"{len(lines)} answers for {len(texts)} conversations:\n{ended.stderr[-2000:]}")
    return [slots(text.text, line) for text, line in zip(texts, lines)]


def slots(text: str, outcome: dict) -> list:
    """The slots of an answer, in characters."""
    before = np.cumsum([0, *(len(c.encode()) for c in text)])
    found = []
    for entity in outcome["stages"]["extract"]["answer"]["entities"]:
        if entity["kind"] == "slot":
            start, end = (int(np.searchsorted(before, entity["where"][side])) for side in ("start", "end"))
            found.append((start, end, entity["label"]))
    return found


if __name__ == "__main__":
    main()
