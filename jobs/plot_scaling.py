"""Pictures of a scaling study (scaling.json of `widegram scale`), for jobs/plot.py.

Points with more ranks than processors are hollow and belong to no line: what they take says nothing of a machine that
has a processor a rank.
"""

import json

import matplotlib.pyplot as plt
import numpy as np

GREY = "#666666"
COLORS = {
    "total": "#222222",
    "assembly": "#1f5fa8",
    "selection": "#e8a33d",
    "factorisation": "#d1610a",
    "substitution": "#7a4a1e",
    "cg": "#2b8a55",
    "preconditioner": "#8a5fb0",
    "evidence": "#5c7f2a",
    "spectrum": "#c766a0",
    "dynamics": "#4d6fd1",
    "dkm": "#b03a5b",
    "predict": "#3aa0a8",
    "writing": "#a8893a",
    "reading": "#999999",
}
SMALL = 0.02  # share of the total below which a phase is left out of the lines


def finished(study):
    return [point for point in study["points"] if point["finished"]]


def shown_phases(points):
    """Those that take a share worth a line at some point, the total first."""
    names = [name for name in COLORS if any(name in point["phases"] for point in points)]
    worth = lambda name, point: point["phases"][name]["seconds"] >= SMALL * point["phases"]["total"]["seconds"]
    return [name for name in names if any(name in p["phases"] and worth(name, p) for p in points)]


def rank_axis(axes, points):
    ranks = sorted({point["ranks"] for point in points})
    axes.set_xscale("log", base=2)
    axes.set_xticks(ranks, [str(r) for r in ranks])
    axes.minorticks_off()
    axes.set_xlabel("ranks")


def draw_lines(axes, points, names, value):
    """A line a phase over the points that count; the oversubscribed ones hollow beside it."""
    for name in names:
        for over in (False, True):
            pairs = sorted(
                (p["ranks"], value(p["phases"][name]))
                for p in points
                if p["oversubscribed"] == over and name in p["phases"] and value(p["phases"][name]) is not None
            )
            if not pairs:
                continue
            x, y = zip(*pairs)
            style = {"linestyle": "none", "markerfacecolor": "none"} if over else {"label": name}
            axes.plot(x, y, marker="o", markersize=5, color=COLORS[name], **style)


def note_hollow(axes, points):
    if any(p["oversubscribed"] for p in points):
        axes.plot([], [], "o", color=GREY, markerfacecolor="none", label="more ranks than processors")


def draw_strong(study, pictures):
    points = [p for p in finished(study) if p["strong"]]
    if len({p["ranks"] for p in points}) < 2:
        return
    n = max(p["n"] for p in points)
    points = [p for p in points if p["n"] == n]
    names = shown_phases(points)
    figure, axes = plt.subplots(figsize=(6.4, 4.4))
    draw_lines(axes, points, names, lambda phase: phase["seconds"] / phase["steps"])
    counted = [p for p in points if not p["oversubscribed"]]
    if counted:
        first = min(counted, key=lambda p: p["ranks"])
        ranks = np.array(sorted({p["ranks"] for p in counted}), float)
        for name in names:
            if name in first["phases"]:
                start = first["phases"][name]["seconds"] / first["phases"][name]["steps"]
                axes.plot(ranks, start * first["ranks"] / ranks, "--", color=COLORS[name], linewidth=0.8, alpha=0.6)
        axes.plot([], [], "--", color=GREY, linewidth=0.8, label="in proportion to the ranks")
    note_hollow(axes, points)
    axes.set_yscale("log")
    rank_axis(axes, points)
    axes.set_ylabel("seconds (cg, dkm: of an iteration)")
    axes.set_title(f"Strong scaling, {n:,} samples")
    axes.legend(fontsize=8)
    pictures.save(figure, "scaling-strong")


def draw_weak(study, pictures):
    points = [p for p in finished(study) if p["weak"] and not p["oversubscribed"]]
    if len({p["ranks"] for p in points}) < 2:
        return
    names = [name for name in shown_phases(points) if name != "total"]
    figure, axes = plt.subplots(figsize=(6.4, 4.4))
    draw_lines(axes, points, names, lambda phase: phase["weak_efficiency"] if "weak_efficiency" in phase else None)
    axes.axhline(1, color=GREY, linewidth=0.8, linestyle="--")
    axes.set_ylim(bottom=0)
    rank_axis(axes, points)
    axes.set_ylabel("work a second and rank, against the fewest ranks")
    least, most = min(p["n"] for p in points), max(p["n"] for p in points)
    axes.set_title(f"Weak scaling, {least:,} to {most:,} samples", fontsize=10)
    axes.legend(fontsize=8)
    pictures.save(figure, "scaling-weak")


def draw_phases(study, pictures):
    points = sorted(finished(study), key=lambda p: (p["n"], p["ranks"]))
    if not points:
        return
    names = [name for name in shown_phases(points) if name != "total"]
    figure, axes = plt.subplots(figsize=(7.4, 1.2 + 0.36 * len(points)))
    places = np.arange(len(points))
    left = np.zeros(len(points))
    for name in names:
        widths = np.array([100 * p["phases"].get(name, {"seconds": 0})["seconds"] / p["phases"]["total"]["seconds"] for p in points])
        bars = axes.barh(places, widths, left=left, color=COLORS[name], label=name, height=0.7)
        for bar, point in zip(bars, points):
            if point["oversubscribed"]:
                bar.set_facecolor("none")
                bar.set_edgecolor(COLORS[name])
        left += widths
    labels = [f"n = {p['n']:,}, {p['ranks']} rank{'s' if p['ranks'] > 1 else ''}: {p['phases']['total']['seconds']:.3g} s" for p in points]
    axes.set_yticks(places, labels, fontsize=8)
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of the time, %")
    axes.set_title("Phases" + (" (hollow: more ranks than processors)" if any(p["oversubscribed"] for p in points) else ""))
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    pictures.save(figure, "scaling-phases")


def draw_efficiency(study, pictures):
    points = [p for p in finished(study) if not p["oversubscribed"] and p["strong"]]
    if len({p["ranks"] for p in points}) < 2:
        return
    names = [name for name in shown_phases(points) if name != "reading"]
    figure, axes = plt.subplots(figsize=(6.4, 4.4))
    for name in names:
        for n in sorted({p["n"] for p in points}):
            line = sorted(
                (p["ranks"], 100 * p["phases"][name]["strong_efficiency"])
                for p in points
                if p["n"] == n and "strong_efficiency" in p["phases"].get(name, {})
            )
            largest = n == max(p["n"] for p in points)
            if len(line) > 1:
                x, y = zip(*line)
                axes.plot(x, y, "o-", color=COLORS[name], markersize=4, alpha=1 if largest else 0.35, label=name if largest else None)
    axes.axhline(100, color=GREY, linewidth=0.8, linestyle="--")
    axes.set_ylim(bottom=0)
    rank_axis(axes, points)
    axes.set_ylabel("strong efficiency, %")
    axes.set_title("Efficiency; pale: smaller sizes")
    axes.legend(fontsize=8)
    pictures.save(figure, "scaling-efficiency")


def draw_scaling(path, pictures):
    study = json.loads(path.read_text())
    for draw in (draw_strong, draw_weak, draw_phases, draw_efficiency):
        draw(study, pictures)
