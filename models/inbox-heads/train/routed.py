"""Where letters go by the shipped table: how many a floor leaves to a person, and how many of the rest reach another queue than their
labels would; and what proposals would change where the table is silent.

    python models/inbox-heads/train/routed.py --data FOLDER [--split dev] [--program target/release/fleetwright]

Each text goes through `fleetwright run` with a floor of 0. The queue that is right is what the table gives for the labelled type and
urgency. `dev` is what dev has of real text, `test` the hand-labelled test set; floors and proposals are chosen on dev.
"""

import argparse
import csv
import re
import sys
import tempfile
import tomllib
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT / "models/recipes"), str(HERE), str(HERE.parent / "labelled")]

import evaluate  # noqa: E402
import examples  # noqa: E402
import report  # noqa: E402
import sample  # noqa: E402
import several  # noqa: E402

FLOORS = (0.0, 0.4, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9)
PROPOSED = (0.1, 0.2, 0.3, 0.4)
REAL = {"written", "marked", "convosumm"}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--split", default="dev", choices=["dev", "test"])
    arguments.add_argument("--program", type=Path, default=ROOT / "target/release/fleetwright")
    arguments.add_argument("--state", type=Path, default=ROOT / ".fleetwright", help="where pulled models and compiled components lie")
    options = arguments.parse_args()
    table = tomllib.loads((ROOT / "fleet.toml").read_text(encoding="utf-8"))["stage"][1]["config"]
    rows = labelled(options.data, options.split)
    found = answers(options, [text for text, *_ in rows])
    wanted = [queue(table, kind, urgency) for _, kind, urgency in rows]
    curve(found, wanted)
    proposals(table, found, wanted)


def labelled(data: Path, split: str) -> list:
    """Texts with type and urgency."""
    if split == "dev":
        rows = [row for row in examples.gather(data, "dev") if row.source.split()[0] in REAL]
        return [(row.text, row.type, row.urgency) for row in rows if row.type and row.urgency]
    with open(HERE.parent / "labelled/rows.tsv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    known = {(source, str(at)): text for source, at, text in sample.chosen(data)}
    return [(evaluate.text(row, known), row["type"], row["urgency"]) for row in rows]


def queue(table: dict, kind: str, urgency: str) -> str:
    """What the shipped table says: its conditions compare type and urgency alone, and read so they are Python."""
    for rule in table["rules"]:
        condition = re.sub(r"classify\.(type|urgency)", r"\1", rule["when"]).replace("&&", "and")
        if eval(condition, {"__builtins__": {}}, {"type": kind, "urgency": urgency}):  # noqa: S307 — the project's own file
            return rule["queue"]
    return table["default"]["queue"]


def answers(options: argparse.Namespace, texts: list) -> list:
    """What `classify` and `route` answer with a floor of 0."""
    manifest = (ROOT / "fleet.toml").read_text(encoding="utf-8")
    lowered = re.sub(r"(?m)^floor\s*=.*$", "floor = 0.0", manifest, count=1)
    with tempfile.TemporaryDirectory() as folder:
        fleet = Path(folder) / "fleet.toml"
        fleet.write_text(lowered, encoding="utf-8")
        stages = several.answered(options, fleet, texts)
    return [(each["classify"]["answer"], each["route"]["answer"]) for each in stages]


def curve(found: list, wanted: list) -> None:
    sure = np.array([classified["type_confidence"] for classified, _ in found])
    right = np.array([routed["queue"] == want for (_, routed), want in zip(found, wanted)])
    print(f"{len(wanted)} texts; floor | to a queue | of these to another than the right one")
    for floor in FLOORS:
        kept = sure >= floor
        low, high = report.interval(right[kept], np.mean)
        print(f"  {floor:.2f} | {kept.mean():.3f} | {1 - right[kept].mean():.3f} ({1 - high:.3f}–{1 - low:.3f})")


def proposals(table: dict, found: list, wanted: list) -> None:
    """Where no rule matches, and the type is as sure as the shipped floor: the queue of the next likely type, if it is as sure as asked
    for, in place of the default."""
    sure = [classified["type_confidence"] >= table["floor"] for classified, _ in found]
    silent = [at for at, (_, routed) in enumerate(found) if sure[at] and routed["decided_by"] == "default"]
    stay = [wanted[at] == table["default"]["queue"] for at in silent]
    print(f"{len(silent)} where the table is silent; the default is right in {sum(stay)}")
    for least in PROPOSED:
        fires, better, worse = 0, 0, 0
        for at in silent:
            classified = found[at][0]
            others = (other for other in classified["alternatives"] if other["type"] != classified["type"] and other["confidence"] >= least)
            named = (queue(table, other["type"], classified["urgency"]) for other in others)
            proposed = next((name for name in named if name != table["default"]["queue"]), None)
            fires += proposed is not None
            better += proposed == wanted[at]
            worse += proposed is not None and wanted[at] == table["default"]["queue"]
        print(f"  as sure as {least:.1f}: proposed {fires}, right where the default is not {better}, wrong where the default is right {worse}")


if __name__ == "__main__":
    main()
