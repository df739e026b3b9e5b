#!/usr/bin/env python3
"""Draws what the files of an output folder hold, one picture a plot.

    python3 jobs/plot.py FOLDER [-o OUT] [--svg]
    python3 jobs/plot.py FOLDER FOLDER... [-o OUT] [--svg]      the learning curve of several runs
    python3 jobs/plot.py FOLDER/scaling.json [-o OUT]           a scaling study, as SVG beside it

spectrum.h5     spectrum             eigenvalues and target powers with their power laws
                cumulative-power     share of the targets in the leading eigenvectors
                effective-dimension  against the ridge
gram*.h5        gram*                heat map; a large Gram is sampled evenly
predictions.h5  predictions          confusion matrix of classes, or predicted against true values, with error bars of two
                                     standard deviations where there are variances
                calibration          of values with variances: how many targets lie in the intervals that should hold a share
dynamics.h5     loss-curves          losses and accuracies against the time of training
metrics.json    convergence          residual of conjugate gradients, iteration by iteration
dkm.h5          training             objective of a deep kernel machine, iteration by iteration, beside the infinitely wide
                                     network's; with mini-batches its learning curve: objective, likelihood and accuracy (or
                                     squared error), epoch by epoch
model.h5        ridge-path           what each ridge came to, where one was picked (else from metrics.json)

Several folders, or files with the JSON lines that tests/bench/learning_curve.py prints: learning-curve, the accuracy (or
RMSE) on the test set against the number of training samples, a line a network.

Pictures are PNG files in OUT (without it: FOLDER/plots; plots for a learning curve), with --svg SVG files as well. Needs matplotlib and h5py.
"""

import argparse
import json
import math
import sys
from pathlib import Path

try:
    import h5py
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np
except ImportError as error:
    sys.exit(
        f"plot.py: {error}. It needs matplotlib and h5py: apt-get install python3-matplotlib python3-h5py, "
        "or pip install matplotlib h5py"
    )

BLUE, ORANGE, GREEN, GREY = "#1f5fa8", "#d1610a", "#2b8a55", "#666666"
HEAT_MAP_SAMPLES = 600
MOST_NUMBERS = 20  # classes of a confusion matrix whose counts are written into it
STYLE = {
    "figure.dpi": 150,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e2e2e2",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


class Pictures:
    """Saves figures under their names and remembers them."""

    def __init__(self, folder, svg):
        self.folder = folder
        self.endings = [".png", ".svg"] if svg else [".png"]
        self.written = []

    def save(self, figure, name):
        self.folder.mkdir(parents=True, exist_ok=True)
        for ending in self.endings:
            path = self.folder / (name + ending)
            figure.savefig(path)
            self.written.append(path)
        plt.close(figure)


def attribute(holder, name, otherwise=None):
    value = holder.attrs.get(name, otherwise)
    return value.decode() if isinstance(value, bytes) else value


# --- spectrum.h5 ---------------------------------------------------------------------------------------------------------


def draw_power_law(axes, dataset, color, label):
    """The values against their ranks, and the fitted line over the ranks that it was fitted to."""
    values = dataset[()]
    ranks = np.arange(1, len(values) + 1)
    above = values > 0
    axes.loglog(ranks[above], values[above], ".", color=color, markersize=3, label=label)
    scale = attribute(dataset, "scale", 0.0)
    if scale > 0:
        exponent, error = attribute(dataset, "exponent"), attribute(dataset, "exponent_error")
        first, last = int(attribute(dataset, "fit_first")), int(attribute(dataset, "fit_last"))
        ends = np.array([first, last], float)
        axes.loglog(
            ends,
            scale * ends**-exponent,
            "-",
            color=GREY,
            linewidth=1.5,
            label=rf"rank$^{{{-exponent:.2f} \pm {error:.2f}}}$, ranks {first} to {last}",
        )
    if not above.all():
        axes.set_title(f"{np.sum(~above)} values are not above zero and left out", fontsize=8)
    axes.set_xlabel("rank")
    axes.legend(loc="lower left")


def draw_spectrum(file, pictures):
    known, n = len(file["eigenvalues"]), int(attribute(file, "n"))
    which = "all" if known == n else f"the {known} largest of"
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2))
    figure.suptitle(f"{attribute(file, 'function').upper()} Gram, {which} {n} eigenvalues")
    draw_power_law(left, file["eigenvalues"], BLUE, "eigenvalues")
    left.set_ylabel("eigenvalue")
    draw_power_law(right, file["target_power"], ORANGE, "target power")
    right.set_ylabel(r"target power $|v^T y|^2$")
    pictures.save(figure, "spectrum")


def draw_cumulative_power(file, pictures):
    shares = 100 * file["cumulative_power"][()]
    ranks = np.arange(1, len(shares) + 1)
    figure, axes = plt.subplots(figsize=(6, 4.2))
    axes.semilogx(ranks, shares, color=BLUE)
    for level in (50, 90, 99):
        if shares[-1] >= level:
            rank = int(np.argmax(shares >= level)) + 1
            axes.plot(rank, shares[rank - 1], "o", color=ORANGE, markersize=5)
            axes.annotate(
                f"{level} % in {rank}", (rank, shares[rank - 1]), xytext=(-6, 3), textcoords="offset points", ha="right"
            )
    axes.set_ylim(0, 108)
    axes.set_xlabel("leading eigenvectors")
    axes.set_ylabel("share of the targets' sum of squares, %")
    axes.set_title("Target power in the leading eigenvectors")
    pictures.save(figure, "cumulative-power")


def draw_effective_dimension(file, pictures):
    ridges, marked = file["ridges"][()], file["effective_dimension"][()]
    mean_diagonal, n = attribute(file["ridges"], "mean_diagonal"), int(attribute(file, "n"))
    values = np.maximum(file["eigenvalues"][()], 0)
    shown = ridges > 0
    figure, axes = plt.subplots(figsize=(6, 4.2))
    if "effective_dimension_upper" in file:
        upper = file["effective_dimension_upper"][()]
        middle = (marked + upper) / 2
        axes.errorbar(
            ridges[shown],
            middle[shown],
            yerr=(upper - marked)[shown] / 2,
            fmt="none",
            ecolor=BLUE,
            elinewidth=2,
            capsize=5,
            label=f"between, from the {len(values)} largest eigenvalues and the trace",
        )
        axes.set_xscale("log")
        axes.set_ylim(0, 1.25 * n)  # room for the legend
    else:
        inner = ridges[shown] if shown.any() else np.array([1e-4])
        grid = np.geomspace(min(1e-8, inner.min()), max(10.0, inner.max()), 200)
        curve = [np.sum(values / (values + ridge * mean_diagonal)) for ridge in grid]
        axes.loglog(grid, curve, color=BLUE, label="from the eigenvalues")
        axes.loglog(ridges[shown], marked[shown], "o", color=ORANGE, markersize=5, label="the job's ridges")
    axes.axhline(n, color=GREY, linestyle=":", linewidth=1, label=f"{n} samples")
    axes.set_xlabel("ridge, relative to the mean diagonal")
    axes.set_ylabel("effective dimension")
    axes.set_title("Directions that a fit uses")
    axes.legend(loc="upper right" if axes.get_yscale() == "linear" else "lower left", fontsize=9)
    pictures.save(figure, "effective-dimension")


def draw_spectrum_file(path, pictures):
    with h5py.File(path) as file:
        draw_spectrum(file, pictures)
        draw_cumulative_power(file, pictures)
        draw_effective_dimension(file, pictures)


# --- gram.h5 -------------------------------------------------------------------------------------------------------------


def sampled_gram(dataset):
    """At most HEAT_MAP_SAMPLES evenly spaced samples of the matrix, both triangles, and their numbers."""
    n = len(dataset)
    chosen = np.unique(np.linspace(0, n - 1, min(n, HEAT_MAP_SAMPLES)).astype(int))
    gram = np.zeros((len(chosen), len(chosen)))
    for k, i in enumerate(chosen):
        gram[k, : k + 1] = dataset[i, : i + 1][chosen[: k + 1]]
    return gram + np.tril(gram, -1).T, chosen


def draw_gram(path, pictures):
    with h5py.File(path) as file:
        dataset = file["train"]
        gram, chosen = sampled_gram(dataset)
        n, complete = len(dataset), int(attribute(file, "complete", 1)) == 1 or not (gram == 0).any()
        function = attribute(file, "function", "")
    if not complete:
        gram[gram == 0] = np.nan
    beside = gram[~np.eye(len(gram), dtype=bool)]
    beside = beside[np.isfinite(beside)]
    # The diagonal stands out from the rest so far that it would leave one colour for that.
    low, high = np.percentile(beside, [1, 99]) if beside.size else (None, None)
    figure, axes = plt.subplots(figsize=(6, 5))
    axes.grid(False)
    image = axes.imshow(
        gram, cmap="viridis", vmin=low, vmax=high, extent=(0, n, n, 0), interpolation="nearest"
    )
    figure.colorbar(image, ax=axes, label="kernel (1st to 99th percentile of pairs)", extend="both", shrink=0.85)
    axes.set_xlabel("training sample")
    axes.set_ylabel("training sample")
    title = f"{function.upper()} Gram of {n} samples"
    if len(chosen) < n:
        title += f", {len(chosen)} of them"
    axes.set_title(title + ("" if complete else " (not complete)"))
    pictures.save(figure, path.stem)


# --- predictions.h5 ------------------------------------------------------------------------------------------------------


def draw_confusion(predicted, true, classes, pictures):
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (true, predicted), 1)
    shares = 100 * counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    figure, axes = plt.subplots(figsize=(6.4, 5.4))
    axes.grid(False)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    figure.colorbar(image, ax=axes, label="share of the true class, %")
    if classes <= MOST_NUMBERS:
        axes.set_xticks(range(classes))
        axes.set_yticks(range(classes))
        for i, j in zip(*np.nonzero(counts)):
            color = "white" if shares[i, j] > 50 else "black"
            axes.text(j, i, counts[i, j], ha="center", va="center", color=color, fontsize=8)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.set_title(f"{100 * np.mean(predicted == true):.2f} % of {len(true)} test samples are right")
    pictures.save(figure, "predictions")


def draw_values(predicted, true, deviation, pictures):
    figure, axes = plt.subplots(figsize=(5.4, 5.2))
    ends = [min(predicted.min(), true.min()), max(predicted.max(), true.max())]
    axes.plot(ends, ends, "-", color=GREY, linewidth=1)
    outputs = true.shape[1]
    colors = [BLUE] if outputs == 1 else plt.get_cmap("tab10" if outputs <= 10 else "viridis", outputs)(range(outputs))
    size = 12 if len(true) < 1000 else 4
    for k, color in enumerate(colors):
        if deviation is not None:
            axes.errorbar(
                true[:, k], predicted[:, k], yerr=2 * deviation, fmt="none", ecolor=color, elinewidth=0.7, alpha=0.35
            )
        axes.scatter(true[:, k], predicted[:, k], s=size, color=color, alpha=0.6, linewidths=0, label=f"output {k}")
    if 1 < outputs <= 10:
        axes.legend(loc="upper left", fontsize=9, markerscale=2.5)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel("true value")
    axes.set_ylabel("predicted value")
    bars = "" if deviation is None else ", bars: 2 standard deviations"
    axes.set_title(f"{len(true)} test samples, RMSE {np.sqrt(np.mean((predicted - true) ** 2)):.4g}{bars}", fontsize=10)
    pictures.save(figure, "predictions")


def draw_calibration(predicted, true, deviation, pictures):
    """Share of the targets within the middle interval of each predictive normal, against the share it should hold."""
    scores = np.sort(np.abs(true - predicted) / np.maximum(deviation, 1e-300)[:, None], axis=None)
    inside = np.array([math.erf(score / math.sqrt(2)) for score in scores])
    figure, axes = plt.subplots(figsize=(5.2, 5))
    axes.plot([0, 100], [0, 100], "-", color=GREY, linewidth=1, label="as it should be")
    axes.step(100 * inside, 100 * np.arange(1, len(inside) + 1) / len(inside), where="post", color=BLUE, label="found")
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    axes.set_aspect("equal")
    axes.set_xlabel("share of targets that the interval should hold, %")
    axes.set_ylabel("share that it holds, %")
    axes.set_title(f"Calibration of {len(true)} predictions; above the line: too wide", fontsize=10)
    axes.legend(loc="upper left", fontsize=9)
    pictures.save(figure, "calibration")


def draw_predictions(path, pictures):
    with h5py.File(path) as file:
        if "target" not in file:
            print(f"plot.py: {path} holds no true values (/target) to compare with", file=sys.stderr)
            return
        true, mean = file["target"][()], file["mean"][()]
        if "class" in file:
            draw_confusion(file["class"][()], true, mean.shape[1], pictures)
            return
        deviation = None
        if "variance" in file:  # of a target: the function's, and the noise about it
            deviation = np.sqrt(file["variance"][()] + attribute(file["variance"], "noise", 0.0))
            draw_calibration(mean, true, deviation, pictures)
        draw_values(mean, true, deviation, pictures)


# --- ridge path ----------------------------------------------------------------------------------------------------------

PATH_LABELS = {
    "loo_mse": "leave-one-out squared error",
    "mse": "squared error, held out",
    "loo_accuracy": "leave-one-out accuracy, %",
    "accuracy": "accuracy, held out, %",
    "log_evidence": "log evidence",
    "effective_dimension": "effective dimension",
}


def ridge_path(folder):
    """Lists by name, "ridge" among them, and the ridge that was picked; nothing where there is no path."""
    model = folder / "model.h5"
    if model.exists():
        with h5py.File(model) as file:
            if "ridge_path" in file:
                rows = file["ridge_path"]
                names = attribute(rows, "columns").split(",")
                return dict(zip(names, rows[()].T)), float(file["ridge"][()])
    metrics = folder / "metrics.json"
    solve = json.loads(metrics.read_text()).get("solve", {}) if metrics.exists() else {}
    points = solve.get("path")
    if not points:
        return None, None
    names = list(dict.fromkeys(name for point in points for name in point))
    lists = {name: np.array([point.get(name, np.nan) for point in points], float) for name in names}
    return lists, solve.get("ridge")


def draw_ridge_path(folder, pictures):
    lists, picked = ridge_path(folder)
    if lists is None:
        return
    order = np.argsort(lists["ridge"])
    order = order[lists["ridge"][order] > 0]  # no place for 0 on a logarithmic axis
    ridges = lists["ridge"][order]
    shown = [name for name in PATH_LABELS if name in lists and np.isfinite(lists[name][order]).any()]
    if not len(order) or not shown:
        return
    figure, grid = plt.subplots(
        len(shown), 1, sharex=True, squeeze=False, figsize=(6.4, 1.2 + 1.9 * len(shown))
    )
    for axes, name in zip(grid[:, 0], shown):
        values = lists[name][order] * (100 if "accuracy" in name else 1)
        axes.semilogx(ridges, values, "o-", color=BLUE, markersize=4)
        axes.set_title(PATH_LABELS[name], loc="left", fontsize=10)
        if "accuracy" in name:
            axes.set_ylim(top=min(100.5, axes.get_ylim()[1]))
        if "mse" in name or name == "effective_dimension":
            axes.set_yscale("log")
        if picked:
            axes.axvline(picked, color=ORANGE, linestyle="--", linewidth=1.2)
    if len(ridges) > 1 and ridges[-1] < 30 * ridges[0]:  # too little for powers of ten
        grid[-1, 0].set_xticks(ridges, [f"{ridge:.3g}" for ridge in ridges])
        grid[-1, 0].minorticks_off()
    if picked:
        grid[0, 0].plot([], [], "--", color=ORANGE, label=f"picked: {picked:.3g}")
        grid[0, 0].legend(loc="best", fontsize=9)
    zero = ""
    if (lists["ridge"] == 0).any():
        zero = " (0, which was picked, has no place here)" if picked == 0 else " (0 has no place here)"
    grid[-1, 0].set_xlabel("ridge, relative to the mean diagonal" + zero)
    pictures.save(figure, "ridge-path")


# --- dynamics.h5 ---------------------------------------------------------------------------------------------------------

SETS = {"train": BLUE, "validation": ORANGE, "test": GREEN}


def draw_against_time(axes, times, file, quantity, scale):
    """A line a set over the finite times above zero; the value at infinity as a level beside them."""
    inner = np.isfinite(times) & (times > 0)
    for name, color in SETS.items():
        if f"{name}_{quantity}" not in file:
            continue
        values = scale * file[f"{name}_{quantity}"][()]
        axes.semilogx(times[inner], values[inner], "o-", color=color, markersize=4, label=name)
        if np.isinf(times[-1]):
            axes.axhline(values[-1], color=color, linestyle=":", linewidth=1)
    best = attribute(file, "best_time")
    if best is not None and np.isfinite(best) and best > 0:
        axes.axvline(best, color=GREY, linestyle="--", linewidth=1.2)


def draw_dynamics(path, pictures):
    with h5py.File(path) as file:
        times = file["times"][()]
        if not (np.isfinite(times) & (times > 0)).any():
            return  # nothing between the start and infinity
        quantities = [name for name in ("loss", "accuracy") if f"train_{name}" in file]
        figure, grid = plt.subplots(
            len(quantities), 1, sharex=True, squeeze=False, figsize=(6.4, 1.0 + 3.2 * len(quantities))
        )
        for axes, quantity in zip(grid[:, 0], quantities):
            draw_against_time(axes, times, file, quantity, 1 if quantity == "loss" else 100)
            axes.set_ylabel("loss: half of the mean squared error" if quantity == "loss" else "right, %")
        grid[0, 0].set_yscale("log")
        # At infinity an interpolating fit has a loss of nothing but rounding, which would leave no room for the rest.
        shown = np.isfinite(times) & (times > 0)
        losses = np.concatenate([file[f"{name}_loss"][()][shown] for name in SETS if f"{name}_loss" in file])
        losses = losses[np.isfinite(losses) & (losses > 0)]
        if losses.size:
            grid[0, 0].set_ylim(losses.min() / 1.5, losses.max() * 1.5)
        best = attribute(file, "best_time")
        if best is not None:
            grid[0, 0].plot([], [], "--", color=GREY, label=f"best validation loss: {best:.3g}")
        if np.isinf(times[-1]):
            grid[0, 0].plot([], [], ":", color=GREY, label="at infinity")
        grid[0, 0].legend(loc="best", fontsize=9)
        steps = attribute(file, "descent") == "steps"
        grid[-1, 0].set_xlabel(("steps" if steps else "time") + f" (learning rate {attribute(file, 'rate'):.3g})")
        fitted = int(attribute(file, "n")) - int(attribute(file, "held_out"))
        way = "gradient descent" if steps else "gradient flow"
        grid[0, 0].set_title(f"{attribute(file, 'function').upper()}, {fitted} samples, {way}")
    pictures.save(figure, "loss-curves")


# --- convergence ---------------------------------------------------------------------------------------------------------


def draw_convergence(path, pictures):
    solve = json.loads(path.read_text()).get("solve", {})
    points = np.array(solve.get("residuals") or [], float)
    if len(points) < 2:
        return
    figure, axes = plt.subplots(figsize=(6.4, 4.2))
    axes.semilogy(points[:, 0], points[:, 1], "-", color=BLUE)
    if solve.get("tolerance"):
        axes.axhline(solve["tolerance"], color=GREY, linestyle="--", linewidth=1.2, label="asked for")
        axes.legend(loc="best", fontsize=9)
    preconditioner = solve.get("preconditioner")
    title = "Conjugate gradients"
    if preconditioner:
        title += f", {preconditioner['kind']} of rank {preconditioner['rank']}"
    if points[0, 0] > 0:
        title += f", from iteration {int(points[0, 0])} on"
    axes.set_title(title)
    axes.set_xlabel("iteration")
    axes.set_ylabel("relative residual, the largest of the columns")
    pictures.save(figure, "convergence")


# --- dkm.h5 --------------------------------------------------------------------------------------------------------------

PANELS = {
    "objective": "objective",
    "log_likelihood": "log likelihood",
    "accuracy": "right, %",
    "mean_square_error": "mean squared error",
}


def draw_epochs(file):
    """A panel a quantity, with that of the validation samples where there are some."""
    rows = dict(zip(attribute(file["curve"], "columns").split(","), file["curve"][()].T))
    epochs = rows["epoch"]
    held_out = rows["validation_log_likelihood"].any()  # zeros where nothing was held out
    shown = [name for name in PANELS if name in rows]
    figure, grid = plt.subplots(len(shown), 1, sharex=True, squeeze=False, figsize=(6.4, 1.0 + 2.4 * len(shown)))
    for axes, name in zip(grid[:, 0], shown):
        scale = 100 if name == "accuracy" else 1
        axes.plot(epochs, scale * rows[name], "o-", color=BLUE, markersize=3, label="training")
        if held_out and f"validation_{name}" in rows:
            axes.plot(epochs, scale * rows[f"validation_{name}"], "o-", color=ORANGE, markersize=3, label="validation")
        if held_out:
            axes.axvline(attribute(file, "best_epoch"), color=GREY, linestyle="--", linewidth=1.2, label="the best, kept")
        axes.set_ylabel(PANELS[name])
    grid[1, 0].legend(loc="best", fontsize=9)
    grid[-1, 0].set_xlabel("epoch")
    return figure, grid[0, 0]


def draw_iterations(file):
    """The objective, with the network's that it starts from, and how far it is below the best: the first steps are large."""
    values = file["objective"][()]
    figure, (axes, gaps) = plt.subplots(2, 1, sharex=True, figsize=(6.4, 5.6))
    axes.plot(np.arange(len(values)), values, "-", color=BLUE)
    axes.axhline(values[0], color=GREY, linestyle="--", linewidth=1.2, label="infinitely wide network")
    axes.legend(loc="best", fontsize=9)
    axes.set_ylabel("objective")
    below = values.max() - values
    gaps.semilogy(np.flatnonzero(below > 0), below[below > 0], "-", color=BLUE)
    gaps.set_ylabel("below the best")
    gaps.set_xlabel("iteration")
    return figure, axes


def draw_dkm(path, pictures):
    with h5py.File(path) as file:
        figure, axes = draw_epochs(file) if "curve" in file else draw_iterations(file)
        kind, n = attribute(file, "kind"), int(attribute(file, "n"))
        axes.set_title(f"{kind.capitalize()} deep kernel machine, {n:,} samples")
    pictures.save(figure, "training")


# --- learning curve ------------------------------------------------------------------------------------------------------


def reason(error):
    return f"without {error}" if isinstance(error, KeyError) else str(error)


def curve_points(source):
    """((short and full name), training samples, "accuracy" or "rmse", value) of a run's folder or of JSON lines."""
    if not source.is_dir():
        lines = [json.loads(line) for line in source.read_text().splitlines() if line.startswith("{")]
        names = [f"{line['gram']} ({line['function'].upper()})" for line in lines]
        return [((name, name), line["n"], "accuracy", line["accuracy"]) for name, line in zip(names, lines)]
    metrics = json.loads((source / "metrics.json").read_text())
    if "test" not in metrics:
        raise ValueError("without a score of a test set")
    test = metrics["test"]
    quantity = "accuracy" if "accuracy" in test else "rmse"
    if "dkm" in metrics:
        machine = metrics["dkm"]
        names = [f"{machine['kind']} deep kernel machine", f"{machine['kind']} deep kernel machine, {machine['kernel']}"]
    else:
        kernel = metrics["kernel"]
        names = [
            f"{name} ({kernel['function'].upper()})" for name in (kernel["preset"] or kernel["network"], kernel["network"])
        ]
    return [(tuple(names), metrics["data"]["train_samples"], quantity, test[quantity])]


def draw_learning_curve(sources, pictures):
    """Returns what went wrong, a line a source."""
    curves, problems = {}, []
    for source in sources:
        try:
            for names, n, quantity, value in curve_points(source):
                curves.setdefault(quantity, {}).setdefault(names, []).append((n, value))
        except (OSError, KeyError, ValueError, TypeError) as error:
            problems.append(f"{source} gives no point of a learning curve ({reason(error)}): it takes a run with a test set")
    for quantity, lines in curves.items():
        figure, axes = plt.subplots(figsize=(6.4, 4.4))
        sizes = sorted({n for points in lines.values() for n, _ in points})
        short = [names[0] for names in lines]
        for (names, points), color in zip(lines.items(), plt.get_cmap("tab10").colors * (1 + len(lines) // 10)):
            n, values = np.array(sorted(points), float).T
            name = names[0] if short.count(names[0]) == 1 else names[1]
            axes.plot(n, values * (100 if quantity == "accuracy" else 1), "o-", color=color, markersize=5, label=name)
        axes.set_xscale("log")
        axes.set_xticks(sizes, [f"{n:,}" for n in sizes])
        axes.minorticks_off()
        axes.set_xlabel("training samples")
        axes.set_ylabel("test accuracy, %" if quantity == "accuracy" else "test RMSE")
        if quantity == "accuracy":
            axes.set_ylim(top=min(100.5, axes.get_ylim()[1]))
        axes.set_title("Learning curve")
        axes.legend(loc="best", fontsize=9)
        pictures.save(figure, "learning-curve" if quantity == "accuracy" else "learning-curve-rmse")
    return problems


# -------------------------------------------------------------------------------------------------------------------------


FILES = (
    ("spectrum.h5", draw_spectrum_file),
    ("dynamics.h5", draw_dynamics),
    ("predictions.h5", draw_predictions),
    ("metrics.json", draw_convergence),
    ("dkm.h5", draw_dkm),
)


def draw_all(folder, pictures):
    """Draws what is there; returns what went wrong, a line a file."""
    work = [(path, draw_gram, path) for path in sorted(folder.glob("gram*.h5"))]
    for name, draw in FILES:
        if (folder / name).exists():
            work.append((folder / name, draw, folder / name))
    work.append((folder / "model.h5 or metrics.json", draw_ridge_path, folder))
    problems = []
    for name, draw, what in work:
        try:
            draw(what, pictures)
        except (OSError, KeyError, ValueError, TypeError) as error:
            problems.append(f"{name} cannot be drawn: {error}; 'widegram verify' says whether the file is whole")
    return problems


def draw_study(path, folder):
    """Returns what went wrong, or nothing."""
    from plot_scaling import draw_scaling  # only a study needs it

    pictures = Pictures(folder, svg=True)
    pictures.endings = [".svg"]
    try:
        draw_scaling(path, pictures)
    except (OSError, KeyError, ValueError, TypeError) as error:
        return f"plot.py: {path} cannot be drawn ({error!r}): it takes a scaling.json of `widegram scale`"
    for picture in pictures.written:
        print(picture)
    return None if pictures.written else f"plot.py: {path} holds no finished point"


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("folders", metavar="FOLDER", type=Path, nargs="+", help="output folder of a run")
    words.add_argument("-o", "--output", metavar="OUT", type=Path, help="folder of the pictures")
    words.add_argument("--svg", action="store_true", help="write SVG files as well")
    asked = words.parse_args()
    first = asked.folders[0]
    plt.rcParams.update(STYLE)
    if first.name == "scaling.json":
        sys.exit(draw_study(first, asked.output or first.parent))
    curve = len(asked.folders) > 1 or first.is_file()
    for folder in asked.folders:
        if not (folder.is_dir() or (curve and folder.is_file())):
            sys.exit(f"plot.py: {folder} is no folder: name the output folder of a run")
    pictures = Pictures(asked.output or (Path("plots") if curve else first / "plots"), asked.svg)
    problems = draw_learning_curve(asked.folders, pictures) if curve else draw_all(first, pictures)
    for path in pictures.written:
        print(path)
    if problems:
        sys.exit("\n".join("plot.py: " + problem for problem in problems))
    if not pictures.written:
        sys.exit(
            f"plot.py: {first} holds nothing to draw: no spectrum.h5, dynamics.h5, dkm.h5, gram.h5, predictions.h5, ridge "
            "path or residuals"
        )


if __name__ == "__main__":
    main()
