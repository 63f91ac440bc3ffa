"""Long texts in rows, as all stages cut them (`fleetwright_sdk::reading`): `TOKENS` at most, one after the other; a full row ends at white
space, unless its second half has none."""

from dataclasses import dataclass

import numpy as np

TOKENS = 256


@dataclass
class Piece:
    """One row for the encoder: `[CLS]`, tokens, `[SEP]`; `start` and `end` are characters of the text."""

    text: int
    ids: list
    start: int
    end: int


class Cut:
    """All rows of some texts. It stands in for the encoder where `States` asks for encodings."""

    def __init__(self, encoder, tokenizer, texts: list):
        self.encoder = encoder
        self.pieces = []
        for place, (text, encoding) in enumerate(zip(texts, tokenizer.encode_batch(texts))):
            first, *ids, last = encoding.ids
            offsets = encoding.offsets[1:-1]
            start = 0
            while True:
                end = row_end(text, offsets, start)
                span = (offsets[start][0], offsets[end - 1][1]) if ids else (0, 0)
                self.pieces.append(Piece(place, [first, *ids[start:end], last], *span))
                if end >= len(ids):
                    break
                start = end
        self.texts = np.array([piece.text for piece in self.pieces])

    def encode(self, pieces: list) -> list:
        return pieces

    def states(self, pieces: list):
        return self.encoder.states(pieces)

    def greatest(self, scores: np.ndarray) -> np.ndarray:
        """For each text the greatest score of its rows, label by label."""
        made = np.zeros((self.texts.max() + 1, scores.shape[1]))
        np.maximum.at(made, self.texts, scores)
        return made


def row_end(text: str, offsets: list, start: int) -> int:
    """The token behind the last one of the row that begins with the token `start`."""
    end = start + TOKENS - 2
    if end >= len(offsets):
        return len(offsets)
    spaces = [at for at in range(start + 1, end + 1) if text[offsets[at][0] - 1].isspace()]
    half = (offsets[start][0] + offsets[end][0]) / 2
    return spaces[-1] if spaces and offsets[spaces[-1]][0] > half else end
