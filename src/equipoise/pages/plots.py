"""Plots of plain numbers, legible at the width of a phone."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from equipoise.base.plots import SHORT, count_bars, logarithmic, named_rows, percent, row_height, whole
from equipoise.pages.figure import THEMED, drawing

WIDTH = 4.2  # inches: 302 points, so text of 10 points is 12 pixels high on a phone

Interval = tuple[float, float, float]
"""A value and the two ends of its interval."""
_ARMS = ((THEMED.first, "o"), (THEMED.second, "D"), (THEMED.third, "s"))  # colours and markers


def interval_plot(
    names: Sequence[str],
    arms: Mapping[str, Sequence[Interval]],
    axis: str,
    limits: tuple[float, float] | None = (-0.02, 1.02),
) -> Figure:
    """Plot dots with intervals, one row for each name and one colour for each arm.

    Parameters
    ----------
    names : sequence of str
        The rows, from the top.
    arms : mapping of str to sequence of Interval
        For each arm the interval of every row; NaN is left out.
    axis : str
        Label of the axis.
    limits : pair of float, optional
        The limits of the axis; None fits them to the intervals.
    """
    with drawing(WIDTH, 0.85 + 0.42 * len(names)) as (figure, axes):
        rows = named_rows(axes, names, SHORT)
        offsets = np.linspace(0.13, -0.13, len(arms)) if len(arms) > 1 else np.zeros(1)
        for (arm, intervals), (colour, marker), offset in zip(arms.items(), _ARMS, offsets, strict=False):
            value, low, high = np.array(intervals, dtype=float).T
            axes.errorbar(
                value, rows + offset, xerr=np.abs(np.stack([value - low, high - value])),
                fmt=marker, color=colour, markersize=5, linewidth=1.6, label=arm,
            )  # fmt: skip
        axes.set(xlabel=axis, xlim=limits, ylim=(-0.6, len(names) - 0.4))
        figure.legend(loc="outside upper left", ncols=len(arms), handletextpad=0.3, columnspacing=1.2)
    return figure


def shares_plot(names: Sequence[str], shares: Mapping[str, Sequence[float]], axis: str) -> Figure:
    """Plot horizontal bars of shares side by side: one group for each name, one colour for each kind."""
    with drawing(WIDTH, 0.85 + 0.5 * len(names)) as (figure, axes):
        rows = named_rows(axes, names, SHORT)
        thickness = 0.8 / len(shares)
        colours = (THEMED.third, THEMED.second, THEMED.ink)
        for place, ((kind, values), colour) in enumerate(zip(shares.items(), colours, strict=False)):
            centre = rows + 0.4 - thickness * (place + 0.5)
            axes.barh(centre, np.array(values), height=thickness * 0.9, color=colour, label=kind)
        axes.set_xlabel(axis)
        axes.xaxis.set_major_formatter(percent)
        figure.legend(loc="outside upper left", ncols=len(shares), handlelength=1, columnspacing=1.2)
    return figure


def curves_plot(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    axis: str,
    single: Mapping[str, Sequence[Sequence[float]]] | None = None,
) -> Figure:
    """Plot curves over the draws, one for each arm, with a legend.

    Parameters
    ----------
    curves : mapping of str to pair of sequences
        For each arm draws and values.
    axis : str
        Label of the axis.
    single : mapping of str to sequence of sequences, optional
        For each arm the curves whose mean its curve is, at the same draws; drawn thin.
    """
    with drawing(WIDTH, 2.9) as (figure, axes):
        for (arm, (steps, values)), (colour, _) in zip(curves.items(), _ARMS, strict=False):
            for each in (single or {}).get(arm, ()):
                axes.plot(steps, each, color=colour, linewidth=0.6, alpha=0.45)
            axes.plot(steps, values, color=colour, linewidth=1.5, marker="o", markersize=2.5, label=arm)
        axes.set(xlabel="draws", ylabel=axis, xlim=(0, None), ylim=(0, None))
        axes.xaxis.set_major_formatter(whole)
        figure.legend(loc="outside upper left", ncols=len(curves), handlelength=1.2, columnspacing=1.2)
    return figure


def recall_plot(points: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Figure:
    """Plot the recall of each label over its training rows: one dot for each label and arm.

    Parameters
    ----------
    points : mapping of str to pair of sequences
        For each arm the training counts (0 is drawn at 0.5) and the recalls, in the same order of labels:
        a thin line joins the dots of one label.
    """
    with drawing(WIDTH, 3.4) as (figure, axes):
        series = [(np.maximum(counts, 0.5), np.array(recalls)) for counts, recalls in points.values()]
        if len(series) == 2:
            axes.vlines(series[0][0], series[0][1], series[1][1], color=THEMED.line, linewidth=1)
        for (counts, recalls), arm, (colour, marker) in zip(series, points, _ARMS, strict=False):
            axes.plot(counts, recalls, marker, color=colour, markersize=4.5, alpha=0.85, label=arm)
        logarithmic(axes, np.array([count for counts, _ in series for count in counts]), whole)
        axes.set(xlabel="training rows of the label", ylabel="recall on the test rows", ylim=(-0.04, 1.04))
        figure.legend(loc="outside upper left", ncols=len(points), handletextpad=0.1, columnspacing=1.2)
    return figure


def reliability_plot(series: Mapping[str, tuple[Sequence[float], Sequence[float], Sequence[float]]]) -> Figure:
    """Plot accuracy over confidence, with the diagonal of equality; the area of a dot is its share of the rows.

    Parameters
    ----------
    series : mapping of str to triple of sequences
        For each arm confidence, accuracy and share of the rows of every bin that is not empty.
    """
    with drawing(WIDTH, 3.8) as (figure, axes):
        axes.plot([0, 1], [0, 1], color=THEMED.third, linewidth=1, linestyle=(0, (4, 3)))
        for (arm, (confidence, accuracy, share)), (colour, marker) in zip(series.items(), _ARMS, strict=False):
            axes.plot(confidence, accuracy, color=colour, linewidth=1, alpha=0.6)
            areas = 10 + 150 * np.array(share)
            axes.scatter(confidence, accuracy, s=areas, color=colour, marker=marker, alpha=0.85, linewidths=0)
            axes.plot([], [], marker, color=colour, markersize=6, label=arm)
        axes.set(xlabel="probability of the most probable label", ylabel="accuracy of that label")
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        figure.legend(loc="outside upper left", ncols=len(series), handletextpad=0.1, columnspacing=1.2)
    return figure


def census_plot(names: Sequence[str], counts: Sequence[int | None]) -> Figure:
    """Plot horizontal bars of counts on a logarithmic axis, each with its number; None heads the rows below it."""
    with drawing(WIDTH, row_height(len(names))) as (figure, axes):
        count_bars(axes, names, counts, THEMED, decades=True, longest=SHORT)
        if max((count for count in counts if count is not None), default=0) >= 1000:
            axes.xaxis.set_major_locator(LogLocator(base=100))  # long numbers stay apart
        axes.set_xlabel("training rows (logarithmic)")
    return figure
