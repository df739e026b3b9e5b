"""The networks and inputs that the golden values are for."""

import zlib

import numpy as np

# What a C++ implementation should reach: closed forms, and functions with a kink that are integrated numerically.
CLOSED_FORM = 1e-10
KINKED_QUADRATURE = 1e-6


def op(name, **keys):
    return {"op": name, **keys}


def dense(weight=1.0, bias=0.0):
    return op("dense", weight_variance=weight, bias_variance=bias)


def conv(size=3, stride=1, padding="same", weight=2.0, bias=0.0):
    return op("conv", size=size, stride=stride, padding=padding, weight_variance=weight, bias_variance=bias)


def repeat(times, *layers):
    return op("repeat", times=times, layers=list(layers))


def residual(*layers, **keys):
    return op("residual", layers=list(layers), **keys)


def product(*branches):
    return op("product", branches=list(branches))


RELU = op("relu")
GAP = op("global_avgpool")
FLATTEN = op("flatten")
PLAIN = ("near",)
WITH_ZERO = ("near", "zero")
WITH_DUPLICATES = ("near", "duplicate")


def case(name, shape, layers, samples=PLAIN, train=4, tolerance=CLOSED_FORM):
    """samples: what the training set holds beside random samples: "near" (the second is almost a multiple of the first),
    "zero" (the third is zero), "duplicate" (the last repeats the first, and the first test sample the third).
    """
    # Multiples of 1/8: exact in single precision, and inner products do not depend on the order of summation.
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    size = int(np.prod(shape))
    inputs = rng.integers(-12, 13, (train, size)) / 8
    test = rng.integers(-12, 13, (2, size)) / 8
    if "near" in samples:
        inputs[1] = 2 * inputs[0]
        inputs[1, :: max(1, size // 4)] += 2.0**-7
    if "zero" in samples:
        inputs[2] = 0
    if "duplicate" in samples:
        inputs[-1] = inputs[0]
        test[0] = inputs[2]
    return {
        "name": name,
        "shape": list(shape),
        "layers": layers,
        "tolerance": tolerance,
        "inputs": inputs,
        "test_inputs": test,
    }


def _vector(dimension):
    return [dimension, 1, 1]


def dense_activations():
    """Two hidden layers of each activation with a closed form, one of those whose values grow fast."""
    bounded = [
        RELU,
        op("leaky_relu"),
        op("leaky_relu", slope=0.25),
        op("abs"),
        op("abrelu", a=-0.5, b=1.5),
        op("erf"),
        op("gelu"),
        op("sin"),
        op("cos"),
        op("rbf", gamma=0.35),
        op("gaussian"),
        op("sign"),
        op("monomial", degree=0),
        op("monomial", degree=1),
        op("monomial", degree=2),
    ]
    growing = [op("exp")] + [op("monomial", degree=degree) for degree in (3, 4, 5)]
    cases = []
    for activation in bounded + growing:
        deep = activation in bounded
        label = "_".join(str(value) for value in activation.values())
        hidden = [dense(1.3, 0.0), activation]
        second = [dense(1.75, 0.2), activation] if deep else []
        cases.append(case(f"dense {label}", _vector(6), hidden + second + [dense(0.9, 0.05)], WITH_ZERO))
        biased = [dense(0.8, 0.3), activation] + ([dense(1.1, 0.1), activation] if deep else [])
        cases.append(case(f"dense {label} biased", _vector(5), biased + [dense()], WITH_DUPLICATES))
    polynomials = [
        op("polynomial", coefficients=[0.5, -1.0, 0.25, 0.125]),
        op("polynomial", coefficients=[0.0, 1.0, 0.0, -0.1, 0.0, 0.01]),
        op("polynomial", coefficients=[0.75]),
        op("hermite", coefficients=[0.1, 0.8, 0.0, 0.5]),
        op("hermite", coefficients=[0.3, 0.0, 0.6, 0.0, 0.2, -0.1]),
    ]
    for index, activation in enumerate(polynomials):
        layers = [dense(0.8, 0.2), activation, dense(1.0, 0.1)]
        cases.append(case(f"dense {activation['op']} {index}", _vector(6), layers, WITH_DUPLICATES))
    expansion = op("hermite", coefficients=[0.0, 0.5, 0.5, 0.25, 0.0, 0.25])
    unit = [dense(1.0, 0.1), op("layernorm"), expansion]
    cases.append(case("dense hermite, unit variance, twice", _vector(6), unit + unit + [dense()]))
    return cases


def dense_numerical():
    """Activations without a closed form."""
    cases = []
    for name in ("tanh", "sigmoid", "softplus", "silu", "elu"):
        tolerance = KINKED_QUADRATURE if name == "elu" else CLOSED_FORM
        shallow = [dense(1.5, 0.0), op(name), dense()]
        deep = [repeat(2, dense(1.2, 0.1), op(name)), dense(1.0, 0.5)]
        cases.append(case(f"dense {name}", _vector(6), shallow, WITH_ZERO, tolerance=tolerance))
        cases.append(case(f"dense {name} deep", _vector(5), deep, WITH_DUPLICATES, tolerance=tolerance))
    layers = [conv(weight=1.5, bias=0.1), op("tanh"), FLATTEN, dense()]
    cases.append(case("conv tanh", [2, 4, 3], layers, train=3))
    return cases


def dense_structures():
    """Depths, and layers that are not a plain chain."""
    cases = [
        case(
            f"dense relu depth {depth}",
            _vector(8),
            [repeat(depth, dense(2.0), RELU), dense()],
            WITH_ZERO,
            train=5,
        )
        for depth in range(1, 7)
    ]
    block = residual(RELU, dense(2.0, 0.1), RELU, dense(1.5))
    scaled = residual(RELU, dense(2.0), scale=0.5)
    shortcut = residual(op("erf"), dense(1.5, 0.1), shortcut=[dense(0.7, 0.2)], scale=0.3)
    gate = product([dense(1.0, 0.5), op("erf")], [dense(1.5), RELU])
    triple = product([dense(1.0, 0.3)], [dense(2.0), op("erf"), dense()], [dense(0.5, 1.0), RELU])
    nested = repeat(2, repeat(2, dense(2.0, 0.05), RELU), dense(1.0), residual(RELU, dense(0.5)), RELU)
    normal = repeat(2, dense(2.0, 0.1), op("layernorm"), RELU)
    mixed = [
        dense(2.0, 0.1),
        RELU,
        dense(1.5),
        op("erf"),
        dense(1.2, 0.3),
        op("gelu"),
        dense(1.0),
        op("sin"),
        dense(),
    ]
    drop = repeat(2, dense(2.0, 0.1), RELU, op("dropout", keep=0.8))
    inner = residual(
        op("layernorm"), RELU, dense(2.0, 0.1), residual(RELU, dense(1.5)), shortcut=[], scale=0.7
    )
    return cases + [
        case("dense linear", _vector(6), [dense(1.5, 0.25)], WITH_ZERO),
        case("dense defaults", _vector(6), [op("dense"), RELU, op("dense")], WITH_ZERO),
        case("dense ends with relu", _vector(6), [dense(2.0, 0.1), RELU], WITH_DUPLICATES),
        case("dense wide input", _vector(100), [repeat(3, dense(2.0), RELU), dense()], train=5),
        case("dense one feature", _vector(1), [dense(1.0, 0.5), RELU, dense()], samples=()),
        case("dense mixed activations", _vector(7), mixed),
        case("residual identity", _vector(6), [dense(1.0), block, block, dense()], WITH_ZERO),
        case("residual scaled", _vector(6), [dense(), repeat(3, scaled), RELU, dense()], WITH_DUPLICATES),
        case("residual shortcut", _vector(6), [dense(), shortcut, RELU, dense()]),
        case("residual nested", _vector(6), [dense(1.0, 0.1), inner, RELU, dense()]),
        case("product of two", _vector(6), [gate, dense()], WITH_DUPLICATES),
        case("product of three", _vector(6), [dense(), RELU, triple, dense(1.0, 0.1)]),
        case("repeat nested", _vector(6), [nested, dense()], WITH_DUPLICATES),
        case("layernorm", _vector(6), [normal, dense()], WITH_DUPLICATES),
        case("layernorm zero sample", _vector(6), [dense(), op("layernorm"), op("erf"), dense()], WITH_ZERO),
        case("dropout", _vector(6), [drop, dense()], WITH_DUPLICATES, train=5),
    ]


def conv_geometry():
    """Sizes, strides, paddings and pools on odd and even images; every border and every way of ending."""
    cases = []
    for padding in ("same", "valid", "circular"):
        for size, stride, shape in (
            (1, 1, [3, 4, 5]),
            (3, 1, [2, 5, 4]),
            (3, 2, [1, 6, 7]),
            (5, 1, [1, 6, 5]),
            (5, 2, [2, 8, 7]),
            (1, 2, [3, 5, 6]),
        ):
            first = conv(size, stride, padding, weight=2.0, bias=0.125)
            for end in (GAP, FLATTEN):
                label = f"conv {size}x{size} stride {stride} {padding} {end['op']}"
                cases.append(case(label, shape, [first, RELU, end, dense()], train=3))
    second = [conv(3, 1, padding, weight=1.5) for padding in ("same", "valid", "circular")]
    chain = [conv(3, 2, "circular", bias=0.1), RELU, second[0], RELU]
    return cases + [
        case("conv chain gap", [2, 8, 6], chain + [GAP, dense()], WITH_DUPLICATES),
        case("conv chain flatten", [2, 7, 8], chain + [FLATTEN, dense()], WITH_ZERO),
        case(
            "conv all paddings", [1, 6, 7], [second[0], RELU, second[2], RELU, second[1], RELU, GAP, dense()]
        ),
        case(
            "conv erf",
            [2, 5, 4],
            [conv(weight=1.5), op("erf"), conv(weight=1.0), op("erf"), GAP, dense()],
            train=3,
        ),
        case(
            "conv gelu", [3, 3, 4], [conv(weight=1.5, bias=0.1), op("gelu"), GAP, dense()], WITH_ZERO, train=3
        ),
        case("flatten first", [2, 4, 3], [FLATTEN, dense(2.0), RELU, dense()], WITH_ZERO),
        case("gap first", [2, 4, 4], [GAP, dense(2.0, 0.1), RELU, dense()]),
        case("dense per pixel", [3, 4, 3], [dense(2.0, 0.1), RELU, conv(), RELU, GAP, dense()]),
        case(
            "pool 2", [2, 6, 8], [conv(), RELU, op("avgpool", size=2), conv(), RELU, GAP, dense()], WITH_ZERO
        ),
        case(
            "pool 2 leftover",
            [2, 5, 7],
            [conv(), RELU, op("avgpool", size=2), conv(), RELU, FLATTEN, dense()],
        ),
        case(
            "pool 3 stride 2",
            [1, 7, 8],
            [conv(), RELU, op("avgpool", size=3, stride=2), conv(), RELU, GAP, dense()],
        ),
        case("pool 2 stride 1", [2, 4, 5], [conv(), RELU, op("avgpool", size=2, stride=1), FLATTEN, dense()]),
        case(
            "conv defaults",
            [2, 5, 4],
            [op("conv", size=3), RELU, op("avgpool", size=2), FLATTEN, op("dense")],
        ),
        case("pool input", [3, 6, 4], [op("avgpool", size=2), conv(bias=0.1), RELU, GAP, dense()]),
    ]


def conv_networks():
    """Small relatives of networks from the literature."""
    cntk = repeat(3, conv(), RELU)
    pool = op("avgpool", size=2)
    myrtle = [conv(), RELU, conv(), RELU, pool, conv(), RELU, pool, conv(), RELU, pool, FLATTEN, dense()]
    wide = [
        conv(),
        residual(RELU, conv(3, 2), RELU, conv(), shortcut=[RELU, conv(1, 2, weight=1.0)]),
        residual(RELU, conv(bias=0.1), RELU, conv(), scale=0.5),
        RELU,
        GAP,
        dense(),
    ]
    strided = residual(
        RELU, conv(3, 2, "circular"), RELU, conv(), shortcut=[conv(3, 2, "same", weight=1.0)], scale=0.8
    )
    normal = [repeat(2, conv(bias=0.1), op("layernorm"), RELU), FLATTEN, dense()]
    drop = [conv(), RELU, op("dropout", keep=0.7), conv(), RELU]
    gate = product([conv(weight=1.0), RELU], [conv(1, bias=0.5), RELU])
    return [
        case("cntk gap", [3, 8, 8], [cntk, GAP, dense()], WITH_ZERO),
        case("cntk gap duplicates", [3, 5, 4], [cntk, GAP, dense()], WITH_DUPLICATES),
        case("cntk flatten", [3, 8, 8], [cntk, FLATTEN, dense()], WITH_DUPLICATES),
        case("cntk one channel", [1, 8, 8], [repeat(5, conv(), RELU), GAP, dense()]),
        case("myrtle-like", [3, 8, 8], myrtle),
        case("wide resnet", [3, 8, 8], wide),
        case("wide resnet, odd image", [2, 7, 5], wide, WITH_DUPLICATES),
        case("residual, strided shortcut", [2, 8, 6], [conv(), strided, RELU, FLATTEN, dense()]),
        case("conv layernorm", [2, 5, 4], normal, WITH_DUPLICATES),
        case("conv layernorm gap", [2, 4, 5], normal[:1] + [GAP, dense()]),
        case("conv dropout gap", [2, 4, 5], drop + [GAP, op("dropout", keep=0.5), dense()], WITH_DUPLICATES),
        case("conv dropout flatten", [2, 5, 4], drop + [FLATTEN, dense()], WITH_DUPLICATES),
        case("conv product", [2, 5, 4], [conv(), gate, conv(), RELU, GAP, dense()]),
    ]


def all_cases():
    return dense_activations() + dense_numerical() + dense_structures() + conv_geometry() + conv_networks()
