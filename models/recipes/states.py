"""The shipped trunk's states of many texts, kept in memory as f16, so that the trunk runs once."""

import numpy as np

from encoder import Encoder
from layers import HIDDEN

# Lengths to which a batch is padded: few, since each is compiled by itself.
LENGTHS = [16, 32, 48, 64, 96, 128, 192, 256]
# The same for texts of a sentence or two.
SHORT = [8, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128, 192, 256]
# Batches are cut from this many rows sorted by length, so that little of them is padding.
POOL = 24


class States:
    """States of `texts`, in their order."""

    def __init__(self, encoder: Encoder, texts: list, padded_to: list = LENGTHS):
        self._padded_to = padded_to
        encodings = encoder.encode(texts)
        lengths = [len(encoding.ids) for encoding in encodings]
        self.lengths = np.array(lengths)
        self._starts = np.concatenate([[0], np.cumsum(lengths)])
        self._rows = np.empty((self._starts[-1], HIDDEN), np.float16)
        for index, states in encoder.states(encodings):
            self._rows[self._starts[index] : self._starts[index + 1]] = states

    def padded(self, chosen) -> tuple:
        """(f16 [rows, tokens, hidden], f32 [rows, tokens]) of the chosen texts."""
        longest = self.lengths[chosen].max()
        tokens = next(length for length in self._padded_to if length >= longest)
        states = np.zeros((len(chosen), tokens, HIDDEN), np.float16)
        mask = np.zeros((len(chosen), tokens), np.float32)
        for row, index in enumerate(chosen):
            states[row, : self.lengths[index]] = self._rows[self._starts[index] : self._starts[index + 1]]
            mask[row, : self.lengths[index]] = 1
        return states, mask

    def means(self) -> np.ndarray:
        """f32 [texts, hidden]: the mean of each text's states."""
        sums = np.add.reduceat(self._rows.astype(np.float32), self._starts[:-1])
        return sums / self.lengths[:, None]

    def shuffled(self, random: np.random.Generator, rows: int) -> list:
        """One epoch: all texts in full batches of like length, in random order; what is over waits for the next epoch."""
        order = random.permutation(len(self.lengths))
        order = order[: len(order) // rows * rows]
        batches = []
        for start in range(0, len(order), rows * POOL):
            pool = order[start : start + rows * POOL]
            batches += np.split(pool[np.argsort(self.lengths[pool], kind="stable")], len(pool) // rows)
        return [batches[index] for index in random.permutation(len(batches))]

    def inputs(self, rows: int = 16, order: np.ndarray | None = None):
        """Yields (indices, inputs of the graph); where no order is given, texts of like length together."""
        order = np.argsort(self.lengths, kind="stable") if order is None else order
        for start in range(0, len(order), rows):
            chosen = order[start : start + rows]
            states, mask = self.padded(chosen)
            yield chosen, {"states": states.astype(np.float32), "attention_mask": mask.astype(np.int64)}

    def alone(self, index: int) -> dict:
        """The inputs of one text without padding."""
        states = self._rows[self._starts[index] : self._starts[index + 1]]
        mask = np.ones((1, len(states)), np.int64)
        return {"states": states[None].astype(np.float32), "attention_mask": mask}
