"""Measures the eight-bit encoder against fp32 on real text, alone against padded in a batch, and its trunk against it."""

import csv
import time
from pathlib import Path

import numpy as np

from encoder import Encoder

SEED = 20
TEXTS = 1500
ROWS = 8


def report(shipped: Path, reference: Path, data: Path) -> None:
    texts = sample(data)
    small, full = Encoder(shipped), Encoder(reference)
    ids = [encoding.ids for encoding in small.encode(texts)]
    began = time.process_time()
    alone = np.concatenate([small.run([row], ["embedding"])[0] for row in ids])
    spent = time.process_time() - began
    began = time.process_time()
    exact = np.concatenate([full.run([row], ["embedding"])[0] for row in ids])
    whole = time.process_time() - began
    padded = np.concatenate(
        [small.run(ids[start : start + ROWS], ["embedding"])[0] for start in range(0, len(ids), ROWS)]
    )
    print(f"{len(texts)} texts, {np.mean([len(row) for row in ids]):.1f} tokens on average")
    show("against fp32", alone, exact)
    show(f"alone against padded in a batch of {ROWS}", alone, padded)
    print(f"processor ms a text alone: {1e3 * spent / len(ids):.2f}, and {1e3 * whole / len(ids):.2f} in fp32")


def report_trunk(trunk: Path, whole: Path, data: Path) -> None:
    """How far the states of both graphs are apart, and what each costs."""
    ids = [encoding.ids for encoding in Encoder(trunk).encode(sample(data))]
    spent, states = [], []
    for path in (trunk, whole):
        encoder, began = Encoder(path), time.process_time()
        states.append([encoder.run([row], ["states"])[0] for row in ids])
        spent.append(time.process_time() - began)
    apart = max(np.abs(left - right).max() for left, right in zip(*states))
    print(f"states of the trunk and of the whole: {apart:.1e} apart at most")
    print(f"processor ms a text alone: {1e3 * spent[0] / len(ids):.2f}, and {1e3 * spent[1] / len(ids):.2f} for all layers")


def show(name: str, left: np.ndarray, right: np.ndarray) -> None:
    cosine = (left * right).sum(axis=1)
    print(f"cosine, {name}: mean {cosine.mean():.5f}, 1st percentile {np.quantile(cosine, 0.01):.5f}, least {cosine.min():.5f}")


def sample(data: Path) -> list:
    """Short questions and long complaints, shuffled so that a batch mixes lengths."""
    with open(data / "banking77" / "train.csv", encoding="utf-8") as file:
        questions = [row["text"] for row in csv.DictReader(file)]
    with open(data / "cfpb" / "complaints_sample_6623.csv", encoding="utf-8") as file:
        rows = [row["Consumer complaint narrative"] for row in csv.DictReader(file)]
    random = np.random.default_rng(SEED)
    picked = list(random.choice(questions, TEXTS - 500, replace=False))
    picked += list(random.choice([row for row in rows if row.strip()], 500, replace=False))
    return [str(picked[index]) for index in random.permutation(len(picked))]
