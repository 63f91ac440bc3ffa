"""Figures of the heads: right answers, macro-F1 and calibration, with bootstrap intervals."""

import numpy as np
from sklearn.metrics import f1_score

ROUNDS = 500


def log_loss(logits: np.ndarray, y: np.ndarray, weights: np.ndarray) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    chosen = shifted[np.arange(len(y)), y] - np.log(np.exp(shifted).sum(axis=1))
    return float(-(weights * chosen).sum() / weights.sum())


def show(name: str, labels: list, probabilities: np.ndarray, rows: list) -> None:
    """One line for each source, then one for each class over all."""
    known = np.array([getattr(row, name) is not None for row in rows])
    y = np.array([labels.index(getattr(row, name)) if getattr(row, name) else 0 for row in rows])
    sources = np.array([row.source for row in rows])
    guess = probabilities.argmax(axis=1)
    for source in sorted(set(sources[known])):
        chosen = known & (sources == source)
        low, high = interval(y[chosen] == guess[chosen], np.mean)
        right = (y[chosen] == guess[chosen]).mean()
        print(f"{name} | {source} | {chosen.sum()} | {right:.3f} ({low:.3f}–{high:.3f}) | {macro(y[chosen], guess[chosen]):.3f}")
    y, guess, sure = y[known], guess[known], probabilities[known].max(axis=1)
    low, high = interval(np.arange(len(y)), lambda picked: macro(y[picked], guess[picked]))
    print(f"{name} all: right {(y == guess).mean():.3f}, macro-F1 {macro(y, guess):.3f} ({low:.3f}–{high:.3f}), "
          f"calibration error {calibration(sure, y == guess):.3f}")
    scores = f1_score(y, guess, average=None, labels=range(len(labels)), zero_division=0)
    print("  " + ", ".join(f"{label} {score:.2f}" for label, score in zip(labels, scores)))


def macro(y: np.ndarray, guess: np.ndarray) -> float:
    """Over the classes that occur."""
    return float(f1_score(y, guess, average="macro", labels=np.unique(y), zero_division=0))


def interval(values: np.ndarray, statistic) -> tuple:
    random = np.random.default_rng(0)
    draws = [statistic(values[random.integers(len(values), size=len(values))]) for _ in range(ROUNDS)]
    return tuple(np.quantile(draws, [0.025, 0.975]))


def calibration(sure: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    place = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [
        abs(sure[place == index].mean() - right[place == index].mean()) * (place == index).mean()
        for index in range(bins)
        if (place == index).any()
    ]
    return float(sum(gaps))


def coverage(sure: np.ndarray, right: np.ndarray) -> None:
    """What is answered at all, and how much of that is wrong, where answers below a floor go to a person."""
    for floor in np.arange(0, 1, 0.05):
        kept = sure >= floor
        if kept.any():
            low, high = interval(right[kept], np.mean)
            wrong = 1 - right[kept].mean()
            print(f"  floor {floor:.2f}: answered {kept.mean():.3f}, of those wrong {wrong:.3f} ({1 - high:.3f}–{1 - low:.3f})")
