"""Makes `models/name-tagger/2.2.0/model.onnx`: names of people and organisations, on the states of the shipped trunk.

    python models/name-tagger/train/train.py --data FOLDER [--test]

After each epoch the dev split is scored, at the eight bits that ship; `--test` reads the test split, once, with the weights that are kept. What
it takes of time and memory is printed, and stands in the card.
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
import corpora  # noqa: E402
import shapes  # noqa: E402
from card import Card  # noqa: E402
from encoder import TOKENS, Encoder, upstream  # noqa: E402
from layers import HIDDEN  # noqa: E402

KINDS = ["PER", "ORG"]
LABELS = tagging.labels_of(KINDS)
# The rate falls over so many epochs; dev no longer rose after them.
EPOCHS = 5
# The mean of the weights of about 500 steps.
MEAN = 0.998
FOLDER = ROOT / "name-tagger" / "2.2.0"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--test", action="store_true", help="report the test texts")
    options = arguments.parse_args()
    FOLDER.mkdir(exist_ok=True)
    encoder = Encoder()
    train, dev = (tagging.Tagged(encoder, corpora.gather(options.data, split), LABELS) for split in ("train", "dev"))
    print(f"{len(train.texts)} texts, {train.lengths.sum()} tokens", flush=True)
    began = time.process_time()

    def after(weights: dict, epoch: int) -> bool:
        tagging.build("name-tagger", [weights], LABELS, FOLDER / "model.onnx")
        print(f"epoch {epoch}, {time.process_time() - began:.0f} s of processor", flush=True)
        show(dev)
        return True

    start = tagging.fresh(load_file(upstream() / "model.safetensors"), LABELS)
    tagging.train(start, train, tagging.Recipe(LABELS, EPOCHS, mean=MEAN), after)
    write_card()
    if options.test:
        print("test")
        show(tagging.Tagged(encoder, corpora.gather(options.data, "test"), LABELS))
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GB")


def show(split: tagging.Tagged) -> None:
    """Whole names, exact, of each source and kind: names, precision, recall, F1 with its interval."""
    found = split.spans(split.scores(FOLDER / "model.onnx"))
    for source in [*sorted({text.source for text in split.texts}), None]:
        chosen = [place for place, text in enumerate(split.texts) if source in (None, text.source)]
        for kind in [*KINDS, None]:
            pick = lambda spans: [span for span in spans if kind in (None, span[2])]  # noqa: E731, B023
            wanted = [pick(split.texts[place].spans) for place in chosen]
            precision, recall, f1, counts = tagging.measure(wanted, [pick(found[place]) for place in chosen])
            low, high = tagging.interval(counts)
            print(f"{source or 'all':<10} {kind or 'both':<4} | {counts[:, 2].sum():>5} | {precision:.3f} | {recall:.3f} | {f1:.3f} ({low:.3f}–{high:.3f})", flush=True)


def write_card() -> None:
    card = Card(
        name="name-tagger",
        version=FOLDER.name,
        summary="Marks the names of people and organisations, word by word",
        licence="Apache-2.0",
        source="trained by models/name-tagger/train/train.py on minilm-trunk 1.0.0; data and licences in card.md",
    )
    card.input("states", "f32", ["batch", "tokens", HIDDEN])
    card.input("shapes", "f32", ["batch", "tokens", shapes.SIZE])
    card.input("attention_mask", "i64", ["batch", "tokens"], pad=0)
    card.output("tags", ["batch", "tokens", len(LABELS)], LABELS)
    card.batch(length="tokens", most=8)
    card.limit("tokens", TOKENS)
    card.halved(FOLDER)
    card.write(FOLDER)


if __name__ == "__main__":
    main()
