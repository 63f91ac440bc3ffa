"""Chooses sentences for a summary as the plugin does: by score, less what is said already, within sixty words."""

import re
from collections import Counter

import numpy as np
from features import tokens

WORDS = 60
SAME = 0.9
# Chosen by cross-validation together with the strength of the regression.
REDUNDANCY = 0.3
PLAIN = 0.6
# The plain words that people's summaries say most.
PLAIN_WORDS = "the that to and a is of for it be in with not if on about an they should are".split()


def choose(thread, scores: np.ndarray, vectors: np.ndarray, expected: dict, redundancy=REDUNDANCY, plain=PLAIN) -> list:
    """Indices in order of the thread. A sentence is taken whole or not at all; names and verbs of saying count."""
    whole = [index for index, sentence in enumerate(thread.sentences) if sentence.whole]
    left, taken = set(whole or range(len(scores))), []
    own = [Counter(word for word in tokens(one.text) if word in expected) for one in thread.sentences]
    likeness, told = np.zeros(len(scores)), Counter()
    while True:
        costs = {index: words(thread, sorted([*taken, index])) for index in left}
        left = {index for index in left if costs[index] <= WORDS and likeness[index] < SAME}
        if not left:
            return taken
        spent = words(thread, taken)

        def worth(index: int) -> float:
            gain = sum(min(max(expected[word] - told[word], 0), count) for word, count in own[index].items())
            return scores[index] - redundancy * likeness[index] + plain * gain / max(1, costs[index] - spent)

        best = max(sorted(left), key=worth)
        left.remove(best)
        taken = sorted([*taken, best])
        told.update(own[best])
        likeness = np.maximum(likeness, np.maximum(vectors @ vectors[best], 0))


def questions(text: str) -> bool:
    """Whether a question mark ends something, as the SDK's `questions` says."""
    for mark in re.finditer(r"[?]+|[？؟]", text):
        before, after = text[: mark.start()][-1:], text[mark.end() :]
        if mark[0] in "？؟" or before.isalnum() and after[:1].isspace():
            return True
        rest = after[:8].lstrip("!\"'”’“»…*_")
        if before == "(":
            continue
        if not rest or rest[0] in ")]" and (text.startswith("(") or len(rest.rstrip(". ")) <= 1):
            return True
        if rest[0] in ")]":
            continue
        if rest[0].isspace():
            if not rest.lstrip()[:1].islower():
                return True
        elif not rest[0].isalnum() and rest[0] not in ".,":
            return True
    return False


def verb(thread, sentence) -> str:
    if questions(sentence.text):
        return "asks"
    if sentence.message == 0:
        return "says"
    before = (one for one in thread.sentences if one.message < sentence.message)
    return "replies" if any(one.speaker != sentence.speaker for one in before) else "adds"


def parts(thread, chosen: list) -> list:
    """(what stands before a sentence, the sentence); a name is not repeated where its person goes on."""
    made, last = [], None
    for index in chosen:
        sentence = thread.sentences[index]
        goes_on = not sentence.speaker or sentence.speaker == last
        made.append(("" if goes_on else f"{sentence.speaker} {verb(thread, sentence)}:", sentence.text))
        last = sentence.speaker
    return made


def text(thread, chosen: list) -> str:
    """`Ann asks: … Bo replies: …`"""
    return " ".join(f"{before} {said}".strip() for before, said in parts(thread, chosen))


def words(thread, chosen: list) -> int:
    """The words of `text`, a name and a verb of saying among them wherever the speaker changes."""
    count, last = 0, None
    for index in chosen:
        sentence = thread.sentences[index]
        if sentence.speaker and sentence.speaker != last:
            count += len(sentence.speaker.split()) + 1
        count += sentence.words
        last = sentence.speaker
    return count


def expectations(threads: list) -> dict:
    """How often summaries of the threads that have a plain word say it."""
    made = {}
    for word in PLAIN_WORDS:
        counts = [
            min(tokens(one.summaries[0]).count(word), 6)
            for one in threads
            if any(word in tokens(sentence.text) for sentence in one.sentences)
        ]
        made[word] = round(float(np.mean(counts)), 2) if counts else 0.0
    return made
