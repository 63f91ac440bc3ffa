"""Makes `models/slot-tagger/1.0.0/model.onnx`: the slots of MultiDoGO's four domains, on the states of the shipped trunk.

    python models/slot-tagger/train/train.py --data FOLDER

10 minutes of processor and 1.5 GB on one thread. After each epoch the dev split is scored, at the eight bits that ship. The test split is read
by `score.py`, through the plugin and the host.
"""

import argparse
import resource
import sys
import time
from pathlib import Path

from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "recipes"))

import tagging  # noqa: E402
import dialogues  # noqa: E402
import shapes  # noqa: E402
from card import Card  # noqa: E402
from encoder import TOKENS, Encoder, upstream  # noqa: E402
from layers import HIDDEN  # noqa: E402

# The rate falls over eight epochs; the weights are those after the seventh.
EPOCHS, KEPT = 8, 7
FOLDER = ROOT / "slot-tagger" / "1.0.0"


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
    train, dev = (tagging.Tagged(encoder, texts[split], labels) for split in ("train", "dev"))
    print(f"{len(train.texts)} conversations, {train.lengths.sum()} tokens, {len(kinds)} slots", flush=True)
    began = time.process_time()

    def after(weights: dict, epoch: int) -> bool:
        tagging.build("slot-tagger", weights, labels, FOLDER / "model.onnx")
        show(f"epoch {epoch}, {time.process_time() - began:.0f} s of processor", dev, wanted)
        return epoch < KEPT

    start = tagging.fresh(load_file(upstream() / "model.safetensors"), labels)
    tagging.train(start, train, tagging.Recipe(labels, EPOCHS), after)
    write_card(labels)
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GB")


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
        version="1.0.0",
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
