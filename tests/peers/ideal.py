"""The limit: the models' own work of all requests in a loop over bare onnxruntime, equal work once, at the best batching.

What the encoder, the heads, the tagger, the scorer and the screen are asked is gathered before the clock runs: no tokenizing, no rules, no
HTTP, no JSON. Inputs that are equal within a request are computed once. Rows are sorted by length over all requests, which no
server can do. Each way of batching is timed; the fastest is the limit. Prints one JSON object.
"""

import json
import sys
import threading
import time

import numpy as np

import letters
import work
import shapes  # noqa: I001  on the path that `work` adds


def gathered() -> tuple:
    """The encoder's rows (ids, and for which stages), how many requests they are of, and how many rows were equal to others of their request."""
    stages = [work.Classify(), work.Extract(), work.Summarize(), work.Comply()]
    rows, asked = [], 0
    items = letters.requests()
    for item in items:
        known = {}
        for stage in stages:
            for ids in stage.prepare(item)[1]:
                known.setdefault(tuple(ids), []).append(stage.name)
                asked += 1
        rows += [(ids, " ".join(dict.fromkeys(names))) for ids, names in known.items()]
    return rows, len(items), asked - len(rows)


def chunks(rows: list, most_rows: int, most_tokens: int) -> list:
    """Rows for the same stages and of like length, bounded in rows and in tokens, padding among them."""
    made = []
    for names in sorted({names for _, names in rows}):
        chunk = []
        for ids in sorted((ids for ids, whose in rows if whose == names), key=len):
            if chunk and (len(chunk) >= most_rows or (len(chunk) + 1) * len(ids) > max(most_tokens, len(ids))):
                made.append((names, chunk))
                chunk = []
            chunk.append(ids)
        made.append((names, chunk))
    return [(names, *work.padded(chunk)) for names, chunk in made if chunk]


class Models:
    def __init__(self):
        names = ("encoder", "heads", "tagger", "scorer", "screen")
        self.encoder, self.heads, self.tagger, self.scorer, self.screen = (work.session(name, as_host=True) for name in names)

    def run(self, names: str, ids: np.ndarray, mask: np.ndarray):
        (read,) = self.encoder.run(["states"], {"input_ids": ids, "attention_mask": mask})
        if "classify" in names:
            self.heads.run(None, {"states": read, "attention_mask": mask})
        if "extract" in names:
            seen = np.zeros((*ids.shape, shapes.SIZE), np.float32)
            self.tagger.run(None, {"states": read, "shapes": seen, "attention_mask": mask})
        if "comply" in names:
            self.screen.run(None, {"states": read, "attention_mask": mask})
        if "summarize" in names:
            self.scorer.run(None, {"features": np.zeros((len(ids), 51), np.float32)})


def timed(models: list, work_: list, seconds: float) -> float:
    """Rounds over all requests a second, one thread for each of `models`."""
    left, lock, rounds = [], threading.Lock(), 0

    def loop(own: Models):
        while True:
            with lock:
                if not left:
                    return
                chunk = left.pop()
            own.run(*chunk)

    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        left.extend(work_)
        threads = [threading.Thread(target=loop, args=(own,)) for own in models]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        rounds += 1
    return rounds / (time.perf_counter() - began)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    rows, requests, saved = gathered()
    one, other = Models(), Models()
    ways, found = {"1 thread": [one], "2 threads": [one, other], "2 threads of one session": [one, one]}, {}
    for way, models in ways.items():
        for most_rows, most_tokens in ((1, 0), (8, 128), (8, 256), (8, 512), (16, 256), (32, 512)):
            work_ = chunks(rows, most_rows, most_tokens)
            timed(models, work_, 0.1)
            found[f"{way}, {most_rows} rows, {most_tokens} tokens"] = requests * timed(models, work_, seconds)
    best = {n: max(v for k, v in found.items() if k.startswith(f"{n} ")) for n in (1, 2)}
    tokens = sum(len(ids) for ids, _ in rows)
    print(
        json.dumps(
            {
                "requests": requests,
                "rows_a_request": len(rows) / requests,
                "tokens_a_request": tokens / requests,
                "equal_rows_left_out": saved,
                "one_thread": best[1],
                "two_threads": best[2],
                "ways": {name: round(rate, 2) for name, rate in found.items()},
            }
        )
    )


if __name__ == "__main__":
    main()
