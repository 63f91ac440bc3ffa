"""Fine-tunes MiniLM's top two layers and a head on the states that the shipped trunk gives after its fourth layer.

Training sees the rounding that ships: weights and activations are rounded as `layers.py` rounds them, gradients pass by. What
comes out is the running mean of the weights, which is less a matter of the last steps. One thread, seeded.
"""

import os

# Before JAX is loaded.
os.environ.update(NPROC="1", XLA_FLAGS="--xla_cpu_multi_thread_eigen=false", JAX_PLATFORMS="cpu")

import time  # noqa: E402
from dataclasses import dataclass  # noqa: E402

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402

from encoder import upstream  # noqa: E402
from layers import ACTIVATION_LEVELS, EPSILON, GELU_SHIFT, HEADS, HIDDEN, WEIGHT_LEVELS  # noqa: E402

LAYERS = ("encoder.layer.4.", "encoder.layer.5.")


@dataclass(frozen=True)
class Plan:
    """How a top is trained."""

    epochs: int
    rows: int = 32
    rate: float = 2e-4
    warm: float = 0.06
    decay: float = 0.01
    dropout: float = 0.1
    # Share of tokens that a text's top layers are not shown.
    cutoff: float = 0.1
    # The running mean of the weights looks back over about 1 / (1 - mean) steps.
    mean: float = 0.998
    seed: int = 11
    # Each class by itself (several may hold) in place of one of all.
    several: bool = False


def fresh(classes: int, seed: int) -> dict:
    """Published layers, a new head."""
    published = load_file(upstream() / "model.safetensors")
    weights = {name: jnp.asarray(value) for name, value in published.items() if name.startswith(LAYERS)}
    random = np.random.default_rng(seed)
    weights["head.weight"] = jnp.asarray(random.normal(0, 0.05, (classes, HIDDEN)), jnp.float32)
    weights["head.bias"] = jnp.zeros(classes)
    return weights


def train(states, targets: np.ndarray, plan: Plan, after=None) -> dict:
    """The mean weights. `targets` has a row of probabilities for each text; `after(weights, epoch)` is told of each epoch."""
    weights, random = fresh(targets.shape[1], plan.seed), np.random.default_rng(plan.seed)
    batches = [batch for _ in range(plan.epochs) for batch in [*states.shuffled(random, plan.rows), None]]
    steps = sum(batch is not None for batch in batches)
    rate = optax.warmup_cosine_decay_schedule(0, plan.rate, int(plan.warm * steps), steps, plan.rate / 100)
    optimiser = optax.adamw(rate, weight_decay=plan.decay)
    state, key, mean, epoch, taken = optimiser.init(weights), jax.random.key(plan.seed), weights, 0, 0

    @jax.jit
    def step(weights, mean, state, keep, rows, mask, target, key):
        gradients = jax.grad(loss)(weights, rows, mask, target, key, plan)
        updates, state = optimiser.update(gradients, state, weights)
        weights = optax.apply_updates(weights, updates)
        mean = jax.tree.map(lambda old, new: keep * old + (1 - keep) * new, mean, weights)
        return weights, mean, state

    for batch in batches:
        if batch is None:
            epoch += 1
            if after:
                after(plain(mean), epoch)
            continue
        key, own = jax.random.split(key)
        taken += 1
        keep = np.float32(min(plan.mean, taken / (taken + 10)))
        weights, mean, state = step(weights, mean, state, keep, *states.padded(batch), targets[batch], own)
    return plain(mean)


def plain(weights: dict) -> dict:
    return {name: np.asarray(value, np.float32) for name, value in weights.items()}


def loss(weights: dict, rows, mask, target, key, plan: Plan) -> jax.Array:
    found = answers(weights, rows, cut(mask, jax.random.fold_in(key, 99), plan.cutoff), key, plan.dropout)
    if plan.several:
        return optax.sigmoid_binary_cross_entropy(found, target).sum(1).mean()
    return optax.softmax_cross_entropy(found, target).mean()


def cut(mask, key, share: float):
    """The mask without some of the tokens, but with the first."""
    kept = jax.random.bernoulli(key, 1 - share, mask.shape).at[:, 0].set(True)
    return mask * kept


def answers(weights: dict, rows, mask, key=None, dropout: float = 0.0) -> jax.Array:
    """The logits."""
    vector = vectors(weights, rows, mask, key, dropout)
    if key is not None:
        vector = drop(vector, jax.random.fold_in(key, len(LAYERS)), dropout)
    return vector @ weights["head.weight"].T + weights["head.bias"]


def vectors(weights: dict, rows, mask, key=None, dropout: float = 0.0) -> jax.Array:
    """The means over tokens after the last layer."""
    states = rows.astype(jnp.float32)
    for place, prefix in enumerate(LAYERS):
        states = layer(weights, prefix, states, mask, None if key is None else jax.random.fold_in(key, place), dropout)
    return (states * mask[..., None]).sum(1) / mask.sum(1)[:, None]


def layer(weights: dict, prefix: str, states, mask, key, dropout: float):
    count, tokens, _ = states.shape
    keys = [None] * 3 if key is None else jax.random.split(key, 3)
    rounded = near(states, ACTIVATION_LEVELS)

    def part(name):
        made = linear(weights, f"{prefix}attention.self.{name}", rounded)
        return made.reshape(count, tokens, HEADS, -1).transpose(0, 2, 1, 3)

    query, key_, value = part("query"), part("key"), part("value")
    scores = query @ key_.transpose(0, 1, 3, 2) / np.sqrt(HIDDEN // HEADS) + (1 - mask[:, None, None, :]) * -1e9
    mixed = drop(jax.nn.softmax(scores), keys[0], dropout) @ value
    mixed = near(mixed.transpose(0, 2, 1, 3).reshape(count, tokens, HIDDEN), ACTIVATION_LEVELS)
    inner = drop(linear(weights, prefix + "attention.output.dense", mixed), keys[1], dropout)
    states = normalise(weights, prefix + "attention.output.LayerNorm", states + inner)
    inner = linear(weights, prefix + "intermediate.dense", near(states, ACTIVATION_LEVELS))
    inner = near(jax.nn.gelu(inner, approximate=False) + GELU_SHIFT, 255) - GELU_SHIFT
    inner = drop(linear(weights, prefix + "output.dense", inner), keys[2], dropout)
    return normalise(weights, prefix + "output.LayerNorm", states + inner)


def linear(weights: dict, name: str, value):
    return value @ near(weights[name + ".weight"], WEIGHT_LEVELS).T + weights[name + ".bias"]


def near(value, levels: int):
    """Each row rounded to so many levels of its greatest, as it ships; the gradient passes unrounded."""
    scale = jnp.maximum(jnp.abs(value).max(-1, keepdims=True), 1e-9) / levels
    return value + jax.lax.stop_gradient(jnp.rint(value / scale) * scale - value)


def normalise(weights: dict, name: str, value):
    mean = value.mean(-1, keepdims=True)
    spread = ((value - mean) ** 2).mean(-1, keepdims=True)
    return (value - mean) * jax.lax.rsqrt(spread + EPSILON) * weights[name + ".weight"] + weights[name + ".bias"]


def drop(value, key, share: float):
    if key is None or share == 0:
        return value
    return jnp.where(jax.random.bernoulli(key, 1 - share, value.shape), value / (1 - share), 0)


_answers = jax.jit(answers)


def logits(weights: dict, states, rows: int = 32) -> np.ndarray:
    """Of all texts, in their order, through the layers as they ship, but computed here."""
    made = np.zeros((len(states.lengths), len(weights["head.bias"])), np.float32)
    order = np.argsort(states.lengths, kind="stable")
    for start in range(0, len(order), rows):
        chosen = order[start : start + rows]
        full = np.concatenate([chosen, np.repeat(chosen[-1:], rows - len(chosen))])
        made[chosen] = np.asarray(_answers(weights, *states.padded(full)))[: len(chosen)]
    return made


class Clock:
    """Processor time since it was made."""

    def __init__(self):
        self._began = time.process_time()

    def __str__(self) -> str:
        return f"{time.process_time() - self._began:.0f} s of processor"
