"""Makes `models/goemotions-heads/1.0.0/model.onnx`: GoEmotions in four groups, each a flag, on the trunk's states.

    python models/goemotions-heads/train/train.py --data FOLDER [--test]

The 28 emotions are learnt beside the groups. A group is read by the mean of two logits: its own, and that of any of its emotions
holding. The threshold of each group is the one of greatest F1 on dev; `--test` reports the test split. 11 minutes of processor, 5.5 GB, one thread.
"""

import argparse
import resource
import sys
from pathlib import Path

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "recipes"))

import finetune  # noqa: E402
import heads  # noqa: E402
import sources  # noqa: E402
from encoder import Encoder  # noqa: E402
from states import SHORT, States  # noqa: E402

NAME = "goemotions-heads"
PATH = ROOT / NAME / "1.0.0" / "model.onnx"
PLAN = finetune.Plan(epochs=3, rows=64, rate=1.5e-4, dropout=0.15, seed=14, several=True)
# As in the paper (Demszky et al. 2020, figure 2). A row is in each group of which it has an emotion.
GROUPS = {
    "positive": "admiration amusement approval caring desire excitement gratitude joy love optimism pride relief",
    "negative": "anger annoyance disappointment disapproval disgust embarrassment fear grief nervousness remorse sadness",
    "ambiguous": "confusion curiosity realization surprise",
    "neutral": "neutral",
}
EMOTIONS = [*sorted(" ".join(list(GROUPS.values())[:3]).split()), "neutral"]
# f32 [emotions, groups]: which emotion is of which group.
OF = np.array([[emotion in group.split() for group in GROUPS.values()] for emotion in EMOTIONS], np.float32)
FLAG = ["no", "yes"]
# What is summed over emotions stays where exp and log of single precision are finite.
LEAST, MOST = 1e-6, 60.0


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--test", action="store_true", help="report the test split")
    options = arguments.parse_args()
    encoder, clock = Encoder(), finetune.Clock()
    dev = Split(encoder, options.data, "dev")
    train = Split(encoder, options.data, "train")

    def after(weights: dict, epoch: int) -> None:
        best = [f1 for f1, _ in thresholds(read(finetune.logits(weights, dev.states)), dev.groups)]
        print(f"epoch {epoch}: macro-F1 on dev {np.mean(best):.4f}, {clock}", flush=True)

    weights = finetune.train(train.states, train.targets, PLAN, after)
    cuts = thresholds(read(finetune.logits(weights, dev.states)), dev.groups)
    print("thresholds " + ", ".join(f"{group} {1 / (1 + np.exp(-cut)):.2f}" for group, (_, cut) in zip(GROUPS, cuts)))
    build(weights, [cut for _, cut in cuts])
    dev.report()
    if options.test:
        Split(encoder, options.data, "test").report()
    print(f"{clock}, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GB")


class Split:
    """The rows of one split: whether each group holds, then whether each emotion does."""

    def __init__(self, encoder: Encoder, data: Path, name: str):
        rows = sources.goemotions(data, name)
        self.name = name
        self.groups = np.array([[bool(found & set(group.split())) for group in GROUPS.values()] for _, found in rows])
        each = np.array([[emotion in found for emotion in EMOTIONS] for _, found in rows])
        self.targets = np.concatenate([self.groups, each], axis=1).astype(np.float32)
        self.states = States(encoder, [text for text, _ in rows], SHORT)

    def report(self) -> None:
        found = np.stack([flag[:, 1] > flag[:, 0] for flag in heads.answers(PATH, self.states, list(GROUPS))], axis=1)
        print(f"── {self.name}: {len(found)} rows")
        print(f"macro-F1 {heads.interval(macro, self.groups, found)}")
        scores = precision_recall_fscore_support(self.groups, found, average=None, zero_division=0)
        for place, group in enumerate(GROUPS):
            precision, recall, f1, rows = (column[place] for column in scores)
            print(f"{group}: precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}, {rows} rows")


def read(logits: np.ndarray) -> np.ndarray:
    """f32 [rows, groups], of [rows, groups and emotions]: the mean of a group's own logit and of any of its emotions holding.

    None of the emotions holds with the product of 1 / (1 + exp(logit)), by a noisy or (Pearl 1988); with s the sum of
    log(1 + exp(logit)) over them, that is exp(-s), and the logit of any holding is log(exp(s) - 1).
    """
    groups, emotions = logits[:, : len(GROUPS)], logits[:, len(GROUPS) :]
    return (groups + np.log(np.expm1(np.clip(np.log1p(np.exp(emotions)) @ OF, LEAST, MOST)))) / 2


def macro(truth: np.ndarray, found: np.ndarray) -> float:
    """The mean over the groups of the F1 of a group's holding."""
    hits = (truth & found).sum(0)
    return float((2 * hits / np.maximum(truth.sum(0) + found.sum(0), 1)).mean())


def thresholds(logits: np.ndarray, groups: np.ndarray) -> list:
    """(F1, logit) of each group: the least logit that counts as yes, where F1 is greatest."""
    chosen = []
    for place in range(groups.shape[1]):
        truth = groups[:, place]
        scores = [(macro(truth[:, None], logits[:, [place]] > cut), float(cut)) for cut in np.arange(-2.5, 1.5, 0.05)]
        chosen.append(max(scores))
    return chosen


def build(weights: dict, cuts: list) -> None:
    made = heads.Heads(NAME, weights)
    logits = graph_of_read(made)
    for place, (group, cut) in enumerate(zip(GROUPS, cuts)):
        # Softmax over 0 and how far the logit is beyond the threshold: yes from one half on.
        beyond = made.plus(made.part(logits, place, place + 1), f"{group}.cut", -cut)
        no = made.times(beyond, "zero.f", 0)
        made.graph.output(group, made.softmax(made.joined([no, beyond])), ["batch", len(FLAG)])
    made.graph.save(PATH)
    summary = "GoEmotions in four groups, positive, negative, ambiguous and neutral, each a flag, from a text's tokens' states"
    card = heads.card(NAME, "1.0.0", summary, dict.fromkeys(GROUPS, FLAG))
    card.halved(PATH.parent)
    card.write(PATH.parent)


def graph_of_read(made: heads.Heads) -> str:
    """`read` in the graph."""
    node, count = made.graph.node, len(GROUPS)
    emotions = made.part(made.logits, count, count + len(EMOTIONS))
    sums = node("MatMul", [node("Log", [made.plus(node("Exp", [emotions]), "or.one", 1)]), made.constant("or.of", OF)])
    sums = node("Clip", [sums, made.constant("or.least", LEAST), made.constant("or.most", MOST)])
    anything = node("Log", [made.plus(node("Exp", [sums]), "or.none", -1)])
    both = node("Add", [made.part(made.logits, 0, count), anything])
    return made.times(both, "or.half", 0.5)


if __name__ == "__main__":
    main()
