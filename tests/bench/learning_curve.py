"""The learning curve of kernel regression on finished Grams: test accuracy at several numbers of training samples.

    python learning_curve.py gram.h5 [gram-nngp.h5 ...] --train LABELS --test LABELS [--sizes 500 1000 2000 4000]

LABELS: CIFAR-10's binary format (train.bin) or MNIST's (train-labels-idx1-ubyte.gz), in the order of the job's samples.
For each size N the leading N x N block of /train is taken. The ridge, relative to the block's mean diagonal, is picked from
1e-6, 1e-5, ..., 1 by the accuracy on the last fifth of the N samples (equal ones by squared error) after a fit on the
others; then all N are fitted and /test_train predicts. Targets are one-hot minus 1/K; Cholesky in double precision.
Prints a JSON line a size, and at the end a row a file of a markdown table. Needs numpy, scipy and h5py.
"""

import argparse
import gzip
import json
import sys

import h5py
import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

RIDGES = [10.0**k for k in range(-6, 1)]


def read_labels(path, count):
    if path.endswith(".bin"):
        labels = np.fromfile(path, np.uint8)[::3073]
    else:
        with (gzip.open if path.endswith(".gz") else open)(path) as file:
            labels = np.frombuffer(file.read(), np.uint8, offset=8)
    if len(labels) < count:
        sys.exit(f"{path}: {len(labels)} labels, but the Gram has {count} samples")
    return labels[:count].astype(int)


def fit(gram, targets, ridge):
    """Coefficients (N x K); None where the Gram with this ridge is not positive definite."""
    shifted = gram + ridge * np.mean(np.diag(gram)) * np.eye(len(gram))
    try:
        return cho_solve(cho_factor(shifted, lower=True, overwrite_a=True), targets)
    except LinAlgError:
        return None


def select_ridge(gram, labels, targets):
    n = len(gram) - len(gram) // 5
    scores = {}
    for ridge in RIDGES:
        coefficients = fit(gram[:n, :n], targets[:n], ridge)
        if coefficients is not None:
            outputs = gram[n:, :n] @ coefficients
            accuracy = np.mean(outputs.argmax(1) == labels[n:])
            scores[ridge] = (accuracy, -np.sum((outputs - targets[n:]) ** 2))
    if not scores:
        sys.exit(f"the leading {n} x {n} block is not positive definite under any ridge up to {RIDGES[-1]}")
    return max(scores, key=scores.get)


def learning_curve(path, arguments):
    """Prints the JSON lines; the table's row."""
    with h5py.File(path) as file:
        if not file.attrs["complete"]:
            sys.exit(f"{path} is not complete: continue it with `widegram gram`")
        function = file.attrs["function"]
        function = function.decode() if isinstance(function, bytes) else str(function)
        most = max(arguments.sizes)
        if most > len(file["train"]):
            sys.exit(f"{path} has {len(file['train'])} training samples, {most} wanted (--sizes)")
        lower = np.tril(file["train"][:most, :most].astype(float))
        cross = file["test_train"][:, :most].astype(float)
    gram = lower + np.tril(lower, -1).T
    train, test = read_labels(arguments.train, most), read_labels(arguments.test, len(cross))
    classes = train.max() + 1
    targets = np.eye(classes)[train] - 1 / classes
    cells = []
    for n in arguments.sizes:
        ridge = select_ridge(gram[:n, :n], train[:n], targets[:n])
        coefficients = fit(gram[:n, :n], targets[:n], ridge)
        if coefficients is None:
            sys.exit(f"{path}: not positive definite with all {n} samples and ridge {ridge:g}")
        accuracy = float(np.mean((cross[:, :n] @ coefficients).argmax(1) == test))
        line = {"gram": path, "function": function, "n": n, "ridge": ridge, "accuracy": round(accuracy, 5)}
        print(json.dumps(line), flush=True)
        cells.append(f"{100 * accuracy:.1f} %")
    return f"| {path} ({function.upper()}) | {' | '.join(cells)} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("grams", nargs="+")
    parser.add_argument("--train", required=True, metavar="LABELS")
    parser.add_argument("--test", required=True, metavar="LABELS")
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 1000, 2000, 4000])
    arguments = parser.parse_args()
    rows = [learning_curve(path, arguments) for path in arguments.grams]
    print(f"\n| test accuracy at N = | {' | '.join(map(str, arguments.sizes))} |")
    print("|---" * (len(arguments.sizes) + 1) + "|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
