"""Makes `models/slot-tagger/1.2.0/model.onnx`: the slots of MultiDoGO's four domains, on the states of the shipped trunk.

    python models/slot-tagger/train/train.py --data FOLDER [--judge --out FOLDER]

What ships is trained on the train and dev splits, by what was chosen with `--judge`, which trains on the train split alone and scores dev after
each epoch, at the eight bits that ship. The time that either takes stands in the card. The test split is read by `score.py`, through the
plugin and the host.
"""

import argparse
import resource
import sys
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "recipes"))

import tagging  # noqa: E402
import dialogues  # noqa: E402
import shapes  # noqa: E402
from card import Card  # noqa: E402
from encoder import TOKENS, Encoder, upstream  # noqa: E402
from layers import HIDDEN  # noqa: E402

EPOCHS = 5
# Two branches, each with copies of its own and from a start of its own.
SEEDS = [11, 12]
# How often each conversation comes again with other values in it.
COPIES = 2
# The mean of the weights of about 1,000 steps.
MEAN = 0.999
SMOOTH = 0.05
VERSION = "1.2.0"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--judge", action="store_true", help="train on the train split alone and score dev")
    arguments.add_argument("--out", type=Path, default=ROOT / "slot-tagger" / VERSION, help="folder of model and card")
    options = arguments.parse_args()
    path, encoder = options.out / "model.onnx", Encoder()
    train, dev = (read(options.data, split) for split in ("train", "dev"))
    texts = train if options.judge else train + dev
    labels = tagging.labels_of(dialogues.kinds(texts))
    judge = Judge(encoder, dev, labels, path) if options.judge else None
    texts, branches = learnt(texts, labels), []
    for seed in SEEDS:
        branches.append(trained(encoder, texts, labels, seed, judge))
        tagging.build("slot-tagger", branches, labels, path)
        if judge:
            judge.show(f"branches: {len(branches)}")
    write_card(options.out, labels)
    spent = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{spent.ru_utime + spent.ru_stime:.0f} s of processor, {spent.ru_maxrss / 2**20:.1f} GB")


def learnt(texts: list, labels: list) -> list:
    """The texts with those spans alone whose slot is among the labels."""
    return [tagging.Text(text.text, text.source, [span for span in text.spans if f"B-{span[2]}" in labels]) for text in texts]


class Judge:
    """The dev split, and how a model's spans compare with it. A slot that is not learnt is still wanted: it counts as missed."""

    def __init__(self, encoder: Encoder, texts: list, labels: list, path: Path):
        self.path, self._labels = path, labels
        self._wanted = [text.spans for text in texts]
        self._split = tagging.Tagged(encoder, learnt(texts, labels), labels)

    def branch(self, weights: dict, title: str) -> None:
        tagging.build("slot-tagger", [weights], self._labels, self.path)
        self.show(title)

    def show(self, title: str) -> None:
        found = self._split.spans(self._split.scores(self.path))
        precision, recall, f1, _ = tagging.measure(self._wanted, found)
        parts = []
        for domain in dialogues.DOMAINS:
            chosen = [place for place, text in enumerate(self._split.texts) if text.source == domain]
            own = tagging.measure([self._wanted[place] for place in chosen], [found[place] for place in chosen])
            parts.append(f"{domain} {own[2]:.4f}")
        print(f"{title}: P {precision:.4f} R {recall:.4f} F1 {f1:.4f} | {' '.join(parts)}", flush=True)


def trained(encoder: Encoder, texts: list, labels: list, seed: int, judge: Judge | None) -> dict:
    """The weights of one branch."""
    random = np.random.default_rng(seed)
    copies = [copy for _ in range(COPIES) for copy in dialogues.varied(texts, random)]
    split = tagging.Tagged(encoder, texts + copies, labels)
    print(f"seed {seed}: {len(split.texts)} conversations, {split.lengths.sum()} tokens", flush=True)
    began, last = time.process_time(), {}

    def after(weights: dict, epoch: int) -> bool:
        last.update(weights)
        title = f"epoch {epoch}, {time.process_time() - began:.0f} s of processor"
        if judge:
            judge.branch(weights, title)
        else:
            print(title, flush=True)
        return True

    start = tagging.fresh(load_file(upstream() / "model.safetensors"), labels, seed)
    tagging.train(start, split, tagging.Recipe(labels, EPOCHS, mean=MEAN, smooth=SMOOTH, seed=seed), after)
    return last


def read(data: Path, split: str) -> list:
    return [text for domain in dialogues.DOMAINS for text in dialogues.read(data, domain, split)]


def write_card(folder: Path, labels: list) -> None:
    card = Card(
        name="slot-tagger",
        version=VERSION,
        summary="Marks what customers tell in a chat: names, numbers of accounts and cards, dates, sums and others, by MultiDoGO's slots",
        licence="Apache-2.0",
        source="trained by models/slot-tagger/train/train.py on minilm 1.0.0; data and licences in card.md",
    )
    card.input("states", "f32", ["batch", "tokens", HIDDEN])
    card.input("shapes", "f32", ["batch", "tokens", shapes.SIZE])
    card.input("attention_mask", "i64", ["batch", "tokens"], pad=0)
    card.output("tags", ["batch", "tokens", len(labels)], labels)
    card.batch(length="tokens", most=8)
    card.limit("tokens", TOKENS)
    card.halved(folder)
    card.write(folder)


if __name__ == "__main__":
    main()
