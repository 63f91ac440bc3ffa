"""What a token looks like in the text as it was written: the uncased encoder sees none of it.

One row for each token; a special token's is zero. `plugins/sdk` computes the same in Rust; `shapes.json` holds both to it.
"""

import numpy as np

# Digits that stand together, without white space between: the last of these numbers that is not above their count.
DIGITS = [1, 2, 3, 4, 5, 7, 9, 10, 12, 15, 17]
# How many characters of what adjoins a token are looked at on each side.
REACH = 256
PLAIN = 14
SIZE = PLAIN + len(DIGITS)


def of(text: str, offsets: list) -> np.ndarray:
    made = np.zeros((len(offsets), SIZE), np.float32)
    for place, (start, end) in enumerate(offsets):
        if end > start:
            made[place] = row(text, start, end)
    return made


def row(text: str, start: int, end: int) -> np.ndarray:
    word_start, word_end = grown(text, start, end, str.isalnum)
    chunk_start, chunk_end = grown(text, start, end, lambda c: not c.isspace())
    word, chunk = text[word_start:word_end], text[chunk_start:chunk_end]
    before, after = text[:chunk_start].rstrip(" \t"), text[chunk_end:].lstrip(" \t")
    capitals = sum(c.isupper() for c in word)
    letters = sum(c.isalpha() for c in word)
    digits = sum(c.isdigit() for c in chunk)
    made = np.zeros(SIZE, np.float32)
    made[0] = word[:1].isupper()
    made[1] = capitals > 1 and capitals == letters
    made[2] = any(c.isupper() for c in word[1:])
    made[3] = digits > 0
    made[4] = digits > 0 and digits == len(chunk)
    made[5] = "@" in chunk
    made[6] = any(c in "./:-_" for c in chunk[1:-1])
    made[7] = before == "" or before.endswith("\n")
    made[8] = after == "" or after.startswith("\n")
    made[9] = start > word_start
    made[10] = text[word_end : word_end + 1] in (",", ";", ".", "!", "?")
    made[11] = text[word_end : word_end + 1] == ":"
    made[12] = min(letters, 20) / 10
    made[13] = not text[start:end].isalnum()
    bucket = sum(digits >= least for least in DIGITS)
    if bucket:
        made[PLAIN + bucket - 1] = 1
    return made


def grown(text: str, start: int, end: int, holds) -> tuple:
    """The span with what adjoins it, up to `REACH` characters, and of which `holds` is true."""
    least, most = max(start - REACH, 0), min(end + REACH, len(text))
    while start > least and holds(text[start - 1]) and holds(text[start]):
        start -= 1
    while end < most and holds(text[end]) and holds(text[end - 1]):
        end += 1
    return start, end
