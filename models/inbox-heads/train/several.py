"""What becomes of letters that ask for two things: two of the project's letters as one, through the whole fleet.

    python models/inbox-heads/train/several.py [--split dev] [--program target/release/fleetwright]

Each letter goes through `fleetwright run` alone; then pairs whose letters go to different queues alone go as one letter. A pair is
**whole** where it reaches both queues, or a person; **half** where it reaches one of them only; a queue that neither letter
reaches alone is **stray**. Of letters alone, those that reach a second queue are told, to be read. Plain Python.
"""

import argparse
import csv
import json
import random
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PEOPLE = "human-review"
SEED = 3
PAIRS = 200


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--split", default="dev", choices=["dev", "test"])
    arguments.add_argument("--program", type=Path, default=ROOT / "target/release/fleetwright")
    arguments.add_argument("--state", type=Path, default=ROOT / ".fleetwright", help="where pulled models and compiled components lie")
    arguments.add_argument("--told", action="store_true", help="print the letters that reach a second queue alone")
    options = arguments.parse_args()
    letters = read(options.split)
    alone = routes(options, letters)
    twice = [(letter, found) for letter, found in zip(letters, alone) if len(found) > 1]
    print(f"{len(letters)} letters alone: {len(twice)} reach a second queue ({len(twice) / len(letters):.3f})")
    for letter, found in twice if options.told else []:
        print(f"  {found}: {' '.join(letter.split())}")
    pairs = drawn(letters, [found[0] for found in alone])
    together = routes(options, [f"{letters[one]}\n\n{letters[other]}" for one, other in pairs])
    report([{alone[one][0], alone[other][0]} for one, other in pairs], together)


def read(split: str) -> list:
    """The bodies of letters of a few lines, without greeting and closing of their own as far as they have none."""
    with open(Path(__file__).with_name("written.tsv"), encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["split"] == split]
    return [row["body"].replace("\\n", "\n") for row in rows if row["type"] != "other" and len(row["body"].split()) < 60]


def routes(options: argparse.Namespace, letters: list) -> list:
    """For each letter the queues that it reaches, the first one first."""
    answers = [stages["route"]["answer"] for stages in answered(options, ROOT / "fleet.toml", letters)]
    return [[answer["queue"], *(also["queue"] for also in answer["also"])] for answer in answers]


def answered(options: argparse.Namespace, fleet: Path, letters: list) -> list:
    """What each stage of a fleet says of each letter, over the repository's plugins and models."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{place:04}.json" for place in range(len(letters))]
        for path, letter in zip(paths, letters):
            path.write_text(json.dumps({"body": letter}), encoding="utf-8")
        command = [options.program, "run", "--json", "--fleet", fleet, "--plugins", ROOT / "plugins", "--models", ROOT / "models"]
        made = subprocess.run([*command, "--state", options.state, *paths], check=True, capture_output=True, text=True).stdout
    # Not by `splitlines`, which ends a line at marks that a letter may have.
    return [json.loads(line)["stages"] for line in made.split("\n") if line]


def drawn(letters: list, queues: list) -> list:
    """Pairs of letters that reach different queues alone, and no person."""
    draws, pairs = random.Random(SEED), []
    able = [place for place, queue in enumerate(queues) if queue != PEOPLE]
    while len(pairs) < PAIRS:
        one, other = draws.sample(able, 2)
        if queues[one] != queues[other]:
            pairs.append((one, other))
    return pairs


def report(wanted: list, found: list) -> None:
    people = sum(PEOPLE in queues for queues in found)
    whole = sum(wants <= set(queues) and PEOPLE not in queues for wants, queues in zip(wanted, found))
    stray = sum(bool(set(queues) - wants - {PEOPLE}) for wants, queues in zip(wanted, found))
    first = sum(queues[0] in wants for wants, queues in zip(wanted, found))
    count = len(wanted)
    print(f"{count} pairs: both queues {whole / count:.3f}, a person {people / count:.3f}, a stray queue {stray / count:.3f}, "
          f"the first queue is one of the two {first / count:.3f}")


if __name__ == "__main__":
    main()
