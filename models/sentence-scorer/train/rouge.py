"""ROUGE-1, -2 and -L, F measure, on lower-case alphanumeric words, without stemming and with stop words."""

import collections

from features import tokens


def rouge(found: str, wanted: str) -> tuple:
    left, right = tokens(found), tokens(wanted)
    return overlap(left, right, 1), overlap(left, right, 2), longest(left, right)


def overlap(left: list, right: list, size: int) -> float:
    first, second = (collections.Counter(zip(*(words[start:] for start in range(size)))) for words in (left, right))
    return measure(sum((first & second).values()), sum(first.values()), sum(second.values()))


def longest(left: list, right: list) -> float:
    row = [0] * (len(right) + 1)
    for word in left:
        before = 0
        for place, other in enumerate(right, 1):
            kept = row[place]
            row[place] = before + 1 if word == other else max(row[place], row[place - 1])
            before = kept
    return measure(row[-1], len(left), len(right))


def measure(common: int, left: int, right: int) -> float:
    return 2 * common / (left + right) if common else 0.0
