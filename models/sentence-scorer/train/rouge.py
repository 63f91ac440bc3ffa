"""ROUGE-1, -2 and -L, F measure, on lower-case alphanumeric words, without stemming and with stop words."""

from collections import Counter

import numpy as np
from features import tokens


class Reference:
    """A summary that others are measured against."""

    def __init__(self, summary: str):
        self._words = tokens(summary)
        self._counts = [counts(self._words, size) for size in (1, 2)]

    def score(self, found: list) -> np.ndarray:
        """Of a text's words."""
        overlaps = [shared(counts(found, size), own) for size, own in zip((1, 2), self._counts)]
        lengths = [len(found), len(found) - 1, len(found)]
        own = [len(self._words), len(self._words) - 1, len(self._words)]
        common = [*overlaps, longest(found, self._words)]
        return np.array([2 * part / (one + other) if part else 0.0 for part, one, other in zip(common, lengths, own)])


def counts(words: list, size: int) -> Counter:
    return Counter(zip(*(words[start:] for start in range(size))))


def shared(found: Counter, wanted: Counter) -> int:
    return sum(min(count, wanted[key]) for key, count in found.items() if key in wanted)


def longest(left: list, right: list) -> int:
    """The longest common subsequence, a bit for each word on the left (Hyyrö 2004)."""
    places = {}
    for place, word in enumerate(left):
        places[word] = places.get(word, 0) | 1 << place
    every = (1 << len(left)) - 1
    row = every
    for word in right:
        hits = row & places.get(word, 0)
        row = (row + hits | row - hits) & every
    return len(left) - row.bit_count()
