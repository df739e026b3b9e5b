"""Solves on one Gram with widegram, scikit-learn and GPyTorch, in one run on the same cores, and compares the answers.

    python solvers_side_by_side.py WIDEGRAM [--samples 8000] [--ridge 1e-3] [--rounds 3] [--check]

WIDEGRAM is the program's path; `mpirun` starts it with a rank a core that this process may use, with one BLAS thread each, and
the others have as many threads. The Gram is the NNGP of Fashion-MNIST (dense, three hidden layers, float64), made once. Seconds
are those of solving alone, the matrix in memory: medians over the rounds, in which the three take turns. A JSON line a task:

  ridge     (K + ridge I) alpha = Y, ten classes: solve.method = "cholesky" against KernelRidge(kernel="precomputed")
  evidence  alpha and the log evidence: the same solve, which gives it, against GaussianProcessRegressor
  cg        the same system to 1e-8: rpcholesky of its own choice against GPyTorch's CG with pivoted Cholesky, the fastest of
            --ranks; GPyTorch stops by the mean residual, so its tolerance is lowered until the largest is as small

With --check: fails where widegram is slower, or an answer differs by more than 1e-6 of the largest entry. Needs numpy, h5py,
scikit-learn; torch with gpytorch for the last task, which is left out without them.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import h5py
import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Kernel
from sklearn.kernel_ridge import KernelRidge

CORES = len(os.sched_getaffinity(0))

JOB = """
output = "{folder}"
[data]
train = "fashion-mnist:train[:{samples}]"
preprocess = ["center", "normalize"]
[kernel]
preset = "dense"
depth = 3
function = "nngp"
precision = "float64"
[solve]
ridge = {ridge}
"""


class Stored(Kernel):
    """A matrix that is there, as a kernel of scikit-learn."""

    def __init__(self, matrix=None):
        self.matrix = matrix

    def __call__(self, X, Y=None, eval_gradient=False):
        return self.matrix.copy()

    def diag(self, X):
        return np.diag(self.matrix).copy()

    def is_stationary(self):
        return False

    @property
    def theta(self):
        return np.empty(0)

    @theta.setter
    def theta(self, value):
        pass

    def clone_with_theta(self, theta):
        return self


def widegram(program, job, folder, *settings):
    """alpha and metrics["solve"] of one solve on the Gram in the folder."""
    environment = dict(os.environ, OPENBLAS_NUM_THREADS="1")
    command = ["mpirun", "-n", str(CORES), program, "solve", job]
    for setting in settings:
        command += ["--set", setting]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr or done.stdout)
    with h5py.File(folder / "model.h5") as model:
        alpha = model["alpha"][:]
        ridge = float(model["ridge"].attrs["absolute"])
    return alpha, ridge, json.loads((folder / "metrics.json").read_text())["solve"]


def timed(work):
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def difference(a, b):
    return float(np.abs(a - b).max() / np.abs(b).max())


def by_gpytorch(gram, ridge, targets, rank, tolerance):
    import gpytorch
    import linear_operator
    import torch

    torch.set_num_threads(CORES)
    matrix, right = torch.from_numpy(gram), torch.from_numpy(targets)

    def solve():
        with (
            gpytorch.settings.max_cholesky_size(1),
            gpytorch.settings.max_preconditioner_size(rank),
            gpytorch.settings.min_preconditioning_size(1),
            gpytorch.settings.cg_tolerance(tolerance),
            gpytorch.settings.max_cg_iterations(1000),
            torch.no_grad(),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            shifted = linear_operator.to_linear_operator(matrix).add_diag(torch.tensor(ridge, dtype=matrix.dtype))
            return shifted.inv_matmul(right).numpy() if hasattr(shifted, "inv_matmul") else shifted.solve(right).numpy()

    alpha, seconds = timed(solve)
    residual = targets - gram @ alpha - ridge * alpha
    return alpha, seconds, float((np.linalg.norm(residual, axis=0) / np.linalg.norm(targets, axis=0)).max())


def report(lines, options):
    good = True
    for line in lines:
        line |= {"samples": options.samples, "cores": CORES, "ratio": line["other_seconds"] / line["seconds"]}
        good = good and line["ratio"] >= 1 and line["difference"] <= 1e-6
        print(json.dumps(line), flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("widegram")
    parser.add_argument("--samples", type=int, default=8000)
    parser.add_argument("--ridge", type=float, default=1e-3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ranks", type=int, nargs="+", default=[0, 100, 400])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / "run"
        job = pathlib.Path(scratch) / "job.toml"
        job.write_text(JOB.format(folder=folder, samples=options.samples, ridge=options.ridge))
        direct = ("solve.method=cholesky",)
        alpha, ridge, _ = widegram(options.widegram, job, folder, *direct)
        with h5py.File(folder / "gram.h5") as file:
            lower = file["train"][:]
        gram = np.tril(lower) + np.tril(lower, -1).T
        targets = gram @ alpha + ridge * alpha  # one-hot minus 1/10, as the job has them
        targets = np.where(targets > 0.5, 0.9, -0.1)

        ours, ridge_regression, process, iterative = [], [], [], []
        for _ in range(options.rounds):
            alpha, _, solve = widegram(options.widegram, job, folder, *direct)
            ours.append(solve["seconds"])
            regression = KernelRidge(alpha=ridge, kernel="precomputed")
            ridge_regression.append(timed(lambda: regression.fit(gram, targets))[1])
            gaussian = GaussianProcessRegressor(Stored(gram), alpha=ridge, optimizer=None)
            process.append(timed(lambda: gaussian.fit(np.arange(len(gram))[:, None], targets))[1])
            by_cg, _, cg = widegram(options.widegram, job, folder, "solve.method=cg")
            iterative.append(cg["seconds"])

        lines = [
            {"task": "ridge", "other": "scikit-learn KernelRidge", "seconds": statistics.median(ours),
             "other_seconds": statistics.median(ridge_regression), "difference": difference(alpha, regression.dual_coef_)},
            {"task": "evidence", "other": "scikit-learn GaussianProcessRegressor", "seconds": statistics.median(ours),
             "other_seconds": statistics.median(process),
             "difference": max(difference(alpha, gaussian.alpha_),
                               abs(solve["log_evidence"] / gaussian.log_marginal_likelihood_value_ - 1))},
        ]
        good = report(lines, options)
        try:
            tried = []
            for rank in options.ranks:
                for tolerance in (1e-7, 1e-8, 1e-9):
                    found = by_gpytorch(gram, ridge, targets, rank, tolerance)
                    if found[2] <= 1e-8:
                        tried.append((found[1], rank, found[0]))
                        break
            if tried:
                seconds, rank, found = min(tried, key=lambda run: run[0])
                line = {"task": "cg", "other": f"GPyTorch, rank {rank}", "seconds": statistics.median(iterative),
                        "other_seconds": seconds, "difference": difference(by_cg, found), "iterations": cg["iterations"]}
                good = report([line], options) and good
            else:
                good = False
                print(json.dumps({"task": "cg", "other": "GPyTorch", "missing": "no residual of 1e-8 in 1,000 iterations"}))
        except ModuleNotFoundError as missing:
            print(json.dumps({"task": "cg", "left_out": str(missing)}))
    sys.exit(0 if good or not options.check else 1)


if __name__ == "__main__":
    main()
