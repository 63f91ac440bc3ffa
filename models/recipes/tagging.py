"""Fine-tuned taggers: MiniLM's top two layers on the states of the shipped trunk, and a tag for each word; once, or several
times from different seeds, whose probabilities are averaged.

A word is a run of characters that the encoder's tokenizer takes as one: letters and digits, or one mark. Its **first piece
carries its tag**, the others are neither learnt nor read. What the uncased encoder does not see (capitals, line ends, how
many digits stand together) is given beside the states, as the shapes of `shapes.py`.
"""

import os

# One thread, so that a rebuild takes the same processor time anywhere and leaves the others alone. Before JAX is loaded.
os.environ.update(NPROC="1", XLA_FLAGS="--xla_cpu_multi_thread_eigen=false", JAX_PLATFORMS="cpu")

from dataclasses import dataclass, field  # noqa: E402

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402
from onnx import TensorProto  # noqa: E402

import shapes  # noqa: E402
from encoder import Encoder, session  # noqa: E402
from graph import Graph  # noqa: E402
from layers import EPSILON, HEADS, HIDDEN, Layers  # noqa: E402

TOP = ("encoder.layer.4.", "encoder.layer.5.")
SEED = 11
# Lengths to which a batch is padded: few, since each is compiled by itself.
LENGTHS = [16, 32, 48, 64, 96, 128, 192, 256]
# Batches are cut from this many rows sorted by length, so that little of them is padding.
POOL = 24
# What a tag that cannot follow costs.
NEVER = 1e4


@dataclass
class Text:
    """A text and its spans: (start, end, kind) in characters."""

    text: str
    source: str = ""
    spans: list = field(default_factory=list)


@dataclass
class Recipe:
    """How a tagger is trained."""

    labels: list
    epochs: int = 8
    rows: int = 16
    rate: float = 2e-4
    warm: float = 0.06
    decay: float = 0.01
    dropout: float = 0.1
    mean: float = 0.0  # of the weights of how many steps the mean is taken: 1 / (1 - mean)
    smooth: float = 0.0
    seed: int = SEED


def labels_of(kinds: list) -> list:
    return ["O", *(f"{part}-{kind}" for kind in kinds for part in "BI")]


class Tagged:
    """The texts of a split as the tagger sees them: states, shapes and tags of all tokens, one text after the other."""

    def __init__(self, encoder: Encoder, texts: list, labels: list):
        self.texts, self.labels = texts, labels
        self.encodings = encoder.encode([text.text for text in texts])
        self.lengths = np.array([len(encoding.ids) for encoding in self.encodings])
        self._starts = np.concatenate([[0], np.cumsum(self.lengths)])
        total = self._starts[-1]
        self._states = np.empty((total, HIDDEN), np.float16)
        self._shapes = np.empty((total, shapes.SIZE), np.float16)
        self._tags = np.empty(total, np.int32)
        for index, states in encoder.states(self.encodings):
            self._states[self._part(index)] = states
        for index, (text, encoding) in enumerate(zip(texts, self.encodings)):
            self._shapes[self._part(index)] = shapes.of(text.text, encoding.offsets)
            self._tags[self._part(index)] = tags(text, encoding, labels)

    def _part(self, index: int) -> slice:
        return slice(self._starts[index], self._starts[index + 1])

    def padded(self, chosen) -> tuple:
        """(states, shapes, mask, tags); a tag of -1 is not learnt."""
        tokens = next(length for length in LENGTHS if length >= self.lengths[chosen].max())
        states = np.zeros((len(chosen), tokens, HIDDEN), np.float16)
        seen = np.zeros((len(chosen), tokens, shapes.SIZE), np.float16)
        mask = np.zeros((len(chosen), tokens), np.float32)
        wanted = np.full((len(chosen), tokens), -1, np.int32)
        for row, index in enumerate(chosen):
            part, length = self._part(index), self.lengths[index]
            states[row, :length], seen[row, :length] = self._states[part], self._shapes[part]
            mask[row, :length], wanted[row, :length] = 1, self._tags[part]
        return states, seen, mask, wanted

    def shuffled(self, random: np.random.Generator, rows: int) -> list:
        """One epoch: all texts in full batches of like length, in random order; what is over waits for the next epoch."""
        order = random.permutation(len(self.lengths))
        order = order[: len(order) // rows * rows]
        batches = []
        for start in range(0, len(order), rows * POOL):
            pool = order[start : start + rows * POOL]
            batches += np.split(pool[np.argsort(self.lengths[pool], kind="stable")], len(pool) // rows)
        return [batches[index] for index in random.permutation(len(batches))]

    def scores(self, path) -> list:
        """f32 [tokens, labels] of each text from the graph, as the host would run it."""
        graph, made = session(path), [None] * len(self.texts)
        order = np.argsort(self.lengths, kind="stable")
        for start in range(0, len(order), 16):
            chosen = order[start : start + 16]
            states, seen, mask, _ = self.padded(chosen)
            inputs = {"states": states.astype(np.float32), "shapes": seen.astype(np.float32), "attention_mask": mask.astype(np.int64)}
            (found,) = graph.run(["tags"], inputs)
            for row, index in enumerate(chosen):
                made[index] = found[row, : self.lengths[index]]
        return made

    def spans(self, scores: list) -> list:
        """The spans that `scores` give each text."""
        return [decode(encoding, found, self.labels) for encoding, found in zip(self.encodings, scores)]


def firsts(encoding) -> list:
    """Places of the first pieces of all words."""
    words = encoding.word_ids
    return [place for place, word in enumerate(words) if word is not None and word != words[place - 1]]


def tags(text: Text, encoding, labels: list) -> np.ndarray:
    made, open_span = np.full(len(encoding.ids), -1, np.int32), None
    for place in firsts(encoding):
        start, end = encoding.offsets[place]
        span = next((span for span in text.spans if start < span[1] and end > span[0]), None)
        made[place] = labels.index(("I-" if span == open_span else "B-") + span[2]) if span else 0
        open_span = span
    return made


def allowed(labels: list) -> np.ndarray:
    """0 where the second tag may follow the first, else -NEVER: I follows B or I of its kind alone."""
    made = np.zeros((len(labels), len(labels)), np.float32)
    for after, label in enumerate(labels):
        if label.startswith("I-"):
            for before, other in enumerate(labels):
                made[before, after] = 0 if other[2:] == label[2:] else -NEVER
    return made


def decode(encoding, scores: np.ndarray, labels: list) -> list:
    """The likeliest allowed tags as spans: (start, end, kind), in characters."""
    places = firsts(encoding)
    if not places:
        return []
    follow = allowed(labels)
    logs = np.log(np.maximum(scores[places], 1e-9))
    best = logs[0] + np.array([-NEVER if label.startswith("I-") else 0 for label in labels])
    back = []
    for row in logs[1:]:
        paths = best[:, None] + follow
        back.append(paths.argmax(0))
        best = paths.max(0) + row
    path = [int(best.argmax())]
    for row in reversed(back):
        path.append(int(row[path[-1]]))
    spans = []
    ends = [encoding.offsets[last - 1][1] for last in [*places[1:], len(encoding.ids) - 1]]
    for place, end, index in zip(places, ends, reversed(path)):
        label = labels[index]
        if label.startswith("B-"):
            spans.append([encoding.offsets[place][0], end, label[2:]])
        elif label.startswith("I-"):
            spans[-1][1] = end
    return [tuple(span) for span in spans]


def fresh(upstream: dict, labels: list, seed: int = SEED) -> dict:
    """Published layers, a new head, shapes that say nothing yet."""
    weights = {name: jnp.asarray(value) for name, value in upstream.items() if name.startswith(TOP)}
    random = np.random.default_rng(seed)
    weights["shapes.weight"] = jnp.asarray(random.normal(0, 0.02, (HIDDEN, shapes.SIZE)), jnp.float32)
    weights["tags.weight"] = jnp.asarray(random.normal(0, 0.05, (len(labels), HIDDEN)), jnp.float32)
    weights["tags.bias"] = jnp.zeros(len(labels))
    return weights


def train(weights: dict, split: Tagged, recipe: Recipe, after) -> None:
    """`after(weights, epoch)` is called after each epoch, with the weights or their running mean; it tells whether to go on."""
    random = np.random.default_rng(recipe.seed)
    plan = [batch for _ in range(recipe.epochs) for batch in [*split.shuffled(random, recipe.rows), None]]
    steps = sum(batch is not None for batch in plan)
    rate = optax.warmup_cosine_decay_schedule(0, recipe.rate, int(recipe.warm * steps), steps, recipe.rate / 200)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, weight_decay=recipe.decay))
    state, key, epoch, mean = optimiser.init(weights), jax.random.key(recipe.seed), 0, weights

    @jax.jit
    def step(weights, mean, state, states, seen, mask, wanted, key):
        gradients = jax.grad(loss)(weights, states, seen, mask, wanted, key, recipe)
        updates, state = optimiser.update(gradients, state, weights)
        weights = optax.apply_updates(weights, updates)
        mean = jax.tree.map(lambda old, new: recipe.mean * old + (1 - recipe.mean) * new, mean, weights)
        return weights, mean, state

    for batch in plan:
        if batch is None:
            epoch += 1
            if not after({name: np.asarray(value, np.float32) for name, value in mean.items()}, epoch):
                return
            continue
        key, own = jax.random.split(key)
        weights, mean, state = step(weights, mean, state, *split.padded(batch), own)


def loss(weights: dict, states, seen, mask, wanted, key, recipe: Recipe) -> jax.Array:
    logits = answers(weights, states, seen, mask, key, recipe.dropout)
    known = wanted >= 0
    target = optax.smooth_labels(jax.nn.one_hot(wanted, len(recipe.labels)), recipe.smooth)
    return (optax.softmax_cross_entropy(logits, target) * known).sum() / known.sum()


def answers(weights: dict, states, seen, mask, key, rate: float):
    states = states.astype(jnp.float32) + seen.astype(jnp.float32) @ weights["shapes.weight"].T
    for place, prefix in enumerate(TOP):
        states = layer(weights, prefix, states, mask, jax.random.fold_in(key, place), rate)
    return linear(weights, "tags", drop(states, jax.random.fold_in(key, len(TOP)), rate))


def layer(weights: dict, prefix: str, states, mask, key, rate: float):
    rows, tokens, _ = states.shape
    keys = jax.random.split(key, 3)

    def part(name):
        made = linear(weights, f"{prefix}attention.self.{name}", states)
        return made.reshape(rows, tokens, HEADS, -1).transpose(0, 2, 1, 3)

    query, key_, value = part("query"), part("key"), part("value")
    scores = query @ key_.transpose(0, 1, 3, 2) / np.sqrt(HIDDEN // HEADS) + (1 - mask[:, None, None, :]) * -1e9
    mixed = drop(jax.nn.softmax(scores), keys[0], rate) @ value
    mixed = mixed.transpose(0, 2, 1, 3).reshape(rows, tokens, HIDDEN)
    inner = drop(linear(weights, prefix + "attention.output.dense", mixed), keys[1], rate)
    states = normalise(weights, prefix + "attention.output.LayerNorm", states + inner)
    inner = jax.nn.gelu(linear(weights, prefix + "intermediate.dense", states), approximate=False)
    inner = drop(linear(weights, prefix + "output.dense", inner), keys[2], rate)
    return normalise(weights, prefix + "output.LayerNorm", states + inner)


def linear(weights: dict, name: str, value):
    return value @ weights[name + ".weight"].T + weights[name + ".bias"]


def normalise(weights: dict, name: str, value):
    mean = value.mean(-1, keepdims=True)
    spread = ((value - mean) ** 2).mean(-1, keepdims=True)
    return (value - mean) * jax.lax.rsqrt(spread + EPSILON) * weights[name + ".weight"] + weights[name + ".bias"]


def drop(value, key, rate: float):
    return jnp.where(jax.random.bernoulli(key, 1 - rate, value.shape), value / (1 - rate), 0)


def build(name: str, branches: list, labels: list, path) -> None:
    """The graph, its layers at eight bits: the mean of what each branch, a set of weights, says."""
    graph = Graph(name)
    states = graph.input("states", TensorProto.FLOAT, ["batch", "tokens", HIDDEN])
    seen = graph.input("shapes", TensorProto.FLOAT, ["batch", "tokens", shapes.SIZE])
    mask = graph.input("attention_mask", TensorProto.INT64, ["batch", "tokens"])
    weight = graph.node("Cast", [mask], to=TensorProto.FLOAT)
    bias = Layers(graph, {}).attention_bias(weight)
    # Padding comes as zeros, whose scale would be zero: it is moved away from them, and weighs nothing all the same.
    off = graph.node("Sub", [graph.constant("one.f", np.float32(1)), weight])
    states = graph.node("Add", [states, graph.node("Unsqueeze", [off, graph.constant("two", np.array([2]))])])
    made = [branch(graph, weights, "" if place == 0 else f"branch{place}.", (states, seen, bias)) for place, weights in enumerate(branches)]
    tags = made[0] if len(made) == 1 else graph.node("Mean", made)
    graph.output("tags", tags, ["batch", "tokens", len(labels)])
    graph.save(path)


def branch(graph: Graph, weights: dict, prefix: str, inputs: tuple) -> str:
    """The probabilities of one set of weights, whose constants stand under `prefix`."""
    states, seen, bias = inputs
    layers = Layers(graph, {prefix + name: value for name, value in weights.items()})
    own = graph.node("MatMul", [seen, graph.constant(f"{prefix}shapes.w", weights["shapes.weight"].T)])
    states = graph.node("Add", [states, own])
    for top in TOP:
        states = layers.layer(states, bias, prefix + top)
    matrix, shift = layers.dense(prefix + "tags")
    product = graph.node("MatMul", [states, graph.constant(f"{prefix}tags.w", matrix)])
    scores = graph.node("Add", [product, graph.constant(f"{prefix}tags.b", shift)])
    return graph.node("Softmax", [scores], axis=-1)


def measure(wanted: list, found: list) -> tuple:
    """(precision, recall, F1) of exact spans, with (right, found, wanted) of each text."""
    counts = [(len(set(a) & set(b)), len(set(b)), len(set(a))) for a, b in zip(wanted, found)]
    return (*score(np.array(counts).sum(axis=0)), np.array(counts))


def score(totals: np.ndarray) -> tuple:
    right, found, wanted = totals
    return right / max(1, found), right / max(1, wanted), 2 * right / max(1, found + wanted)


def interval(counts: np.ndarray) -> tuple:
    """The 95 % bootstrap interval of F1, whole texts drawn."""
    random = np.random.default_rng(0)
    draws = [score(counts[random.integers(len(counts), size=len(counts))].sum(axis=0))[2] for _ in range(1000)]
    return tuple(np.quantile(draws, [0.025, 0.975]))
