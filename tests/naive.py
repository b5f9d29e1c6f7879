"""The operations as loops over single numbers, written from their formulas.

What `fastnn.reference` is tested against, on tiny shapes. Arguments are named as in the kernels:
`weight` of shape (FN, C, FH, FW), `bias` of shape (FN,). Everything is computed in float64.
"""

import math

import numpy as np


def windows(shape, window, stride, pad):
    """Yield (oh, ow, fh, fw, h, w) for each pixel of each window that lies inside the image.

    ``h = oh * stride - pad + fh`` and ``w = ow * stride - pad + fw``: oneDNN's formula for a
    convolution without dilation.
    """
    (H, W), (FH, FW) = shape, window
    OH, OW = output_shape(shape, window, stride, pad)
    for oh, ow, fh, fw in np.ndindex(OH, OW, FH, FW):
        h, w = oh * stride - pad + fh, ow * stride - pad + fw
        if 0 <= h < H and 0 <= w < W:
            yield oh, ow, fh, fw, h, w


def output_shape(shape, window, stride, pad):
    """Count by trying: how many windows, `stride` apart, end inside the padded image."""
    return tuple(
        sum(1 for start in range(0, size + 2 * pad, stride) if start + extent <= size + 2 * pad)
        for size, extent in zip(shape, window, strict=True)
    )


def im2col(x, FH, FW, stride, pad):
    N, C, H, W = x.shape
    OH, OW = output_shape((H, W), (FH, FW), stride, pad)
    col = np.zeros((N * OH * OW, C * FH * FW))
    for n, c in np.ndindex(N, C):
        for oh, ow, fh, fw, h, w in windows((H, W), (FH, FW), stride, pad):
            col[(n * OH + oh) * OW + ow, (c * FH + fh) * FW + fw] = x[n, c, h, w]
    return col


def col2im(col, x_shape, FH, FW, stride, pad):
    N, C, H, W = x_shape
    OH, OW = output_shape((H, W), (FH, FW), stride, pad)
    x = np.zeros(x_shape)
    for n, c in np.ndindex(N, C):
        for oh, ow, fh, fw, h, w in windows((H, W), (FH, FW), stride, pad):
            x[n, c, h, w] += col[(n * OH + oh) * OW + ow, (c * FH + fh) * FW + fw]
    return x


def convolution_forward(x, weight, bias, stride, pad):
    """out(n, fn, oh, ow) = bias(fn) + sum over c, fh, fw of x(n, c, h, w) weight(fn, c, fh, fw)."""
    N, C, H, W = x.shape
    FN, _, FH, FW = weight.shape
    out = np.zeros((N, FN, *output_shape((H, W), (FH, FW), stride, pad)))
    for n, fn in np.ndindex(N, FN):
        out[n, fn] = bias[fn]
        for oh, ow, fh, fw, h, w in windows((H, W), (FH, FW), stride, pad):
            for c in range(C):
                out[n, fn, oh, ow] += float(x[n, c, h, w]) * float(weight[fn, c, fh, fw])
    return out


def convolution_backward_x(dout, weight, x_shape, stride, pad):
    """dx(n, c, h, w) = sum over fn and the windows that hold (h, w) of dout * weight."""
    N, C, H, W = x_shape
    FN, _, FH, FW = weight.shape
    dx = np.zeros(x_shape)
    for n, c, fn in np.ndindex(N, C, FN):
        for oh, ow, fh, fw, h, w in windows((H, W), (FH, FW), stride, pad):
            dx[n, c, h, w] += float(dout[n, fn, oh, ow]) * float(weight[fn, c, fh, fw])
    return dx


def convolution_backward_weight(dout, x, weight_shape, stride, pad):
    """dweight(fn, c, fh, fw) = sum over n, oh, ow of dout(n, fn, oh, ow) x(n, c, h, w)."""
    N, _, H, W = x.shape
    FN, C, FH, FW = weight_shape
    dweight = np.zeros(weight_shape)
    for fn, c, n in np.ndindex(FN, C, N):
        for oh, ow, fh, fw, h, w in windows((H, W), (FH, FW), stride, pad):
            dweight[fn, c, fh, fw] += float(dout[n, fn, oh, ow]) * float(x[n, c, h, w])
    return dweight


def convolution_backward_bias(dout):
    """dbias(fn) = sum over n, oh, ow of dout(n, fn, oh, ow)."""
    dbias = np.zeros(dout.shape[1])
    for n, fn, oh, ow in np.ndindex(dout.shape):
        dbias[fn] += dout[n, fn, oh, ow]
    return dbias


def max_pool_forward(x, pool_h, pool_w, stride, pad):
    """Return the maxima and, of the same shape, where in its window each was.

    The first of equals wins, the first NaN wins over everything, and the border never wins.
    """
    N, C, H, W = x.shape
    OH, OW = output_shape((H, W), (pool_h, pool_w), stride, pad)
    out = np.full((N, C, OH, OW), np.nan)
    arg_max = np.full((N, C, OH, OW), -1)
    for n, c in np.ndindex(N, C):
        for oh, ow, fh, fw, h, w in windows((H, W), (pool_h, pool_w), stride, pad):
            new, best = float(x[n, c, h, w]), out[n, c, oh, ow]
            none_yet = arg_max[n, c, oh, ow] < 0
            if none_yet or (not math.isnan(best) and (math.isnan(new) or new > best)):
                out[n, c, oh, ow] = new
                arg_max[n, c, oh, ow] = fh * pool_w + fw
    return out, arg_max


def max_pool_backward(dout, arg_max, x_shape, pool_h, pool_w, stride, pad):
    """Add each element of dout to the pixel that won; arg_max has the shape of dout."""
    N, C, H, W = x_shape
    dx = np.zeros(x_shape)
    for n, c in np.ndindex(N, C):
        for oh, ow, fh, fw, h, w in windows((H, W), (pool_h, pool_w), stride, pad):
            if arg_max[n, c, oh, ow] == fh * pool_w + fw:
                dx[n, c, h, w] += dout[n, c, oh, ow]
    return dx


def average_pool_forward(x, pool_h, pool_w, stride, pad):
    """out = sum over the window / (pool_h pool_w), the border counting as zeros."""
    N, C, H, W = x.shape
    out = np.zeros((N, C, *output_shape((H, W), (pool_h, pool_w), stride, pad)))
    for n, c in np.ndindex(N, C):
        for oh, ow, _, _, h, w in windows((H, W), (pool_h, pool_w), stride, pad):
            out[n, c, oh, ow] += float(x[n, c, h, w]) / (pool_h * pool_w)
    return out


def average_pool_backward(dout, x_shape, pool_h, pool_w, stride, pad):
    N, C, H, W = x_shape
    dx = np.zeros(x_shape)
    for n, c in np.ndindex(N, C):
        for oh, ow, _, _, h, w in windows((H, W), (pool_h, pool_w), stride, pad):
            dx[n, c, h, w] += float(dout[n, c, oh, ow]) / (pool_h * pool_w)
    return dx


def affine_forward(x, weight, bias):
    """out(n, m) = bias(m) + sum over d of x(n, d) weight(d, m)."""
    (N, D), M = x.shape, weight.shape[1]
    out = np.zeros((N, M))
    for n, m in np.ndindex(N, M):
        out[n, m] = bias[m] + sum(float(x[n, d]) * float(weight[d, m]) for d in range(D))
    return out


def affine_backward(dout, x, weight):
    """Return dx, dweight and dbias."""
    dx, dweight, dbias = np.zeros(x.shape), np.zeros(weight.shape), np.zeros(weight.shape[1])
    for n, m in np.ndindex(dout.shape):
        dbias[m] += dout[n, m]
        for d in range(x.shape[1]):
            dx[n, d] += float(dout[n, m]) * float(weight[d, m])
            dweight[d, m] += float(dout[n, m]) * float(x[n, d])
    return dx, dweight, dbias


def elementwise(function, x):
    """Apply a function of one Python float to each element."""
    out = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        out[index] = function(float(x[index]))
    return out


def sigmoid(x):
    """Return 1 / (1 + e^-x) of a number, by the form that does not overflow."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def softmax(row):
    """y(k) = e^x(k) / sum over j of e^x(j), for one row of scores: a list."""
    highest = max(row)
    total = math.fsum(math.exp(value - highest) for value in row)
    return [math.exp(value - highest) / total for value in row]


def cross_entropy(y, labels):
    """Return - sum over n of log(y(n, label(n)) + 1e-7) / N."""
    return -math.fsum(
        math.log(row[label] + 1e-7) for row, label in zip(y, labels, strict=True)
    ) / len(labels)


def batch_norm_forward(x, gamma, beta, eps=1e-6):
    """Return out, the means and the biased variances (arXiv:1502.03167, Algorithm 1)."""
    N, D = x.shape
    out, means, variances = np.zeros((N, D)), np.zeros(D), np.zeros(D)
    for d in range(D):
        means[d] = math.fsum(x[:, d]) / N
        variances[d] = math.fsum((x[n, d] - means[d]) ** 2 for n in range(N)) / N
        for n in range(N):
            xn = (x[n, d] - means[d]) / math.sqrt(variances[d] + eps)
            out[n, d] = gamma[d] * xn + beta[d]
    return out, means, variances


def batch_norm_backward(dout, x, gamma, eps=1e-6):
    """Return dx, dgamma and dbeta, by the chain of section 3 of arXiv:1502.03167."""
    N, D = x.shape
    dx, dgamma, dbeta = np.zeros((N, D)), np.zeros(D), np.zeros(D)
    _, means, variances = batch_norm_forward(x, gamma, np.zeros(D), eps)
    for d in range(D):
        mean, var = means[d], variances[d] + eps
        dvar = sum(dout[n, d] * gamma[d] * (x[n, d] - mean) * -0.5 * var**-1.5 for n in range(N))
        dmean = sum(-dout[n, d] * gamma[d] / math.sqrt(var) for n in range(N))
        dmean += dvar * sum(-2 * (x[n, d] - mean) for n in range(N)) / N
        for n in range(N):
            dx[n, d] = dout[n, d] * gamma[d] / math.sqrt(var)
            dx[n, d] += dvar * 2 * (x[n, d] - mean) / N + dmean / N
            dgamma[d] += dout[n, d] * (x[n, d] - mean) / math.sqrt(var)
            dbeta[d] += dout[n, d]
    return dx, dgamma, dbeta


def optimizer_steps(name, p, grads, **settings):
    """Return the parameter, a Python float, after each of the `grads` in turn."""
    state, path = {"v": 0.0, "h": 0.0, "m": 0.0}, []
    for count, g in enumerate(grads, start=1):
        p = STEPS[name](p, g, state, count, **settings)
        path.append(p)
    return path


def sgd(p, g, state, count, lr):
    return p - lr * g


def momentum(p, g, state, count, lr, momentum):
    state["v"] = momentum * state["v"] - lr * g
    return p + state["v"]


def nesterov(p, g, state, count, lr, momentum):
    before = state["v"]
    state["v"] = momentum * before - lr * g
    return p + momentum**2 * before - (1 + momentum) * lr * g


def ada_grad(p, g, state, count, lr):
    state["h"] += g**2
    return p - lr * g / (math.sqrt(state["h"]) + 1e-7)


def rms_prop(p, g, state, count, lr, decay_rate):
    state["h"] = decay_rate * state["h"] + (1 - decay_rate) * g**2
    return p - lr * g / (math.sqrt(state["h"]) + 1e-7)


def adam(p, g, state, count, lr, beta1, beta2):
    state["m"] = beta1 * state["m"] + (1 - beta1) * g
    state["v"] = beta2 * state["v"] + (1 - beta2) * g**2
    lr_t = lr * math.sqrt(1 - beta2**count) / (1 - beta1**count)
    return p - lr_t * state["m"] / (math.sqrt(state["v"]) + 1e-7)


STEPS = {
    "SGD": sgd,
    "Momentum": momentum,
    "Nesterov": nesterov,
    "AdaGrad": ada_grad,
    "RMSprop": rms_prop,
    "Adam": adam,
}
