"""Turns rows of figures into a table in Markdown, and repeated figures into one cell."""

import statistics
from collections.abc import Iterable, Iterator, Sequence

from benchmarks.plan import Row


def tabulate(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The table's lines."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def group(rows: Iterable[Row], *keys: str) -> dict[tuple[str, ...], list[Row]]:
    """Rows that are alike in all these, in the order in which they first came."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(str(row[key]) for key in keys), []).append(row)
    return groups


def median(rows: Iterable[Row], key: str) -> float:
    """Of a figure."""
    return float(statistics.median(row[key] for row in rows))


def show(value: float) -> str:
    """With three digits or more."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def show_median(rows: Iterable[Row], key: str) -> str:
    """The figure's median alone."""
    return show(median(rows, key))


def show_spread(rows: Sequence[Row], key: str) -> str:
    """The median, and from where to where the figure went."""
    values = [row[key] for row in rows]
    return f"{show(statistics.median(values))} ({show(min(values))}–{show(max(values))})"
