"""JAX: a compiled call a step, or one `lax.scan` over all steps."""

from functools import partial

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

EPS, BETA1, BETA2 = 1e-7, 0.9, 0.999
IMAGES = ("NHWC", "HWIO", "NHWC")  # the one that XLA is fast at on CPUs, in loops above all


def _pool(x, size, stride):
    """Take the maximum of each window; the gradient goes to the first of equals.

    Differences of slices are several times faster than `lax.reduce_window` with its gradient.
    """
    best = None
    H, W = ((side - size) // stride + 1 for side in x.shape[1:3])
    for h in range(size):
        for w in range(size):
            part = x[:, h : h + stride * H : stride, w : w + stride * W : stride]
            best = part if best is None else jnp.where(part > best, part, best)
    return best


def _loss(layers, params, x, t, masks):
    masks, number = list(masks), 0
    for layer in layers:
        kind = layer["kind"]
        if kind in ("affine", "convolution"):
            number += 1
            weight, bias = params[f"W{number}"], params[f"b{number}"]
        if kind == "affine":
            x = x.reshape(len(x), -1) @ weight + bias
        elif kind == "convolution":
            pad = layer["pad"]
            strides = (layer["stride"],) * 2
            x = lax.conv_general_dilated(
                x, weight, strides, [(pad, pad), (pad, pad)], dimension_numbers=IMAGES
            )
            x = x + bias
        elif kind == "pool":
            x = _pool(x, layer["size"], layer["stride"])
        elif kind == "relu":
            x = jax.nn.relu(x)
        else:
            x = x * masks.pop(0)
    likelihood = jnp.take_along_axis(jax.nn.log_softmax(x), t[:, None], axis=1)
    return -likelihood.mean()


def _sgd(params, state, grads, rate):
    return jax.tree.map(lambda p, g: p - rate * g, params, grads), state


def _adam(params, state, grads, rate):
    m = jax.tree.map(lambda m, g: m + (1 - BETA1) * (g - m), state[0], grads)
    v = jax.tree.map(lambda v, g: v + (1 - BETA2) * (g * g - v), state[1], grads)
    params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + EPS), params, m, v)
    return params, (m, v)


class Training:
    def __init__(self, task, scan):
        self.task, self._scan = task, scan
        self._params = _channels_last(task)
        self._rates = np.full(task.steps, task.lr, np.float32)
        update = _sgd
        if task.optimizer == "Adam":
            update = _adam
            n = np.arange(1, task.steps + 1)
            self._rates = np.float32(task.lr * np.sqrt(1 - BETA2**n) / (1 - BETA1**n))
        loss_and_grads = jax.value_and_grad(partial(_loss, task.layers))

        def step(params, state, x, t, masks, rate):
            loss, grads = loss_and_grads(params, x, t, masks)
            return *update(params, state, grads, rate), loss

        def scanned(params, state, images, labels, chosen, masks, rates):
            def body(carry, of_step):
                some, mask, rate = of_step
                *carry, loss = step(*carry, images[some], labels[some], mask, rate)
                return tuple(carry), loss

            (params, state), losses = lax.scan(body, (params, state), (chosen, masks, rates))
            return params, state, losses

        def gathered(params, state, images, labels, chosen, masks, rate):
            return step(params, state, images[chosen], labels[chosen], masks, rate)

        compiled = partial(jax.jit, donate_argnums=(0, 1))
        self._step, self._scanned, self._gathered = map(compiled, (step, scanned, gathered))
        self._images = jnp.asarray(_inputs(task, slice(None)))
        self._labels = jnp.asarray(task.labels.astype(np.int32))
        self._order = task.order.astype(np.int32).reshape(task.steps, task.batch)
        self._masks = [
            mask.astype(np.float32).reshape(task.steps, task.batch, -1) for mask in task.masks
        ]
        self._batches, self._epoch_arrays = [], None
        self._now = None

    def reset(self):
        params = {name: jnp.array(value) for name, value in self._params.items()}
        zeros = [{name: jnp.zeros_like(p) for name, p in params.items()} for _ in range(2)]
        self._now = params, tuple(zeros) if self.task.optimizer == "Adam" else ()
        jax.block_until_ready(self._now)

    def steps(self, count):
        if self._scan:
            return self._scan_over(self._arrays(count)).tolist()
        for step in range(len(self._batches), count):
            chosen = self._order[step]
            masks = [jnp.asarray(mask[step]) for mask in self._masks]
            batch = self._images[chosen], self._labels[chosen], masks, self._rates[step]
            self._batches.append(batch)
        losses = []
        for batch in self._batches[:count]:
            *self._now, loss = self._step(*self._now, *batch)
            losses.append(loss)
        jax.block_until_ready(self._now)
        return [float(loss) for loss in losses]

    def epoch(self):
        if self._epoch_arrays is None:
            self._epoch_arrays = self._arrays(self.task.steps)
        if self._scan:
            return float(self._scan_over(self._epoch_arrays).mean())
        losses = []
        for step in range(self.task.steps):
            chosen, rate = self._order[step], self._rates[step]
            masks = [mask[step] for mask in self._masks]
            *self._now, loss = self._gathered(
                *self._now, self._images, self._labels, chosen, masks, rate
            )
            losses.append(loss)
        jax.block_until_ready(self._now)
        return float(np.mean([float(loss) for loss in losses]))

    def _arrays(self, count):
        masks = [jnp.asarray(mask[:count]) for mask in self._masks]
        return jnp.asarray(self._order[:count]), masks, jnp.asarray(self._rates[:count])

    def _scan_over(self, arrays):
        *self._now, losses = self._scanned(*self._now, self._images, self._labels, *arrays)
        jax.block_until_ready(self._now)
        return np.asarray(losses)


def _inputs(task, chosen):
    x = task.inputs(chosen, np.float32)
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else x


def _channels_last(task):
    """Return the first weights, as images with their channels last need them."""
    params, number = {}, 0
    for layer, before, shape, _ in task.walk():
        if shape is None:
            continue
        number += 1
        weight = task.params[f"W{number}"]
        if layer["kind"] == "convolution":
            weight = weight.transpose(2, 3, 1, 0)
        elif len(before) == 3:
            C, H, W = before
            weight = weight.reshape(C, H, W, -1).transpose(1, 2, 0, 3).reshape(shape)
        params[f"W{number}"] = weight.astype(np.float32)
        params[f"b{number}"] = task.params[f"b{number}"].astype(np.float32)
    return params


def make(task, **settings):
    return Training(task, **settings)
