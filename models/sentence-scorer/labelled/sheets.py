"""Writes what a reader needs to judge the shipped fleet's summaries, or says what the readers found.

    python models/sentence-scorer/labelled/sheets.py --data FOLDER --out FOLDER [--split test] [--threads 100]
    python models/sentence-scorer/labelled/sheets.py --data FOLDER --told

The threads are the first of ConvoSumm's e-mail; each goes through `fleetwright run` as a submission. A sheet has ten threads, with the summary
after each. `read.tsv` keeps, by thread and digest of what was told, what two readers said by `guide.md` (`_a`, `_b`) and what was
settled. `--told` makes the summaries anew and says which of them are still those that were read, how far the readers agree, and the rates of what was
settled, with 95 % bootstrap intervals. Nothing of the threads is kept here.
"""

import argparse
import csv
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "models" / "recipes"))

import eval_data  # noqa: E402

LABELS = ["faithful", "whole", "ask", "agreed", "open"]
A_SHEET = 10
RESAMPLES = 1000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--split", default="test", choices=["dev", "test"])
    arguments.add_argument("--threads", type=int, default=100)
    arguments.add_argument("--program", type=Path, default=ROOT / "target/release/fleetwright")
    arguments.add_argument("--state", type=Path, default=ROOT / ".fleetwright", help="where pulled models and compiled components lie")
    what = arguments.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, help="folder to write the sheets into")
    what.add_argument("--told", action="store_true", help="say what the readers found")
    options = arguments.parse_args()
    threads = read(options)
    answers = summaries(options, threads)
    if options.told:
        tell(answers)
    else:
        write(options.out, threads, answers)


def read(options: argparse.Namespace) -> list:
    """The threads as submissions: `subject`, and `messages` of `from` and `body`."""
    of = argparse.Namespace(data=options.data, split=options.split, name="convosumm", at=None, stage=None)
    samples = list(eval_data.convosumm(of))[1:]
    return [sample["fields"] for sample in samples[: options.threads]]


def summaries(options: argparse.Namespace, threads: list) -> list:
    """What the fleet's `summarize` answers to each thread."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{place:04}.json" for place in range(len(threads))]
        for path, thread in zip(paths, threads):
            path.write_text(json.dumps(thread), encoding="utf-8")
        command = [options.program, "run", "--json", "--fleet", ROOT / "fleet.toml", "--state", options.state, *paths]
        made = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line)["stages"]["summarize"]["answer"] for line in made.splitlines()]


def digest(answer: dict) -> str:
    told = [answer[name] for name in ("summary", "ask", "agreed", "open")]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def write(out: Path, threads: list, answers: list) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for first in range(0, len(threads), A_SHEET):
        pairs = list(zip(threads, answers))[first : first + A_SHEET]
        texts = [sheet(first + place, thread, answer) for place, (thread, answer) in enumerate(pairs)]
        (out / f"{first // A_SHEET:02}.txt").write_text("\n".join(texts), encoding="utf-8")
    print(f"{len(threads)} threads, {len(list(out.iterdir()))} sheets")


def sheet(place: int, thread: dict, answer: dict) -> str:
    rule = "=" * 100
    parts = [rule, f"THREAD {place} {digest(answer)}   subject: {thread['subject']}", rule]
    for number, message in enumerate(thread["messages"]):
        parts += [f"--- message {number}, from {message['from']}", message["body"]]
    parts += [f"### told of thread {place}", f"summary: {answer['summary']}"]
    parts += [f"{name}: {answer[name] or '-'}" for name in ("ask", "agreed", "open")]
    return "\n".join([*parts, ""])


def tell(answers: list) -> None:
    import numpy as np
    from sklearn.metrics import cohen_kappa_score

    with open(HERE / "read.tsv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    same = sum(digest(answers[int(row["thread"])]) == row["told"] for row in rows)
    print(f"{len(rows)} summaries were read; {same} of them are what the fleet tells now")
    draws = np.random.default_rng(1)
    for label in LABELS:
        pairs = [(row[f"{label}_a"], row[f"{label}_b"]) for row in rows]
        equal = sum(one == other for one, other in pairs)
        kappa = cohen_kappa_score(*zip(*pairs)) if len({value for pair in pairs for value in pair}) > 1 else float("nan")
        print(f"{label:<9} readers equal in {equal} of {len(rows)}, kappa {kappa:.2f}")
        settled = [row[label].split(",") for row in rows]
        shares = {value: [value in values for values in settled] for value in sorted({one for values in settled for one in values})}
        if "none" in shares:
            shares["right or none"] = [right or none for right, none in zip(shares["right"], shares["none"])]
        for value, held in shares.items():
            held = np.array(held)
            drawn = [held[draws.integers(0, len(held), len(held))].mean() for _ in range(RESAMPLES)]
            low, high = np.percentile(drawn, [2.5, 97.5])
            print(f"  {value:<16} {held.sum():>3}  {held.mean():.2f} ({low:.2f}–{high:.2f})")


if __name__ == "__main__":
    main()
