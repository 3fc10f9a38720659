"""JAX's training step, compiled whole, with donated buffers: NHWC images, HWIO weights."""

import protocol

options = protocol.parse(__doc__)

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import networks

CONVOLUTION = ("NHWC", "HWIO", "NHWC")


def initial(layer, random):
    """The parameters and the averages of a layer."""
    if isinstance(layer, networks.Conv):
        shape = (layer.kernel, layer.kernel, layer.inputs // layer.groups, layer.outputs)
        deviation = (2 / (layer.kernel ** 2 * layer.outputs / layer.groups)) ** 0.5
        return {"kernel": random.normal(0, deviation, shape).astype(np.float32)}, {}
    if isinstance(layer, networks.Norm):
        ones, zeros = np.ones(layer.channels, np.float32), np.zeros(layer.channels, np.float32)
        # The spread is the variance for batch normalization, the deviation for batch renorm.
        averages = {} if options.norm.startswith("group") else {"mean": zeros, "spread": ones}
        return {"scale": ones, "shift": zeros}, averages
    if isinstance(layer, networks.Dense):
        kernel = random.normal(0, 0.01, (layer.inputs, layer.outputs)).astype(np.float32)
        return {"kernel": kernel, "bias": np.zeros(layer.outputs, np.float32)}, {}
    if isinstance(layer, networks.Residual):
        body, shortcut = initial_all(layer.body, random), initial_all(layer.shortcut, random)
        return tuple([first, second] for first, second in zip(body, shortcut))
    return {}, {}


def initial_all(layers, random):
    pairs = [initial(layer, random) for layer in layers]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def apply_all(layers, parameters, averages, x, key):
    updated = []
    for layer, own, average in zip(layers, parameters, averages):
        x, average = apply(layer, own, average, x, key)
        updated.append(average)
    return x, updated


def apply(layer, own, average, x, key):
    if isinstance(layer, networks.Conv):
        padding = [(layer.padding, layer.padding)] * 2
        return lax.conv_general_dilated(
            x, own["kernel"], (layer.stride, layer.stride), padding, dimension_numbers=CONVOLUTION,
            feature_group_count=layer.groups), average
    if isinstance(layer, networks.Norm):
        return normalize(own, average, x)
    if isinstance(layer, networks.Relu):
        return (jnp.clip(x, 0, layer.limit) if layer.limit else jax.nn.relu(x)), average
    if isinstance(layer, networks.MaxPool):
        window, strides = (1, layer.kernel, layer.kernel, 1), (1, layer.stride, layer.stride, 1)
        padding = [(0, 0), (layer.padding, layer.padding), (layer.padding, layer.padding), (0, 0)]
        return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, padding), average
    if isinstance(layer, networks.Residual):
        y, first = apply_all(layer.body, own[0], average[0], x, key)
        x, second = apply_all(layer.shortcut, own[1], average[1], x, key)
        return x + y, [first, second]
    if isinstance(layer, networks.GlobalAverage):
        return x.mean((1, 2)), average
    if isinstance(layer, networks.Dropout):
        kept = jax.random.bernoulli(key, 1 - layer.rate, x.shape)
        return jnp.where(kept, x / (1 - layer.rate), 0), average
    return x @ own["kernel"] + own["bias"], average


def normalize(own, average, x):
    if options.norm.startswith("group"):
        groups = x.reshape(*x.shape[:3], int(options.norm.split(":")[1]), -1)
        mean, variance = groups.mean((1, 2, 4), keepdims=True), groups.var((1, 2, 4), keepdims=True)
        x = ((groups - mean) * lax.rsqrt(variance + protocol.EPSILON)).reshape(x.shape)
        return x * own["scale"] + own["shift"], average
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    if options.norm == "batch":
        factor, shift = own["scale"], own["shift"]
        count = x.size // x.shape[3]
        updated = {"mean": mean, "spread": variance * (count / (count - 1))}
        rate = 0.1
    else:
        deviation = jnp.sqrt(variance + protocol.EPSILON)
        r = jnp.clip(deviation / average["spread"], 1 / protocol.R_MAX, protocol.R_MAX)
        d = jnp.clip((mean - average["mean"]) / average["spread"], -protocol.D_MAX, protocol.D_MAX)
        factor = own["scale"] * lax.stop_gradient(r)
        shift = own["scale"] * lax.stop_gradient(d) + own["shift"]
        updated = {"mean": mean, "spread": deviation}
        rate = protocol.AVERAGING_RATE
    y = (x - mean) * (lax.rsqrt(variance + protocol.EPSILON) * factor) + shift
    follow = lambda old, new: old + rate * (lax.stop_gradient(new) - old)
    return y, jax.tree.map(follow, average, updated)


def make():
    layers = networks.network(options.model, options.input, options.classes)
    random = np.random.default_rng(0)
    parameters, averages = jax.tree.map(jnp.asarray, initial_all(layers, random))
    slots = jax.tree.map(jnp.zeros_like, parameters)
    images = jnp.asarray(random.normal(size=(options.batch, *options.input)).astype(np.float32))
    labels = jnp.asarray(random.integers(0, options.classes, options.batch))

    def loss(parameters, averages, images, labels, key):
        logits, averages = apply_all(layers, parameters, averages, images, key)
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)
        return -chosen.mean(), averages

    def step(parameters, averages, slots, images, labels, key):
        key, own = jax.random.split(key)
        (value, averages), gradients = jax.value_and_grad(loss, has_aux=True)(parameters, averages, images, labels, own)
        decayed = jax.tree.map(
            lambda p, g: g + protocol.DECAY * p if p.ndim > 1 else g, parameters, gradients)
        slots = jax.tree.map(lambda b, g: protocol.MOMENTUM * b + g, slots, decayed)
        parameters = jax.tree.map(
            lambda p, g, b: p - protocol.RATE * (g + protocol.MOMENTUM * b), parameters, decayed, slots)
        return parameters, averages, slots, key, value

    compiled = jax.jit(step, donate_argnums=(0, 1, 2, 5))
    state = [parameters, averages, slots, jax.random.key(0)]
    del parameters, averages, slots

    def train(count):
        value = None
        for _ in range(count):
            *state[:], value = compiled(*state[:3], images, labels, state[3])
        jax.block_until_ready((state, value))

    return train


def main():
    protocol.serve("jax", jax.__version__, options, {"jit": make})


if __name__ == "__main__":
    main()
