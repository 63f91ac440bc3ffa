"""Measures the eight-bit encoder against fp32 on real text, and alone against padded in a batch."""

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
