"""Activations of the job file as plain functions, and their duals by brute-force integration.

Nothing here knows a closed form of a dual, so it can check those of neural-tangents.
"""

import math

import numpy as np
from scipy.special import erf


def _sigmoid(x, xp):
    return 0.5 * (1 + xp.tanh(0.5 * x))


def _exp_of_negative(x, xp):
    """exp(x) for x < 0, and 1 instead of an overflow for x >= 0."""
    return xp.exp(xp.minimum(x, 0))


def _softplus(x, xp):
    return xp.logaddexp(x, 0.0)


# Functions without a closed-form dual: name -> (f, f'), each of (x, numpy or jax.numpy).
NUMERICAL = {
    "tanh": (lambda x, xp: xp.tanh(x), lambda x, xp: 1 - xp.tanh(x) ** 2),
    "sigmoid": (_sigmoid, lambda x, xp: _sigmoid(x, xp) * (1 - _sigmoid(x, xp))),
    "softplus": (_softplus, _sigmoid),
    "silu": (
        lambda x, xp: x * _sigmoid(x, xp),
        lambda x, xp: _sigmoid(x, xp) * (1 + x * (1 - _sigmoid(x, xp))),
    ),
    "elu": (
        lambda x, xp: xp.where(x > 0, x, _exp_of_negative(x, xp) - 1),
        lambda x, xp: xp.where(x > 0, 1.0, _exp_of_negative(x, xp)),
    ),
}
SMOOTH_NUMERICAL = ("tanh", "sigmoid", "softplus", "silu")


def ab_slopes(layer):
    """Slopes (a for x < 0, b for x > 0) of the piecewise linear activations; None for any other."""
    op = layer["op"]
    if op == "relu":
        return 0.0, 1.0
    if op == "leaky_relu":
        return layer.get("slope", 0.01), 1.0
    if op == "abs":
        return -1.0, 1.0
    if op == "abrelu":
        return layer["a"], layer["b"]
    return None


def hermite_to_powers(coefficients):
    """sum c_n He_n(x) / sqrt(n!) as coefficients of x^0, x^1, ..."""
    scaled = [c / math.sqrt(math.factorial(n)) for n, c in enumerate(coefficients)]
    return np.polynomial.hermite_e.herme2poly(scaled)


def _power_series(coefficients):
    p = np.polynomial.Polynomial(coefficients)
    return p, p.deriv()


def _wave(frequency, phase, scale=1.0):
    return (
        lambda x: scale * np.sin(frequency * x + phase),
        lambda x: scale * frequency * np.cos(frequency * x + phase),
    )


def _normal_cdf(x):
    return 0.5 * (1 + erf(x / math.sqrt(2)))


def function_pair(layer):
    """(f, f') of an activation, numpy functions. The derivative of sign is 0 where it exists."""
    op = layer["op"]
    if op in NUMERICAL:
        f, df = NUMERICAL[op]
        return (lambda x: f(x, np)), (lambda x: df(x, np))
    slopes = ab_slopes(layer)
    if slopes:
        a, b = slopes
        return (lambda x: np.where(x > 0, b * x, a * x)), (lambda x: np.where(x > 0, b, a))
    if op == "sign":
        return np.sign, np.zeros_like
    if op == "erf":
        return erf, lambda x: 2 / math.sqrt(math.pi) * np.exp(-x * x)
    if op == "gelu":
        return (
            lambda x: x * _normal_cdf(x),
            lambda x: _normal_cdf(x) + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi),
        )
    if op == "sin":
        return _wave(1.0, 0.0)
    if op == "cos":
        return _wave(1.0, math.pi / 2)
    if op == "rbf":
        return _wave(math.sqrt(2 * layer.get("gamma", 1.0)), math.pi / 4, math.sqrt(2))
    if op == "gaussian":
        return (lambda x: np.exp(-x * x)), (lambda x: -2 * x * np.exp(-x * x))
    if op == "exp":
        return np.exp, np.exp
    if op == "monomial":
        return _power_series([0.0] * layer["degree"] + [1.0])
    if op == "polynomial":
        return _power_series(layer["coefficients"])
    if op == "hermite":
        return _power_series(hermite_to_powers(layer["coefficients"]))
    raise ValueError(f"not an activation: {layer}")


def _radial_rule(panels, nodes, radius):
    """Gauss-Legendre in panels for the integral of g(r) r exp(-r^2/2) / (2 pi) over [0, radius]."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    edges = np.linspace(0, radius, panels + 1)
    half = np.diff(edges)[:, None] / 2
    r = (edges[:-1, None] + half * (1 + x)).ravel()
    weights = (half * w).ravel() * r * np.exp(-r * r / 2) / (2 * math.pi)
    return r, weights


_RADII, _RADIAL_WEIGHTS = _radial_rule(panels=6, nodes=20, radius=12.0)
_SECTOR_NODES, _SECTOR_WEIGHTS = np.polynomial.legendre.leggauss(64)


def dual(f, c, q11, q22, xp=np):
    """E[f(u) f(v)] for a Gaussian pair with variances q11, q22 and covariance c, to about 1e-14.

    In polar coordinates u = sqrt(q11) r cos(phi), v = sqrt(q22) r cos(phi - theta): the lines u = 0 and v = 0, the only
    places where our functions have kinks or jumps, are rays, and between the four of them the integrand is smooth.
    """
    theta = xp.arctan2(xp.sqrt(xp.maximum(q11 * q22 - c * c, 0)), c)
    quarter = math.pi / 2
    rays = [
        theta * 0 - quarter,
        theta - quarter,
        theta * 0 + quarter,
        theta + quarter,
        theta * 0 + 3 * quarter,
    ]
    r, radial = xp.asarray(_RADII)[:, None], xp.asarray(_RADIAL_WEIGHTS)[:, None]
    total = 0
    for begin, end in zip(rays, rays[1:]):
        half = (end - begin) / 2
        phi = begin + half * (1 + xp.asarray(_SECTOR_NODES))
        u = xp.sqrt(q11) * r * xp.cos(phi)
        v = xp.sqrt(q22) * r * xp.cos(phi - theta)
        total = total + xp.sum(f(u) * f(v) * radial * (half * xp.asarray(_SECTOR_WEIGHTS)))
    return total
