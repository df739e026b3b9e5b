"""Writes neural_tangents.json: kernels of small networks by neural-tangents in double precision. See README.md."""

import argparse
import json
import pathlib
import sys
import warnings

import jax

jax.config.update("jax_enable_x64", True)

import neural_tangents
import numpy as np
from neural_tangents import stax

from activations import NUMERICAL, SMOOTH_NUMERICAL
from cases import all_cases
from reference import reference_kernels
from stax_network import build, stax_inputs

KERNELS = ("nngp", "ntk")
# The two ways must agree far better than a C++ implementation is asked to agree with either.
AGREEMENT = 1e-11


def golden_kernels(case):
    """{"nngp", "ntk"} x {"train", "test"}: training Gram and test x train block."""
    train, test = (stax_inputs(case["shape"], case[key]) for key in ("inputs", "test_inputs"))
    # All sample-sample covariances in full: variances then come from the same operations as covariances, so that equal
    # inputs have rho = 1 to the last bit. (One ulp less costs sqrt(1 - rho^2) half of its digits.) Not under jit, where
    # fused multiply-adds would undo that.
    _, _, kernel_fn = build(case["layers"])
    gram = kernel_fn(train, None, KERNELS, diagonal_batch=False)
    cross = kernel_fn(test, train, KERNELS, diagonal_batch=False)
    return {
        name: {"train": np.asarray(getattr(gram, name)), "test": np.asarray(getattr(cross, name))}
        for name in KERNELS
    }


def largest_difference(case, kernels):
    """From the independent reference, relative to the entry, at worst."""
    samples = np.concatenate([case["inputs"], case["test_inputs"]])
    n = len(case["inputs"])
    worst = 0.0
    for name, whole in zip(KERNELS, reference_kernels(case["shape"], samples, case["layers"])):
        for block, expected in (("train", whole[:n, :n]), ("test", whole[n:, :n])):
            values = kernels[name][block]
            if not np.all(np.isfinite(values)):
                return np.inf
            scale = np.where(expected == 0, 1, np.abs(expected))
            worst = max(worst, float(np.max(np.abs(values - expected) / scale)))
    return worst


def quadrature_difference():
    """Our integration against stax.ElementwiseNumerical where its rule converges: smooth functions, small variances."""
    x = np.random.default_rng(0).integers(-4, 5, (4, 6)) / 8
    worst = 0.0
    for name in SMOOTH_NUMERICAL:
        f, df = NUMERICAL[name]
        numerical = stax.ElementwiseNumerical(
            lambda u, f=f: f(u, jax.numpy), deg=100, df=lambda u, df=df: df(u, jax.numpy)
        )
        _, _, rule = stax.serial(stax.Dense(1, b_std=0.3), numerical, stax.Dense(1))
        dense = {"op": "dense"}
        _, _, ours = build([dict(dense, bias_variance=0.3**2), {"op": name}, dense])
        for kind in KERNELS:
            a, b = np.asarray(rule(x, None, kind)), np.asarray(ours(x, None, kind))
            worst = max(worst, float(np.max(np.abs(a - b) / np.abs(a))))
    return worst


def as_record(case, kernels):
    record = {key: case[key] for key in ("name", "shape", "layers", "tolerance")}
    record |= {key: case[key].tolist() for key in ("inputs", "test_inputs")}
    for name in KERNELS:
        record[name] = kernels[name]["train"].tolist()
        record[name + "_test"] = kernels[name]["test"].tolist()
    return record


def write(path, records):
    """One case a block, one field a line: small, and a changed case is a readable difference."""
    made_by = {
        "neural-tangents": neural_tangents.__version__,
        "jax": jax.__version__,
        "numpy": np.__version__,
    }
    blocks = [
        "{\n"
        + ",\n".join(f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in record.items())
        + "\n}"
        for record in records
    ]
    path.write_text(
        '{\n"made_by": ' + json.dumps(made_by) + ',\n"cases": [\n' + ",\n".join(blocks) + "\n]\n}\n"
    )


def main():
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=pathlib.Path, default=here / "neural_tangents.json")
    output = parser.parse_args().output
    warnings.simplefilter("ignore")

    failures = []
    difference = quadrature_difference()
    print(f"integration against Gauss-Hermite quadrature: {difference:.1e}")
    if not difference < AGREEMENT:
        failures.append("integration")
    records = []
    for case in all_cases():
        kernels = golden_kernels(case)
        difference = largest_difference(case, kernels)
        print(f"{difference:.1e}  {case['name']}", flush=True)
        if not difference < AGREEMENT:
            failures.append(case["name"])
        records.append(as_record(case, kernels))
    if failures:
        sys.exit(f"off the reference by more than {AGREEMENT}, nothing written: {', '.join(failures)}")
    write(output, records)
    print(f"{len(records)} cases, {output.stat().st_size / 1000:.0f} kB: {output}")


if __name__ == "__main__":
    main()
