"""Long texts in pieces, as the stage `comply` cuts them: `WINDOW` tokens at a time, each piece `STEP` tokens after the one before."""

from dataclasses import dataclass

import numpy as np

WINDOW = 126
STEP = 94


@dataclass
class Piece:
    """One row for the encoder: `[CLS]`, tokens, `[SEP]`; `start` and `end` are characters of the text."""

    text: int
    ids: list
    start: int
    end: int


class Cut:
    """All pieces of some texts. It stands in for the encoder where `States` asks for encodings."""

    def __init__(self, encoder, tokenizer, texts: list):
        self.encoder = encoder
        self.pieces = []
        for place, encoding in enumerate(tokenizer.encode_batch(texts)):
            first, *ids, last = encoding.ids
            offsets = encoding.offsets[1:-1]
            start = 0
            while True:
                part = ids[start : start + WINDOW]
                span = (offsets[start][0], offsets[start + len(part) - 1][1]) if part else (0, 0)
                self.pieces.append(Piece(place, [first, *part, last], *span))
                if start + WINDOW >= len(ids):
                    break
                start += STEP
        self.texts = np.array([piece.text for piece in self.pieces])

    def encode(self, pieces: list) -> list:
        return pieces

    def states(self, pieces: list):
        return self.encoder.states(pieces)

    def greatest(self, scores: np.ndarray) -> np.ndarray:
        """For each text the greatest score of its pieces, label by label."""
        made = np.zeros((self.texts.max() + 1, scores.shape[1]))
        np.maximum.at(made, self.texts, scores)
        return made
