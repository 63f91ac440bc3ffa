"""Makes `models/slot-tagger/1.1.0/model.onnx`: the slots of MultiDoGO's four domains, on the states of the shipped trunk.

    python models/slot-tagger/train/train.py --data FOLDER

35 minutes of processor and 3 GB on one thread. After each epoch the dev split is scored, at the eight bits that ship. The test split is read
by `score.py`, through the plugin and the host.
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
FOLDER = ROOT / "slot-tagger" / "1.1.0"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    options = arguments.parse_args()
    texts = {split: read(options.data, split) for split in ("train", "dev")}
    kinds = dialogues.kinds(texts["train"])
    labels = tagging.labels_of(kinds)
    # A slot that is not learnt is still wanted on dev: it counts as missed.
    wanted = [list(text.spans) for text in texts["dev"]]
    for text in [*texts["train"], *texts["dev"]]:
        text.spans = [span for span in text.spans if span[2] in kinds]
    encoder = Encoder()
    dev = tagging.Tagged(encoder, texts["dev"], labels)
    branches = []
    for seed in SEEDS:
        branches.append(trained(encoder, texts["train"], labels, seed, (dev, wanted)))
        tagging.build("slot-tagger", branches, labels, FOLDER / "model.onnx")
        show(f"branches: {len(branches)}", dev, wanted)
    write_card(labels)
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GB")


def trained(encoder: Encoder, texts: list, labels: list, seed: int, judge: tuple) -> dict:
    """The weights of one branch."""
    random = np.random.default_rng(seed)
    copies = [copy for _ in range(COPIES) for copy in dialogues.varied(texts, random)]
    split = tagging.Tagged(encoder, texts + copies, labels)
    print(f"seed {seed}: {len(split.texts)} conversations, {split.lengths.sum()} tokens", flush=True)
    began, last = time.process_time(), {}

    def after(weights: dict, epoch: int) -> bool:
        last.update(weights)
        tagging.build("slot-tagger", [weights], labels, FOLDER / "model.onnx")
        show(f"epoch {epoch}, {time.process_time() - began:.0f} s of processor", *judge)
        return True

    start = tagging.fresh(load_file(upstream() / "model.safetensors"), labels, seed)
    tagging.train(start, split, tagging.Recipe(labels, EPOCHS, mean=MEAN, smooth=SMOOTH, seed=seed), after)
    return last


def read(data: Path, split: str) -> list:
    return [text for domain in dialogues.DOMAINS for text in dialogues.read(data, domain, split)]


def show(title: str, split: tagging.Tagged, wanted: list) -> None:
    found = split.spans(split.scores(FOLDER / "model.onnx"))
    precision, recall, f1, _ = tagging.measure(wanted, found)
    parts = []
    for domain in dialogues.DOMAINS:
        chosen = [place for place, text in enumerate(split.texts) if text.source == domain]
        own = tagging.measure([wanted[place] for place in chosen], [found[place] for place in chosen])
        parts.append(f"{domain} {own[2]:.4f}")
    print(f"{title}: P {precision:.4f} R {recall:.4f} F1 {f1:.4f} | {' '.join(parts)}", flush=True)


def write_card(labels: list) -> None:
    card = Card(
        name="slot-tagger",
        version="1.1.0",
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
    card.write(FOLDER)


if __name__ == "__main__":
    main()
