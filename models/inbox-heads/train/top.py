"""MiniLM's top two layers with a head for each question, trained in JAX on the states of the shipped trunk.

The layers start from the published weights of encoder layers 4 and 5. A text's vector is the mean of its tokens' states; a
head is one linear layer on it. The loss is summed over the heads and leaves out labels that are unknown. What comes out is
the running mean of the weights, which is less a matter of the last steps.

A layout says which layers the questions share: `shared` has both layers for all of them; `split` has layer 4 for all, and
layer 5 three times, for type, for urgency, and for mood (sentiment and anger); `own` has both three times.
"""

import os

# One thread, so that a rebuild takes the same processor time anywhere and leaves the others alone. Before JAX is loaded.
os.environ.update(NPROC="1", XLA_FLAGS="--xla_cpu_multi_thread_eigen=false", JAX_PLATFORMS="cpu")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402

from layers import EPSILON, HEADS, HIDDEN  # noqa: E402

# Which of the published layers each place starts from.
PUBLISHED = ("encoder.layer.4.", "encoder.layer.5.")
TOPICS = {"type": "type", "urgency": "urgency", "sentiment": "mood", "anger": "mood"}
LAYOUTS = {"shared": 0, "split": 1, "own": 2}
SEED = 11
ROWS = 32
RATE, WARM, DECAY, DROPOUT = 2e-4, 0.06, 0.01, 0.1
# Share of tokens that the layers are not shown while they learn, so that no single word decides.
CUTOFF = 0.1
# Share of a label's weight that goes to the other labels alike.
SMOOTH = 0.05
# The running mean looks back over about 1 / (1 - MEAN) steps.
MEAN = 0.998


def paths(layout: str) -> dict:
    """For each question the prefixes of its two layers."""
    own = LAYOUTS[layout]
    return {
        question: tuple(
            f"{topic}.{prefix}" if len(PUBLISHED) - place <= own else prefix for place, prefix in enumerate(PUBLISHED)
        )
        for question, topic in TOPICS.items()
    }


def fresh(upstream: dict, sizes: dict, layout: str) -> dict:
    """Published layers, new heads."""
    weights = {}
    for path in paths(layout).values():
        for prefix, published in zip(path, PUBLISHED):
            own = {name for name in upstream if name.startswith(published)}
            weights.update({prefix + name.removeprefix(published): jnp.asarray(upstream[name]) for name in own})
    random = np.random.default_rng(SEED)
    for head, size in sizes.items():
        weights[f"{head}.weight"] = jnp.asarray(random.normal(0, 0.05, (size, HIDDEN)), jnp.float32)
        weights[f"{head}.bias"] = jnp.zeros(size)
    return weights


def train(weights: dict, texts, targets: dict, layout: str, epochs: int, after) -> dict:
    """The mean weights after `epochs`. `texts` gives padded states, `targets[head]` is (label, importance) for each text;
    `after(weights, epoch)` is called with the mean weights after each epoch."""
    random = np.random.default_rng(SEED)
    plan = [batch for _ in range(epochs) for batch in [*texts.shuffled(random, ROWS), None]]
    steps = sum(batch is not None for batch in plan)
    rate = optax.warmup_cosine_decay_schedule(0, RATE, int(WARM * steps), steps, RATE / 200)
    optimiser = optax.adamw(rate, weight_decay=DECAY)
    state, key, epoch, mean, done = optimiser.init(weights), jax.random.key(SEED), 0, weights, 0
    ways = paths(layout)

    @jax.jit
    def step(weights, mean, state, states, mask, chosen, key, keep):
        gradients = jax.grad(loss)(weights, ways, states, mask, chosen, key)
        updates, state = optimiser.update(gradients, state, weights)
        weights = optax.apply_updates(weights, updates)
        mean = jax.tree.map(lambda old, new: keep * old + (1 - keep) * new, mean, weights)
        return weights, mean, state

    for batch in plan:
        if batch is None:
            epoch += 1
            after(mean, epoch)
            continue
        key, own = jax.random.split(key)
        chosen = {head: (labels[batch], shares[batch]) for head, (labels, shares) in targets.items()}
        # At first the mean follows closely, so that it forgets where it began.
        keep = np.float32(min(MEAN, (1 + done) / (10 + done)))
        weights, mean, state = step(weights, mean, state, *texts.padded(batch), chosen, own, keep)
        done += 1
    return mean


def loss(weights: dict, ways: dict, states, mask, chosen: dict, key) -> jax.Array:
    """Cross-entropy a row, each weighed by its importance: 0 where a label is unknown."""
    total = 0.0
    for head, logits in answers(weights, ways, states, mask, key).items():
        labels, shares = chosen[head]
        wanted = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[1]), SMOOTH)
        total += (optax.softmax_cross_entropy(logits, wanted) * shares).sum() / len(labels)
    return total


def answers(weights: dict, ways: dict, states, mask, key) -> dict:
    states = states.astype(jnp.float32)
    hidden = jax.random.bernoulli(jax.random.fold_in(key, 99), CUTOFF, mask.shape).at[:, 0].set(False)
    mask = mask * (1 - hidden)
    after, made = {(): states}, {}
    for place, (head, path) in enumerate(ways.items()):
        for depth in range(1, len(path) + 1):
            if path[:depth] not in after:
                own = jax.random.fold_in(key, len(after))
                after[path[:depth]] = layer(weights, path[depth - 1], after[path[: depth - 1]], mask, own)
        vector = (after[path] * mask[..., None]).sum(1) / mask.sum(1)[:, None]
        made[head] = linear(weights, head, drop(vector, jax.random.fold_in(key, 100 + place)))
    return made


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
