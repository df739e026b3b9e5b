"""From a network in the job file's vocabulary to the same network in neural_tangents.stax."""

import jax.numpy as jnp
from neural_tangents import stax

from activations import NUMERICAL, ab_slopes, dual, hermite_to_powers


def _std(layer, key, default):
    return layer.get(key, default) ** 0.5


def _dense(layer):
    return stax.Dense(
        1,
        W_std=_std(layer, "weight_variance", 1.0),
        b_std=_std(layer, "bias_variance", 0.0),
        parameterization="ntk",
    )


def _conv(layer):
    size, stride = layer.get("size", 3), layer.get("stride", 1)
    return stax.Conv(
        1,
        (size, size),
        (stride, stride),
        padding=layer.get("padding", "same").upper(),
        W_std=_std(layer, "weight_variance", 1.0),
        b_std=_std(layer, "bias_variance", 0.0),
        parameterization="ntk",
    )


def _avgpool(layer):
    size = layer.get("size", 2)
    stride = layer.get("stride", size)
    return stax.AvgPool((size, size), (stride, stride), padding="VALID")


@stax.layer
@stax.supports_masking(remask_kernel=True)
def _scale(factor):
    """Multiplies what the branch puts out: the kernels by factor^2. stax has no such layer; ABRelu(s, s) has the same
    kernels but would mark its output as not Gaussian, which FanInSum refuses."""
    return (lambda rng, shape: (shape, ())), (lambda params, x, **_: factor * x), (lambda k, **_: k * factor)


def _residual(layer):
    branch = stax.serial(build(layer["layers"]), _scale(layer.get("scale", 1.0)))
    return stax.serial(
        stax.FanOut(2), stax.parallel(branch, build(layer.get("shortcut", []))), stax.FanInSum()
    )


def _product(layer):
    branches = [build(branch) for branch in layer["branches"]]
    return stax.serial(stax.FanOut(len(branches)), stax.parallel(*branches), stax.FanInProd())


def _numerical(layer):
    """An activation without a closed form. stax.ElementwiseNumerical's Gauss-Hermite rule loses digits at kinks and for
    large variances, so the duals come from our own integration through stax.Elementwise."""
    f, df = NUMERICAL[layer["op"]]

    def function(x):
        return f(x, jnp)

    def nngp(cov12, var1, var2):
        return dual(function, cov12, var1, var2, jnp)

    def derivative(cov12, var1, var2):
        return dual(lambda x: df(x, jnp), cov12, var1, var2, jnp)

    return stax.Elementwise(function, nngp, derivative)


_LAYERS = {
    "dense": _dense,
    "conv": _conv,
    "avgpool": _avgpool,
    "global_avgpool": lambda layer: stax.GlobalAvgPool(),
    "flatten": lambda layer: stax.Flatten(),
    "layernorm": lambda layer: stax.LayerNorm(axis=-1),
    "dropout": lambda layer: stax.Dropout(layer["keep"], mode="train"),
    "repeat": lambda layer: build(layer["layers"] * layer["times"]),
    "residual": _residual,
    "product": _product,
    "erf": lambda layer: stax.Erf(),
    "gelu": lambda layer: stax.Gelu(),
    "sin": lambda layer: stax.Sin(),
    "cos": lambda layer: stax.Cos(),
    "rbf": lambda layer: stax.Rbf(layer.get("gamma", 1.0)),
    "gaussian": lambda layer: stax.Gaussian(),
    "exp": lambda layer: stax.Exp(),
    "sign": lambda layer: stax.Sign(),
    "monomial": lambda layer: stax.Monomial(layer["degree"]),
    "polynomial": lambda layer: stax.Polynomial(layer["coefficients"]),
    # stax.Hermite takes one degree and unit variances only; as a polynomial the expansion holds for any variance.
    "hermite": lambda layer: stax.Polynomial(hermite_to_powers(layer["coefficients"])),
}


def _build_layer(layer):
    if ab_slopes(layer):
        return stax.ABRelu(*ab_slopes(layer))
    if layer["op"] in NUMERICAL:
        return _numerical(layer)
    return _LAYERS[layer["op"]](layer)


def build(layers):
    """(init_fn, apply_fn, kernel_fn) of a list of layers; of an empty one, the identity."""
    if not layers:
        return stax.Identity()
    return stax.serial(*[_build_layer(layer) for layer in layers])


def stax_inputs(shape, samples):
    """Our channel-first samples (n x C x H x W, flat) as stax takes them: N x H x W x C, vectors as N x D."""
    channels, height, width = shape
    if height == width == 1:
        return jnp.asarray(samples)
    return jnp.asarray(samples.reshape(-1, channels, height, width).transpose(0, 2, 3, 1))
