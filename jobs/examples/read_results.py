#!/usr/bin/env python3
"""Reads what a run has left with h5py alone, and goes on from there in scikit-learn.

    mpirun -n 2 widegram run jobs/examples/digits.toml
    python3 jobs/examples/read_results.py runs/digits

Needs h5py and NumPy; with scikit-learn the Gram is used there too (apt-get install python3-h5py python3-sklearn).
"""

import json
import sys
from pathlib import Path

try:
    import h5py
    import numpy as np
except ImportError as error:
    sys.exit(f"read_results.py: {error}: apt-get install python3-h5py")


def read_gram(path):
    """The training Gram, both triangles, and the test x train block (None where there is none)."""
    with h5py.File(path) as file:
        if not file.attrs["complete"]:
            sys.exit(f"{path} is not complete: run the job again and it goes on")
        train = file["train"][()]
        if file["train"].attrs["triangle"] == "lower":
            train = np.tril(train) + np.tril(train, -1).T
        test = file["test_train"][()] if "test_train" in file else None
        about = f"{file.attrs['function'].upper()} of {file.attrs['kernel']}"
    print(f"gram.h5: the {about}, {len(train)} samples, {train.dtype}")
    return train, test


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/digits")
    for name in ("gram.h5", "model.h5", "predictions.h5", "metrics.json"):
        if not (folder / name).exists():
            sys.exit(f"{folder} holds no {name}: name the output folder of a `widegram run` with a test set and a stored Gram")
    gram, test_train = read_gram(folder / "gram.h5")

    with h5py.File(folder / "model.h5") as file:
        alpha = file["alpha"][()]  # N x K
        ridge = file["ridge"][()]  # of the Gram's mean diagonal
    print(f"model.h5: {alpha.shape[0]} x {alpha.shape[1]} coefficients, ridge {ridge:g}")

    with h5py.File(folder / "predictions.h5") as file:
        mean = file["mean"][()]  # M x K
        predicted = file["class"][()] if "class" in file else None  # None: targets are values
        truth = file["target"][()]
    print(f"predictions.h5: {len(mean)} samples; they are test_train @ alpha to {np.abs(test_train @ alpha - mean).max():.0e}")

    test = json.loads((folder / "metrics.json").read_text())["test"]
    if predicted is None:
        print(f"RMSE {np.sqrt(np.mean((mean - truth) ** 2)):.6g}; metrics.json says {test['rmse']:.6g}")
        return
    print(f"accuracy {np.mean(predicted == truth):.4f}; metrics.json says {test['accuracy']:.4f}")

    try:
        from sklearn.svm import SVC
    except ImportError:
        print("scikit-learn is not installed: no support vector machine")
        return
    # No file keeps the training classes, but the coefficients tell them: targets = (Gram + ridge I) alpha.
    targets = gram @ alpha + ridge * np.trace(gram) / len(gram) * alpha
    machine = SVC(kernel="precomputed", C=100.0).fit(gram, targets.argmax(axis=1))
    print(f"a support vector machine on the same Gram: accuracy {np.mean(machine.predict(test_train) == truth):.4f}")


if __name__ == "__main__":
    main()
