"""MiniLM's top two layers with a head for each question, trained in JAX on the states of the shipped trunk.

`inner` is what the layers start from: the published weights of encoder layers 4 and 5. A text's vector is the mean of its
tokens' states; a head is one linear layer on it. The loss is summed over the heads and leaves out labels that are unknown.
"""

import os

# One thread, so that a rebuild takes the same processor time anywhere and leaves the others alone. Before JAX is loaded.
os.environ.update(NPROC="1", XLA_FLAGS="--xla_cpu_multi_thread_eigen=false", JAX_PLATFORMS="cpu")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402

from layers import EPSILON, HEADS, HIDDEN  # noqa: E402

LAYERS = ("encoder.layer.4.", "encoder.layer.5.")
SEED = 11
ROWS = 32
RATE, WARM, DECAY, DROPOUT = 2e-4, 0.06, 0.01, 0.1


def fresh(upstream: dict, sizes: dict) -> dict:
    """Published layers, new heads."""
    weights = {name: jnp.asarray(value) for name, value in upstream.items() if name.startswith(LAYERS)}
    random = np.random.default_rng(SEED)
    for head, size in sizes.items():
        weights[f"{head}.weight"] = jnp.asarray(random.normal(0, 0.05, (size, HIDDEN)), jnp.float32)
        weights[f"{head}.bias"] = jnp.zeros(size)
    return weights


def train(weights: dict, texts, targets: dict, epochs: int, after) -> dict:
    """The weights after `epochs`. `texts` gives padded states, `targets[head]` is (label, importance) for each text;
    `after(weights, epoch)` is called after each epoch."""
    random = np.random.default_rng(SEED)
    plan = [batch for _ in range(epochs) for batch in [*texts.shuffled(random, ROWS), None]]
    steps = sum(batch is not None for batch in plan)
    rate = optax.warmup_cosine_decay_schedule(0, RATE, int(WARM * steps), steps, RATE / 200)
    optimiser = optax.adamw(rate, weight_decay=DECAY)
    state, key, epoch = optimiser.init(weights), jax.random.key(SEED), 0

    @jax.jit
    def step(weights, state, states, mask, chosen, key):
        gradients = jax.grad(loss)(weights, states, mask, chosen, key)
        updates, state = optimiser.update(gradients, state, weights)
        return optax.apply_updates(weights, updates), state

    for batch in plan:
        if batch is None:
            epoch += 1
            after(weights, epoch)
            continue
        key, own = jax.random.split(key)
        chosen = {head: (labels[batch], shares[batch]) for head, (labels, shares) in targets.items()}
        weights, state = step(weights, state, *texts.padded(batch), chosen, own)
    return weights


def loss(weights: dict, states, mask, chosen: dict, key) -> jax.Array:
    """Cross-entropy a row, each weighed by its importance: 0 where a label is unknown."""
    total = 0.0
    for head, logits in answers(weights, states, mask, key).items():
        labels, shares = chosen[head]
        rows = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        total += (rows * shares).sum() / len(labels)
    return total


def answers(weights: dict, states, mask, key) -> dict:
    states = states.astype(jnp.float32)
    for place, prefix in enumerate(LAYERS):
        states = layer(weights, prefix, states, mask, jax.random.fold_in(key, place))
    vector = (states * mask[..., None]).sum(1) / mask.sum(1)[:, None]
    vector = drop(vector, jax.random.fold_in(key, len(LAYERS)))
    heads = [name.removesuffix(".bias") for name in weights if name.count(".") == 1 and name.endswith(".bias")]
    return {head: linear(weights, head, vector) for head in heads}


def layer(weights: dict, prefix: str, states, mask, key):
    rows, tokens, _ = states.shape
    keys = jax.random.split(key, 3)

    def part(name):
        made = linear(weights, f"{prefix}attention.self.{name}", states)
        return made.reshape(rows, tokens, HEADS, -1).transpose(0, 2, 1, 3)

    query, key_, value = part("query"), part("key"), part("value")
    scores = query @ key_.transpose(0, 1, 3, 2) / np.sqrt(HIDDEN // HEADS) + (1 - mask[:, None, None, :]) * -1e9
    mixed = drop(jax.nn.softmax(scores), keys[0]) @ value
    mixed = mixed.transpose(0, 2, 1, 3).reshape(rows, tokens, HIDDEN)
    inner = drop(linear(weights, prefix + "attention.output.dense", mixed), keys[1])
    states = normalise(weights, prefix + "attention.output.LayerNorm", states + inner)
    inner = jax.nn.gelu(linear(weights, prefix + "intermediate.dense", states), approximate=False)
    inner = drop(linear(weights, prefix + "output.dense", inner), keys[2])
    return normalise(weights, prefix + "output.LayerNorm", states + inner)


def linear(weights: dict, name: str, value):
    return value @ weights[name + ".weight"].T + weights[name + ".bias"]


def normalise(weights: dict, name: str, value):
    mean = value.mean(-1, keepdims=True)
    spread = ((value - mean) ** 2).mean(-1, keepdims=True)
    return (value - mean) * jax.lax.rsqrt(spread + EPSILON) * weights[name + ".weight"] + weights[name + ".bias"]


def drop(value, key):
    return jnp.where(jax.random.bernoulli(key, 1 - DROPOUT, value.shape), value / (1 - DROPOUT), 0)
