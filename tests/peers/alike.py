"""Holds what the peers have the encoder read against what this host has it read, request by request: rows, and tokens of distinct rows.

    target/peers/bare/bin/python tests/peers/alike.py

Wants `run.py setup bare` and what `run.py` wants of the host. Ends with 1 where they differ.
"""

import urllib.request

import letters
import run
import work

ENCODER = 'model="minilm-trunk"'
COUNTED = {"tokens": "fleetwright_model_tokens_total", "rows": "fleetwright_model_batch_rows_sum"}


def read_by_host(url: str) -> dict:
    """What the encoder has read since the host began."""
    lines = urllib.request.urlopen(f"{url}/metrics", timeout=10).read().decode().splitlines()
    return {
        what: sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(metric) and ENCODER in line)
        for what, metric in COUNTED.items()
    }


def read_by_peers(stages: list, item: dict) -> dict:
    rows = {tuple(ids) for stage in stages for ids in stage.prepare(item)[1]}
    return {"tokens": sum(map(len, rows)), "rows": len(rows)}


def main() -> None:
    serving, _ = run.started("fleetwright")
    stages = [work.Classify(), work.Extract(), work.Summarize(), work.Comply()]
    total, differing = 0, 0
    try:
        bodies = serving.bodies.read_bytes().splitlines()
        before = read_by_host(serving.url)
        for number, (body, item) in enumerate(zip(bodies, letters.requests(), strict=True)):
            if not run.answers(serving.url + serving.path, body):
                raise SystemExit(f"request {number} had no answer")
            after = read_by_host(serving.url)
            ours = {what: after[what] - before[what] for what in COUNTED}
            theirs, before = read_by_peers(stages, item), after
            total += theirs["tokens"]
            if ours != theirs:
                differing += 1
                print(f"request {number}: the host's encoder read {ours}, the peers' {theirs}")
    finally:
        serving.end()
    print(f"{len(bodies) - differing} of {len(bodies)} requests are read alike; {total} tokens")
    raise SystemExit(differing > 0)


if __name__ == "__main__":
    main()
