"""Makes `models/slot-tagger/1.0.0/model.onnx`."""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "recipes"))

import tagging  # noqa: E402
import dialogues  # noqa: E402
from encoder import Encoder, upstream  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--test", action="store_true")
    arguments.add_argument("--out", type=Path)
    arguments.add_argument("--epochs", type=int, default=8)
    arguments.add_argument("--rate", type=float, default=2e-4)
    arguments.add_argument("--mean", type=float, default=0.0)
    arguments.add_argument("--copies", type=int, default=0)
    arguments.add_argument("--smooth", type=float, default=0.0)
    arguments.add_argument("--rows", type=int, default=16)
    arguments.add_argument("--dropout", type=float, default=0.1)
    options = arguments.parse_args()
    encoder = Encoder()
    texts = {split: [t for d in dialogues.DOMAINS for t in dialogues.read(options.data, d, split)] for split in ("train", "dev")}
    kinds = dialogues.kinds(texts["train"])
    for text in texts["train"]:
        text.spans = [s for s in text.spans if s[2] in kinds]
    labels = tagging.labels_of(kinds)
    texts["train"] += dialogues.varied(texts["train"], options.copies, 5)
    print(len(kinds), "kinds")
    dev_gold = [t.spans for t in texts["dev"]]
    for t in texts["dev"]:
        t.spans = [s for s in t.spans if s[2] in kinds]
    train = tagging.Tagged(encoder, texts["train"], labels)
    dev = tagging.Tagged(encoder, texts["dev"], labels)
    print("tokens", train.lengths.sum(), "texts", len(train.texts), round(time.process_time()), "s", flush=True)
    began = time.process_time()

    def after(weights, epoch):
        path = options.out / "model.onnx" if options.out else Path(tempfile.mkdtemp()) / "model.onnx"
        tagging.build("slot-tagger", weights, labels, path)
        found = dev.spans(dev.scores(path))
        p, r, f, counts = tagging.measure(dev_gold, found)
        parts = []
        for d in dialogues.DOMAINS:
            chosen = [i for i, t in enumerate(dev.texts) if t.source == d]
            parts.append(f"{d} {tagging.measure([dev_gold[i] for i in chosen], [found[i] for i in chosen])[2]:.4f}")
        print(f"epoch {epoch} {time.process_time() - began:.0f} s: P {p:.4f} R {r:.4f} F1 {f:.4f} | {' '.join(parts)}", flush=True)

    recipe = tagging.Recipe(labels, options.epochs, options.rows, options.rate, mean=options.mean, smooth=options.smooth, dropout=options.dropout)
    tagging.train(tagging.fresh(load_file(upstream() / "model.safetensors"), labels), train, recipe, after)
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GB")


if __name__ == "__main__":
    main()
