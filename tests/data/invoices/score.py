#!/usr/bin/env python3
"""Holds what `extract` reads of the invoices against what is right: exact match by field, with intervals.

    python score.py FOLDER [--split dev] [--scans] [--program target/release/fleetwright] [--wrong]

FOLDER is what make.py wrote. Each file goes through `fleetwright run` with tests/fleets/invoices.toml: component, sandbox,
wasi-nn. Intervals are 95 %, by drawing whole invoices anew. With `--public FOLDER` the public invoices of invoice2data are read
instead, those fields that their expected values give. Plain Python.
"""

import argparse
import json
import random
import re
import subprocess
from pathlib import Path

FIELDS = ["issuer", "number", "date", "due_date", "total", "tax", "currency"]
ROOT = Path(__file__).resolve().parents[3]
DRAWS = 2000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--split", default="dev", choices=["dev", "test"])
    arguments.add_argument("--scans", action="store_true", help="the scans instead of the text PDFs")
    arguments.add_argument("--public", action="store_true", help="FOLDER holds the files of invoice2data")
    arguments.add_argument("--program", type=Path, default=ROOT / "target/release/fleetwright")
    arguments.add_argument("--state", type=Path, default=ROOT / ".fleetwright", help="where pulled models and compiled components lie")
    arguments.add_argument("--wrong", action="store_true", help="tell each field that is wrong")
    options = arguments.parse_args()
    rows = public(options.folder) if options.public else own(options)
    answers = run(options, [row["file"] for row in rows])
    marks = [marked(row, answer, options.wrong) for row, answer in zip(rows, answers)]
    show("field", "right", "of", "share")
    for field in FIELDS:
        show_share(field, [mark.get(field) for mark in marks])
    show_share("all fields", [right for mark in marks for right in mark.values()], [list(mark.values()) for mark in marks])
    layouts = sorted({row["layout"] for row in rows})
    for layout in layouts if len(layouts) > 1 else []:
        show_share(layout, [right for row, mark in zip(rows, marks) if row["layout"] == layout for right in mark.values()])
    spent = [answer["stages"]["extract"]["ms"] for answer in answers]
    for part in ("total", "guest"):
        times = sorted(ms[part] for ms in spent)
        print(f"{part}: p50 {times[len(times) // 2]:.0f} ms, most {times[-1]:.0f} ms")


def own(options: argparse.Namespace) -> list:
    lines = (options.folder / f"{options.split}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows:
        path = options.folder / row["file"]
        row["file"] = path.with_name(f"{path.stem}-scan.pdf") if options.scans else path
    return rows


def public(folder: Path) -> list:
    """What invoice2data expects, in this project's terms; a field that it does not give is not asked."""
    names = {"issuer": "issuer", "invoice_number": "number", "date": "date", "amount": "total", "currency": "currency"}
    rows = []
    for path in sorted(folder.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        found = found[0] if isinstance(found, list) else found
        wanted = {names[key]: value for key, value in found.items() if key in names}
        if "date" in wanted:
            wanted["date"] = iso(str(wanted["date"]))
        if "total" in wanted:
            wanted["total"] = f"{float(wanted['total']):.2f}"
        rows.append({"file": path.with_suffix(".pdf"), "layout": path.stem, "invoice": wanted})
    return rows


def iso(text: str) -> str:
    day = re.fullmatch(r"(\d{2})/(\d{2})/(\d{4})", text)
    return f"{day[3]}-{day[2]}-{day[1]}" if day else text[:10]


def run(options: argparse.Namespace, files: list) -> list:
    """The answers, in order."""
    words = [options.program, "run", "--fleet", ROOT / "tests/fleets/invoices.toml", "--plugins", ROOT / "plugins", "--models", ROOT / "models"]
    words += ["--state", options.state, "--deadline", "5m", "--json", *files]
    ended = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    if len(lines) != len(files):
        raise SystemExit(f"{len(lines)} answers for {len(files)} files:\n{ended.stderr[-2000:]}")
    return lines


def marked(row: dict, answer: dict, tell: bool) -> dict:
    stage = answer["stages"]["extract"]
    found = (stage.get("answer") or {}).get("invoice") or {}
    marks = {}
    for field, wanted in row["invoice"].items():
        marks[field] = found.get(field) == wanted
        if tell and not marks[field]:
            print(f"{row['file'].name}: {field} is {wanted!r}, read {found.get(field)!r}")
    if tell and stage.get("answer") is None:
        print(f"{row['file'].name}: {stage}")
    return marks


def show_share(name: str, marks: list, groups: list | None = None) -> None:
    marks = [mark for mark in marks if mark is not None]
    groups = groups or [[mark] for mark in marks]
    own = random.Random(0)
    shares = []
    for _ in range(DRAWS):
        drawn = [mark for group in own.choices(groups, k=len(groups)) for mark in group] if groups else []
        shares.append(sum(drawn) / max(1, len(drawn)))
    shares.sort()
    low, high = shares[int(0.025 * DRAWS)], shares[int(0.975 * DRAWS)]
    show(name, sum(marks), len(marks), f"{sum(marks) / max(1, len(marks)):.3f} ({low:.3f}–{high:.3f})")


def show(*cells) -> None:
    print(f"{cells[0]:<12} {cells[1]:>6} {cells[2]:>5}  {cells[3]}")


if __name__ == "__main__":
    main()
