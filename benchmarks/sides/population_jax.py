"""A population in JAX: vmap over members, scan over an epoch's steps, one jit; compiled before the clock starts."""

import jax
import jax.numpy as jnp
from population_task import BATCH, STEPS, decays, gammas, member_count, rates, report, rows, smoothings, timed

K = member_count()
X, y = (jnp.array(part) for part in rows())
HYPER = {name: jnp.array(values(K)) for name, values in
         {"lr": rates, "gamma": gammas, "smoothing": smoothings, "decay": decays}.items()}  # fmt: skip


def start(key):
    sizes = [(64, 64), (64, 64), (64, 10)]
    keys = jax.random.split(key, len(sizes))
    return [
        (jax.random.uniform(one, size, minval=-1, maxval=1) / size[0] ** 0.5, jnp.zeros(size[1]))
        for one, size in zip(keys, sizes, strict=True)
    ]


def focal(params, hyper, x, target):
    for weight, bias in params[:-1]:
        x = jax.nn.relu(x @ weight + bias)
    log_p = jax.nn.log_softmax(x @ params[-1][0] + params[-1][1])
    own = jnp.take_along_axis(log_p, target[:, None], 1)[:, 0]
    entropy = -(1 - hyper["smoothing"]) * own - hyper["smoothing"] * log_p.mean(-1)
    return (jnp.maximum(1 - jnp.exp(own), 1e-6) ** hyper["gamma"] * entropy).mean()


def adamw(params, m, v, hyper, step, x, target):
    gradient = jax.grad(focal)(params, hyper, x, target)
    m = jax.tree.map(lambda old, g: 0.9 * old + 0.1 * g, m, gradient)
    v = jax.tree.map(lambda old, g: 0.999 * old + 0.001 * g * g, v, gradient)

    def moved(p, first, second):
        ratio = first / (1 - 0.9**step) / (jnp.sqrt(second / (1 - 0.999**step)) + 1e-8)
        return p * (1 - hyper["lr"] * hyper["decay"]) - hyper["lr"] * ratio

    return jax.tree.map(moved, params, m, v), m, v


@jax.jit
def epoch(state, order):
    def one(carry, rows):
        (params, m, v), step = carry
        new = jax.vmap(adamw, in_axes=(0, 0, 0, 0, None, None, None))(params, m, v, HYPER, step, X[rows], y[rows])
        return (new, step + 1), None

    return jax.lax.scan(one, state, order.reshape(STEPS, BATCH))[0]


params = jax.vmap(start)(jax.random.split(jax.random.key(0), K))
zeros = jax.tree.map(jnp.zeros_like, params)
held = [((params, zeros, zeros), jnp.float32(1))]


def advance(order):
    held[0] = jax.block_until_ready(epoch(held[0], jnp.array(order)))


report(timed(advance))
