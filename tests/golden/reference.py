"""A second way to the same numbers, sharing no code with neural-tangents: checks it, and its rounding.

Covariances of all samples and all pairs of pixels are kept whole, K[i, j, y, x, y', x'], in extended precision; duals are
integrated numerically from the activations themselves (those of piecewise linear ones, which images use most, are taken
from the arc-cosine formula; on vectors they are integrated too).
"""

import numpy as np

from activations import ab_slopes, dual, function_pair

EXTENDED = np.longdouble
# Below this, the squared sine of an angle is rounding of equal inputs; the closest distinct pairs of the cases are above 1e-9.
EQUAL = 1e-15


def _diagonal(k):
    """Variances q[i, y, x]."""
    n, _, height, width = k.shape[:4]
    flat = k.reshape(n, n, height * width, height * width)
    return np.einsum("iipp->ip", flat).reshape(n, height, width)


def _outer(q):
    """q[i, p] and q[j, p'] spread over the six axes of a covariance."""
    return q[:, None, :, :, None, None], q[None, :, None, None, :, :]


def _same_padding(extent, size, stride):
    total = max((-(-extent // stride) - 1) * stride + size - extent, 0)
    return total // 2, total - total // 2


def _windows(k, size, stride, axes):
    """All taps of a window that moves over the axes together: for each tap, what it sees."""
    extents = {axis: (k.shape[axis] - size) // stride + 1 for axis in axes}
    for tap in range(size):
        index = [slice(None)] * k.ndim
        for axis in axes:
            index[axis] = slice(tap, tap + (extents[axis] - 1) * stride + 1, stride)
        yield k[tuple(index)]


def _conv(k, layer):
    size, stride, padding = layer.get("size", 3), layer.get("stride", 1), layer.get("padding", "same")
    if padding != "valid":
        rows, cols = (_same_padding(extent, size, stride) for extent in k.shape[2:4])
        mode = "wrap" if padding == "circular" else "constant"
        k = np.pad(k, [(0, 0), (0, 0), rows, cols, rows, cols], mode)
    down = sum(_windows(k, size, stride, (2, 4)))
    return sum(_windows(down, size, stride, (3, 5))) / EXTENDED(size * size)


def _avgpool(k, layer):
    size = layer.get("size", 2)
    for axis in range(2, 6):
        k = sum(_windows(k, size, layer.get("stride", size), (axis,))) / EXTENDED(size)
    return k


def _flatten(k):
    n, _, height, width = k.shape[:4]
    flat = k.reshape(n, n, height * width, height * width)
    return np.einsum("ijpp->ij", flat).reshape(n, n, 1, 1, 1, 1) / EXTENDED(height * width)


def _same_everything(k, factor):
    """`factor` where sample and pixel are the same, else 1."""
    n, _, height, width = k.shape[:4]
    scale = np.ones((n, n, height * width, height * width), EXTENDED)
    for i in range(n):
        np.fill_diagonal(scale[i, i], factor)
    return scale.reshape(k.shape)


def _integrated(functions, k, q1, q2):
    result = [np.empty(k.shape, EXTENDED) for _ in functions]
    for where in np.ndindex(k.shape):
        c, a, b = float(k[where]), float(q1[where]), float(q2[where])
        for values, function in zip(result, functions):
            values[where] = dual(function, c, a, b)
    return result


def _arc_cosine(slopes, k, q1, q2):
    a, b = slopes
    pi = EXTENDED(4) * np.arctan(EXTENDED(1))
    root = np.sqrt(np.maximum(q1 * q2 - k * k, 0))
    derivative = (a * a + b * b) / EXTENDED(2) - (a - b) ** 2 * np.arctan2(root, k) / (2 * pi)
    return (a - b) ** 2 * root / (2 * pi) + derivative * k, derivative


def _activation(k, t, layer):
    q1, q2 = (np.broadcast_to(q, k.shape) for q in _outer(_diagonal(k)))
    # Equal inputs have rho = +-1 exactly, whatever rounding says.
    limit = np.sqrt(q1 * q2)
    equal = q1 * q2 - k * k < EQUAL * q1 * q2
    k = np.where(equal, np.copysign(limit, k), k)
    if ab_slopes(layer) and k.shape[2] * k.shape[3] > 1:
        value, derivative = _arc_cosine(ab_slopes(layer), k, q1, q2)
    else:
        value, derivative = _integrated(function_pair(layer), k, q1, q2)
    return value, derivative * t


def _layernorm(k, t):
    q1, q2 = _outer(_diagonal(k) + EXTENDED(1e-12))
    root = np.sqrt(q1 * q2)
    return k / root, t / root


def _weights(k, t, layer):
    w, b = EXTENDED(layer.get("weight_variance", 1.0)), EXTENDED(layer.get("bias_variance", 0.0))
    new = w * k + b
    return new, new + w * t


def _residual(k, t, layer):
    branch = propagate(k, t, layer["layers"])
    shortcut = propagate(k, t, layer.get("shortcut", []))
    square = EXTENDED(layer.get("scale", 1.0)) ** 2
    return tuple(square * b + s for b, s in zip(branch, shortcut))


def _product(k, t, layer):
    value, tangent = EXTENDED(1), EXTENDED(0)
    for branch in layer["branches"]:
        k_branch, t_branch = propagate(k, t, branch)
        value, tangent = value * k_branch, tangent * k_branch + value * t_branch
    return value, tangent


def propagate(k, t, layers):
    """NNGP and NTK behind the layers."""
    for layer in layers:
        op = layer["op"]
        if op == "dense":
            k, t = _weights(k, t, layer)
        elif op == "conv":
            k, t = _weights(_conv(k, layer), _conv(t, layer), layer)
        elif op == "avgpool":
            k, t = _avgpool(k, layer), _avgpool(t, layer)
        elif op == "global_avgpool":
            k, t = (m.mean(axis=(2, 3, 4, 5), keepdims=True) for m in (k, t))
        elif op == "flatten":
            k, t = _flatten(k), _flatten(t)
        elif op == "layernorm":
            k, t = _layernorm(k, t)
        elif op == "dropout":
            scale = _same_everything(k, 1 / EXTENDED(layer["keep"]))
            k, t = k * scale, t * scale
        elif op == "repeat":
            k, t = propagate(k, t, layer["layers"] * layer["times"])
        elif op == "residual":
            k, t = _residual(k, t, layer)
        elif op == "product":
            k, t = _product(k, t, layer)
        else:
            k, t = _activation(k, t, layer)
    return k, t


def reference_kernels(shape, samples, layers):
    """NNGP and NTK of all samples with each other, n x n."""
    images = samples.reshape(-1, *shape).astype(EXTENDED)
    k = np.einsum("icyx,jcvw->ijyxvw", images, images) / EXTENDED(shape[0])
    k, t = propagate(k, np.zeros_like(k), layers)
    if k.shape[2:] != (1, 1, 1, 1):
        raise ValueError("the network leaves pixels over: end with flatten or global_avgpool")
    return k[:, :, 0, 0, 0, 0], t[:, :, 0, 0, 0, 0]
