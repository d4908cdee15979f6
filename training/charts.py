"""Turns figures into the charts of a report: SVG that takes its colours and letters from the page around it."""

import io
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from training.calibrate import Reliability

_INK, _MUTED, _LINE, _ACCENT, _OTHER = "#14181f", "#5a6270", "#dfe2e8", "#1f62c4", "#b45309"

_THEME = {
    _INK: "var(--ink)", _MUTED: "var(--muted)", _LINE: "var(--line)", _ACCENT: "var(--accent)", _OTHER: "var(--other)",
}  # fmt: skip
"""What the drawn colours become, so that the page's dark form is the charts' too."""

_WIDE = (3.4, 2.2)
_SQUARE = (3.2, 3.0)
"""Width and height in inches: near the size at which a phone shows them, so that the letters stay readable."""

_DOTS = 30
"""Up to so many points of a line are also marked."""


def draw_losses(losses: Sequence[float]) -> str:
    """The training loss by epoch, from the first epoch on, as an `<svg>` element."""
    with _style():
        figure, axes = _canvas(_WIDE)
        _draw_epochs(axes, losses, _OTHER)
        axes.set_ylim(bottom=0)
        return _svg(figure, "loss")


def draw_accuracies(accuracies: Sequence[float]) -> str:
    """The validation accuracy by epoch, shares from the first epoch on, as an `<svg>` element."""
    with _style():
        figure, axes = _canvas(_WIDE)
        _draw_epochs(axes, accuracies, _ACCENT)
        axes.set_ylim(top=min(1.002, axes.get_ylim()[1]))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
        return _svg(figure, "accuracy")


def draw_learning_rates(rates: Sequence[float], epochs: int) -> str:
    """The learning rate, evenly spread over the epochs, as an `<svg>` element."""
    with _style():
        figure, axes = _canvas(_WIDE)
        axes.stairs(
            rates, [index / len(rates) * epochs for index in range(len(rates) + 1)], baseline=None, color=_MUTED
        )
        axes.set_xlim(0, epochs)
        axes.set_ylim(bottom=0, top=1.05 * max(rates) or 1)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return _svg(figure, "rate")


def draw_reliability(before: Sequence[Reliability], after: Sequence[Reliability]) -> str:
    """Share of right answers by how sure they were, as an `<svg>` element; a dot's area is its share of the pictures.

    Args:
        before: of probabilities without a temperature.
        after: with it; empty where there is none.
    """
    with _style():
        figure, axes = _canvas(_SQUARE)
        axes.plot([0, 1], [0, 1], color=_MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        for points, color in ((before, _OTHER), (after, _ACCENT)):
            pictures = sum(point.pictures for point in points)
            xs, ys = [point.confidence for point in points], [point.accuracy for point in points]
            axes.plot(xs, ys, color=color, linewidth=1.1)
            axes.scatter(xs, ys, [6 + 200 * point.pictures / pictures for point in points], color=color, alpha=0.75)
        axes.set(xlim=(-0.02, 1.06), ylim=(-0.02, 1.06))
        axes.set(xlabel="probability of the answer", ylabel="share of right answers")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5))
            axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        return _svg(figure, "reliability")


def _style() -> AbstractContextManager[None]:
    """Our settings of matplotlib, for as long as a chart is drawn."""
    return rc_context({
        "svg.hashsalt": "convscope",  # or the same figures would give other ids each time
        "svg.fonttype": "none",  # text stays text: small, selectable, in the page's letters
        "font.size": 8.5,
        "axes.edgecolor": _LINE,
        "axes.labelcolor": _MUTED,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": _LINE,
        "ytick.color": _LINE,
        "xtick.labelcolor": _MUTED,
        "ytick.labelcolor": _MUTED,
        "axes.grid": True,
        "grid.color": _LINE,
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
    })  # fmt: skip


def _canvas(size: tuple[float, float]) -> tuple[Figure, Axes]:
    """A figure of its own, not one of pyplot's, which would be kept for ever."""
    figure = Figure(figsize=size, layout="constrained")
    figure.patch.set_visible(False)
    axes = figure.add_subplot()
    axes.patch.set_visible(False)
    axes.tick_params(length=0)
    return figure, axes


def _draw_epochs(axes: Axes, values: Sequence[float], color: str) -> None:
    marker = "o" if len(values) <= _DOTS else ""
    axes.plot(range(1, len(values) + 1), values, color=color, marker=marker, markersize=3)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _svg(figure: Figure, name: str) -> str:
    """The element alone, without notes, ids that another chart of the page could have, and colours of its own."""
    content = io.StringIO()
    figure.savefig(content, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    drawing = content.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", drawing, count=1, flags=re.DOTALL)
    drawing = re.sub(r"font-family: [^;]*; ", "", drawing)
    for color, variable in _THEME.items():
        drawing = drawing.replace(color, variable)
    drawing = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", drawing)
    return re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', r'<svg \1 aria-hidden="true">', drawing, count=1)
