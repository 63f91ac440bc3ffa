"""Chooses sentences for a summary as the plugin does: by score, less what is said already, within sixty words."""

import numpy as np

WORDS = 60
LEAST = 4


def choose(thread, scores: np.ndarray, vectors: np.ndarray, redundancy: float) -> list:
    """Indices in order of the thread. A sentence is taken whole or not at all; names count as words."""
    left, taken = set(range(len(scores))), []
    likeness, spent = np.zeros(len(scores)), 0
    while left:
        best = max(sorted(left), key=lambda index: scores[index] - redundancy * likeness[index])
        left.remove(best)
        cost = len(thread.sentences[best].text.split()) + len(thread.sentences[best].speaker.split())
        if spent + cost > WORDS:
            continue
        taken.append(best)
        spent += cost
        likeness = np.maximum(likeness, np.maximum(vectors @ vectors[best], 0))
        if WORDS - spent < LEAST:
            break
    return sorted(taken)


def text(thread, chosen: list) -> str:
    """`Name: sentence`; a name is not repeated for the next sentence of the same person."""
    parts, last = [], None
    for index in chosen:
        sentence = thread.sentences[index]
        parts.append(sentence.text if sentence.speaker == last else f"{sentence.speaker}: {sentence.text}")
        last = sentence.speaker
    return " ".join(parts)
