"""Turns figures into what a person reads: a small table, and a line for each thing to know about it."""

from collections.abc import Iterator, Mapping
from dataclasses import astuple

from rich.table import Table

from service.bench.figures import Figures

_BUSY = 0.9
"""Of a core, used or wanted: from here on there is always an answer that waits to be read."""

_LATE = 5.0
"""Milliseconds after they were due, by which a hundredth of the requests may be sent."""


def tabulate_counts(figures: Figures) -> Table:
    """How many, how fast, and what came of them."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_row("requests", f"{figures.requests:,}")
    rate = f"{figures.requests_per_second:,.1f}"
    if not figures.succeeded:
        rate += f", of them {figures.successes_per_second:,.1f} with 2xx"
    table.add_row("requests/s", rate)
    table.add_row("received", f"{figures.bytes_per_second / 1e3:,.1f} kB/s")
    table.add_row("status", _count(figures.statuses))
    table.add_row("errors", _count(figures.errors))
    return table


def tabulate_latency(figures: Figures) -> Table:
    """The percentiles, in milliseconds."""
    table = Table(box=None, pad_edge=False)
    table.add_column("latency, ms")
    for name in ("min", "p50", "p90", "p99", "p99.9", "max"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, latency in (("measured", figures.latency_ms), ("corrected", figures.corrected_ms)):
        if latency:
            table.add_row(name, *(f"{value:,.2f}" for value in astuple(latency)))
    return table


def explain(figures: Figures) -> Iterator[str]:
    """What the rows mean, where that isn't plain."""
    if figures.corrected_ms and figures.latency_ms:
        yield (
            "corrected: for coordinated omission, as if every connection had asked once in each median"
            f" ({figures.latency_ms.p50:,.2f} ms) whatever the answers did"
        )
    if figures.load.rate is not None:
        yield "latency counts from when a request was due, so what a stall kept waiting is in it"
    if figures.load.rate is not None and figures.most_under_way > figures.load.connections:
        yield (
            f"all {figures.load.connections} connections were in use at times; requests then waited for one, and that"
            " counts (--connections)"
        )
    if figures.unanswered:
        yield f"broken off: {figures.unanswered:,} requests had no answer yet, and are in no figure"


def warn(figures: Figures) -> Iterator[str]:
    """Why the figures may be this tool's rather than the server's."""
    if figures.cpu_share + figures.waited_share > _BUSY:
        yield (
            f"the tool itself was the bottleneck: it took {figures.cpu_share:.0%} of a core and wanted another"
            f" {figures.waited_share:.0%}; the server may be faster than this: try another machine, or a lower load"
        )
    elif figures.lateness_ms > _LATE:
        yield (
            f"the tool itself was held up: a hundredth of the requests was sent {figures.lateness_ms:,.1f} ms late or"
            " later; this machine has too little to spare for the measuring"
        )


def _count(counts: Mapping[int, int] | Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {count:,}" for name, count in counts.items()) or "none"
