"""Turns the contestants into rows, one after the other, the whole list again and again; and rows into tables."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from benchmarks.contestants import CONNECTIONS, CONSTANT, PROJECT, Contestant, list_contestants
from benchmarks.load import put_under_load
from benchmarks.message import find_label
from benchmarks.plan import Plan, Row
from benchmarks.processes import wait_for_quiet
from benchmarks.server import NotServing, serving
from benchmarks.table import group, median, show, show_median, show_spread, tabulate

_WARMUP = 2
"""Seconds of load that aren't counted."""

_CLEAN = 0.3
"""Cores that others may have used; loads that met more are left out where there are others."""


def measure(plan: Plan) -> Iterator[Row]:
    """One row a load; what the file of results holds already isn't measured again."""
    done = {_identify(row) for row in plan.read("peers") if row["foreign"] <= plan.foreign}
    for number in range(plan.rounds):
        for model in plan.models:
            for contestant in list_contestants(plan, model):
                missing = [
                    connections
                    for connections in CONNECTIONS[model]
                    if (contestant.label, model, connections, number) not in done
                ]
                if missing:
                    yield from _measure(contestant, plan, number, missing)


def _measure(contestant: Contestant, plan: Plan, number: int, every: Sequence[int]) -> Iterator[Row]:
    load_before = os.getloadavg()[0]
    try:
        with serving(contestant, plan) as server:
            put_under_load(server, 8, _WARMUP)
            for connections in every:
                wait_for_quiet(plan.patience)
                figures = put_under_load(server, connections, plan.seconds)
                yield {
                    "contestant": contestant.label,
                    "name": contestant.name,
                    "model": contestant.model,
                    "connections": connections,
                    "round": number,
                    "label": None if contestant.name == CONSTANT else find_label(server.answer),
                    "answer_bytes": len(server.answer),
                    "start": server.start,
                    "idle_rss": server.idle.rss,
                    "idle_pss": server.idle.pss,
                    "load_before": load_before,
                    **asdict(figures),
                }
    except NotServing as error:
        print(f"{contestant.label}, {contestant.model}: {error}", flush=True)


def _identify(row: Row) -> tuple[str, str, int, int]:
    return row["contestant"], row["model"], row["connections"], row["round"]


def report(rows: Sequence[Row]) -> Iterator[str]:
    """A table for each network and number of connections."""
    for (model, connections), alike in group(rows, "model", "connections").items():
        yield f"\n**{model}, {connections} at a time**\n"
        yield from _compare(alike)
    for (model,), alike in group(rows, "model").items():
        labels = {row["label"] for row in alike} - {None}
        yield f"\n{model}: {'all give the same first label' if len(labels) == 1 else f'first labels differ: {labels}'}"
    yield (
        "\nRatio: requests a second of the first row (Convscope) to this one's. CPU: of the server's processes. RSS:"
        " sum over its processes, at most (PSS: shared pages once). Others: cores that other programs of the machine"
        f" used; (!): in every load more than {_CLEAN}."
    )


def _compare(rows: Sequence[Row]) -> Iterator[str]:
    """Of one network and number of connections."""
    table, first = [], 0.0
    for (contestant,), every in group(rows, "contestant").items():
        clean = [row for row in every if row["foreign"] <= _CLEAN]
        used = clean or every
        rate = median(used, "requests_per_second")
        if not first and used[0]["name"] == PROJECT:
            first = rate
        failed = sum(row["refused"] + row["broken"] for row in used)
        table.append([
            f"{contestant}{'' if clean else ' (!)'}",
            str(len(used)),
            show_spread(used, "requests_per_second"),
            f"{first / rate:.2f}" if first and rate else "",
            show_median(used, "p50"),
            show_median(used, "p99"),
            show_median(used, "cpu_ms"),
            f"{show(max(row['rss'] for row in used))} ({show(max(row['pss'] for row in used))})",
            show_median(used, "idle_rss"),
            show_median(used, "start"),
            str(failed),
            show_spread(used, "foreign"),
        ])  # fmt: skip
    head = ["contestant", "runs", "requests/s (min–max)", "ratio", "p50 ms", "p99 ms", "CPU ms/request",
            "RSS (PSS) MiB", "idle RSS", "start s", "failed", "others"]  # fmt: skip
    yield from tabulate(head, table)
