"""The features of a sentence within its thread, exactly as card.md specifies them for the plugin."""

import re
from dataclasses import dataclass

import numpy as np

NAMES = [
    "centroid", "degree", "place", "message", "first_message", "opening", "early", "length",
    "short", "question", "first_person", "request", "symbols", "subject", "last_message", "thread",
]  # fmt: skip
REQUEST = set("agree because like need please problem propose request should suggest think want".split())
PREFIXES = {"re", "fw", "fwd", "aw"}
LONG, SHORT, MANY = 60, 6, 50


@dataclass
class Sentence:
    """A sentence: its text, its message (from 0), its place in that message (from 0), who wrote it."""

    text: str
    message: int
    place: int
    speaker: str = ""


def tokens(text: str) -> list:
    """Maximal runs of alphanumeric characters, in lower case."""
    return re.findall(r"[^\W_]+", text.lower())


def features(sentences: list, vectors: np.ndarray, subject: str = "") -> np.ndarray:
    """f32 [sentences, 16]; `vectors` are their embeddings, f32 [sentences, 384]."""
    count = len(sentences)
    messages = 1 + max(sentence.message for sentence in sentences)
    centre = vectors.mean(axis=0)
    centre = centre / max(float(np.linalg.norm(centre)), 1e-9)
    near = np.maximum(vectors @ vectors.T, 0)
    np.fill_diagonal(near, 0)
    degree = near.sum(axis=1) / max(1, count - 1)
    titles = set(tokens(subject)) - PREFIXES
    rows = []
    for index, sentence in enumerate(sentences):
        text = sentence.text
        words, present = len(text.split()), set(tokens(text))
        odd = sum(not character.isalpha() and not character.isspace() for character in text)
        rows.append(
            [
                float(vectors[index] @ centre),
                degree[index],
                index / count,
                sentence.message / messages,
                sentence.message == 0,
                sentence.place == 0,
                sentence.place <= 1,
                min(words, LONG) / LONG,
                words < SHORT,
                "?" in text,
                bool(present & {"i", "we"}),
                bool(present & REQUEST),
                odd / max(1, len(text)),
                len(titles & present) / max(1, len(titles)),
                sentence.message == messages - 1,
                min(count, MANY) / MANY,
            ]
        )
    return np.array(rows, np.float32)
