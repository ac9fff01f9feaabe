"""A contest as a picture: cost against quality, and regret over the steps; the suffix of the file says which format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from orchestra.core.errors import BadDefinition, ExtraMissing
from orchestra.evaluation.curves import hull
from orchestra.evaluation.outcomes import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Told apart with any colour vision. Source: Okabe and Ito 2008."""
GREY = "#8a8a8a"
POINTS = 200
MIXTURE, ORACLE = "mixture", "oracle"
SUFFIXES = (".png", ".svg", ".pdf")


def plot(result: Mapping[str, Any], path: Path) -> None:
    """Draws the result of ``outcomes.contest`` into a file.

    Raises: BadDefinition where there is nothing to draw or the suffix is not .png, .svg or .pdf; ExtraMissing without
    matplotlib.
    """
    regrets = [one for one in result["routers"] if one.get("replay")]
    panels = [panel for panel, wanted in ((_quality, _curves(result)), (_regret, regrets)) if wanted]
    if not panels:
        raise BadDefinition("There are neither costs nor replays to draw.", remedy="Leave --plot out for this set.")
    figure = _figure(path, 5.2 * len(panels))
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, panel in zip(axes, panels, strict=True):
        panel(axis, result)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25, linewidth=0.6)
        axis.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=200)


def plot_bars(result: Mapping[str, Any], keys: Sequence[str], path: Path) -> None:
    """Draws these figures of each router and baseline as bars. Raises: BadDefinition, ExtraMissing."""
    rows = [one for one in (*result["routers"], *result["baselines"]) if one.get(keys[0]) is not None]
    figure = _figure(path, 6.4)
    axis = figure.subplots()
    for place, (key, colour) in enumerate(zip(keys, COLOURS, strict=False)):
        heights = [one.get(key) or 0.0 for one in rows]
        at = [i + 0.8 * place / len(keys) for i in range(len(rows))]
        axis.barh(at, heights, height=0.8 / len(keys), color=colour, label=key.replace("_", " "))
    axis.set_yticks([i + 0.4 - 0.4 / len(keys) for i in range(len(rows))], [one["name"] for one in rows], fontsize=8)
    axis.invert_yaxis()
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_title(f"{result['dataset']}: {result['n']:,} questions", fontsize=10, loc="left")
    axis.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=200)


def _figure(path: Path, width: float) -> Figure:
    if path.suffix not in SUFFIXES:
        raise BadDefinition(f"{path} is no picture.", remedy=f"End the name in {', '.join(SUFFIXES)}.")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ExtraMissing("matplotlib is not installed.", remedy="Run: pip install 'orchestra-router[plot]'") from None
    return Figure(figsize=(width, 3.9), layout="constrained")


def _curves(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in (*result["routers"], *result["baselines"]) if len(one.get("curve") or ()) > 1]


def _quality(axis: Axes, result: Mapping[str, Any]) -> None:
    """Each router's hull; single options as points; what a coin between them reaches as a dashed line."""
    colours = iter(COLOURS * (1 + len(result["routers"])))
    for one in _curves(result):
        if one["name"].startswith(ORACLE):
            continue
        costs, heights = mixed(one["curve"])
        if one["name"].startswith(MIXTURE):
            xs, ys = zip(*one["curve"], strict=True)
            axis.scatter(xs, ys, s=14, color=GREY, label="single options", zorder=1)
            axis.plot(costs, heights, "--", color=GREY, linewidth=1.2, label="mixtures of two")
            continue
        best = result["routers"] and one["name"] == result["routers"][0]["name"]
        axis.plot(costs, heights, color=next(colours), linewidth=2.2 if best else 1.3, label=one["name"])
    axis.set_xscale("log")
    axis.set_xlabel("dollars for 1,000 questions")
    axis.set_ylabel("accuracy")
    axis.set_title(f"{result['dataset']}: {result['n']:,} questions", fontsize=10, loc="left")


def mixed(curve: Sequence[Sequence[float]]) -> tuple[Floats, Floats]:
    """What coins between the points reach, at costs so close together that a logarithmic axis shows it as it is.

    Shapes: (points,), costs and qualities.
    """
    vertices = hull([(cost, quality) for cost, quality in curve])
    low, high = vertices[0, 0], vertices[-1, 0]
    dense = np.geomspace(low, high, POINTS) if 0.0 < low < high else np.array([low, high])
    at = np.unique(np.concatenate([np.clip(dense, low, high), vertices[:, 0]]))
    return at, np.interp(at, vertices[:, 0], vertices[:, 1])


def _regret(axis: Axes, result: Mapping[str, Any]) -> None:
    """The mean over the orders, and beside it the best option for all and for each task in hindsight."""
    shown = [one for one in result["routers"] if one.get("replay")]
    for one, colour in zip(shown, COLOURS * (1 + len(shown)), strict=False):
        axis.plot(*zip(*one["replay"]["curve"], strict=True), color=colour, linewidth=1.8, label=one["name"])
    last: Mapping[str, Any] = shown[0]["replay"]
    for name, key, style in (("best option in hindsight", "best_fixed", "--"), ("best by task", "per_task", ":")):
        if last.get(key) is not None:
            axis.plot([0, last["steps"]], [0, last[key]], style, color=GREY, linewidth=1.2, label=name)
    axis.set_xlabel("steps")
    axis.set_ylabel(f"regret, weight of cost {last['lam']:g}")
    axis.set_title("Bandit feedback", fontsize=10, loc="left")
