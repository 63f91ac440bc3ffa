"""The part of the model that is trained: MiniLM's top two layers, and what looks at their states and says yes or no to each label.

Four learned queries attend over a text's tokens; the four vectors and the mean of all tokens go through one hidden layer to a sigmoid for
each label. Layers start as published and learn slowly, the rest learns fast. Training sees the rounding that ships. A label that is not
known of a text weighs nothing. What comes out is the running mean of the weights.
"""

import finetune  # isort: skip  first: it sets the threads before JAX is loaded

import jax
import jax.numpy as jnp
import numpy as np
import optax
from safetensors.numpy import load_file

from encoder import upstream
from layers import HIDDEN

HEAD = "screen"
QUERIES, INNER = 4, 160
ROWS = 32
RATE, HEAD_RATE, WARM, DECAY, DROPOUT, HEAD_DROPOUT = 2e-4, 1e-3, 0.06, 0.01, 0.1, 0.2
CUTOFF = 0.1
MEAN = 0.995


def fresh(labels: int, seed: int) -> dict:
    random = np.random.default_rng(seed)
    published = load_file(upstream() / "model.safetensors")
    weights = {name: jnp.asarray(value) for name, value in published.items() if name.startswith(finetune.LAYERS)}

    def normal(*dims):
        return jnp.asarray(random.normal(0, dims[0] ** -0.5, dims), jnp.float32)

    return weights | {
        "queries": normal(HIDDEN, QUERIES),
        "inner.w": normal((QUERIES + 1) * HIDDEN, INNER),
        "inner.b": jnp.zeros(INNER),
        "screen.w": normal(INNER, labels),
        "screen.b": jnp.full(labels, -3.0),
    }


def train(texts, labels: np.ndarray, shares: np.ndarray, epochs: int, seed: int, after) -> dict:
    """The mean weights after `epochs`; `labels` and `shares` are [texts, labels], `after(weights, epoch)` is called after each epoch."""
    weights, random = fresh(labels.shape[1], seed), np.random.default_rng(seed)
    plan = [batch for _ in range(epochs) for batch in [*texts.shuffled(random, ROWS), None]]
    steps = sum(batch is not None for batch in plan)
    optimiser = optax.multi_transform(
        {"layers": optimiser_of(RATE, steps), "heads": optimiser_of(HEAD_RATE, steps)},
        {name: "layers" if name.startswith(finetune.LAYERS) else "heads" for name in weights},
    )
    state, key, mean, epoch, done = optimiser.init(weights), jax.random.key(seed), weights, 0, 0

    @jax.jit
    def step(weights, mean, state, keep, states, mask, targets, weighs, key):
        gradients = jax.grad(loss)(weights, states, mask, targets, weighs, key)
        updates, state = optimiser.update(gradients, state, weights)
        weights = optax.apply_updates(weights, updates)
        mean = jax.tree.map(lambda old, new: keep * old + (1 - keep) * new, mean, weights)
        return weights, mean, state

    for batch in plan:
        if batch is None:
            epoch += 1
            after(finetune.plain(mean), epoch)
            continue
        key, own = jax.random.split(key)
        done += 1
        keep = np.float32(min(MEAN, done / (done + 10)))
        weights, mean, state = step(weights, mean, state, keep, *texts.padded(batch), labels[batch], shares[batch], own)
    return finetune.plain(mean)


def optimiser_of(rate: float, steps: int):
    return optax.adamw(optax.warmup_cosine_decay_schedule(0, rate, int(WARM * steps), steps, rate / 100), weight_decay=DECAY)


def loss(weights: dict, states, mask, targets, weighs, key) -> jax.Array:
    rows = optax.sigmoid_binary_cross_entropy(logits(weights, states, mask, key), targets)
    return (rows * weighs).sum() / len(rows)


def logits(weights: dict, states, mask, key):
    states = states.astype(jnp.float32)
    mask = finetune.cut(mask, jax.random.fold_in(key, 99), CUTOFF)
    for place, prefix in enumerate(finetune.LAYERS):
        states = finetune.layer(weights, prefix, states, mask, jax.random.fold_in(key, place), DROPOUT)
    scores = states @ weights["queries"] + (1 - mask[..., None]) * -1e9
    looked = jnp.einsum("btq,bth->bqh", jax.nn.softmax(scores, axis=1), states)
    mean = (states * mask[..., None]).sum(1) / mask.sum(1)[:, None]
    vector = jnp.concatenate([looked.reshape(len(states), -1), mean], axis=1)
    one, two = jax.random.split(jax.random.fold_in(key, 100))
    vector = finetune.drop(vector, one, HEAD_DROPOUT)
    inner = jax.nn.gelu(vector @ weights["inner.w"] + weights["inner.b"], approximate=False)
    return finetune.drop(inner, two, HEAD_DROPOUT) @ weights["screen.w"] + weights["screen.b"]
