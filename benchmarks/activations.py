"""Turns all activations of LeNet-5, as safetensors, into their price: beside a prediction, and beside PyTorch's hooks.

The hooks are those of the same network behind a plain FastAPI route; both servers have one worker.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

import numpy as np
from safetensors.numpy import load

from benchmarks.contestants import PROJECT, Contestant
from benchmarks.load import put_under_load
from benchmarks.message import Message
from benchmarks.plan import Plan, Row
from benchmarks.processes import wait_for_quiet
from benchmarks.server import Server, serving
from benchmarks.table import group, median, show_median, show_spread, tabulate

_MODEL = "lenet"
_CONNECTIONS = 32
_PREDICT, _ACTIVATIONS, _HOOKS = "convscope predict", "convscope activations", "FastAPI and PyTorch's hooks"


def measure(plan: Plan) -> Iterator[Row]:
    """Prediction, activations, hooks; again and again."""
    if _MODEL not in plan.models:
        return
    with serving(Contestant(PROJECT, _MODEL), plan) as ours, serving(Contestant("hooks", _MODEL), plan) as theirs:
        message = replace(
            ours.message,
            path=ours.message.path.replace("/predict", "/activations"),
            headers=ours.message.headers | {"Accept": "application/vnd.safetensors"},
        )
        answer = message.send(ours.address)
        apart, count = _compare(answer, theirs.answer)
        works: list[tuple[str, Server, Message, int, int]] = [
            (_PREDICT, ours, ours.message, len(ours.answer), 0),
            (_ACTIVATIONS, ours, message, len(answer), count),
            (_HOOKS, theirs, theirs.message, len(theirs.answer), len(load(theirs.answer))),
        ]
        for _, server, each, *_ in works:
            put_under_load(server, _CONNECTIONS, 2, [each])
        for number in range(plan.rounds):
            for what, server, each, size, tensors in works:
                wait_for_quiet(plan.patience)
                figures = put_under_load(server, _CONNECTIONS, plan.seconds, [each])
                yield {"what": what, "round": number, "bytes": size, "tensors": tensors, "logits_apart": apart,
                       **asdict(figures)}  # fmt: skip


def _compare(ours: bytes, theirs: bytes) -> tuple[float, int]:
    """How far our logits are from theirs at most, and how many tensors ours has."""
    mine = load(ours)
    logits = list(load(theirs).values())
    last = next(each for each in logits if each.size == 10)
    return min(float(np.abs(each.ravel() - last).max()) for each in mine.values() if each.size == 10), len(mine)


def report(rows: Sequence[Row]) -> Iterator[str]:
    """A line each."""
    groups = group(rows, "what")
    ours = median(groups[_ACTIVATIONS,], "requests_per_second")
    lines = [
        [
            what, str(alike[0]["tensors"] or ""), f"{alike[0]['bytes']:,}", show_spread(alike, "requests_per_second"),
            f"{ours / median(alike, 'requests_per_second'):.2f}", show_median(alike, "p50"), show_median(alike, "p99"),
            show_median(alike, "cpu_ms"), show_spread(alike, "foreign"),
        ]
        for (what,), alike in groups.items()
    ]  # fmt: skip
    head = ["LeNet-5, 32 connections", "tensors", "bytes", "requests/s (min–max)", "activations / this", "p50 ms",
            "p99 ms", "CPU ms/request", "others, cores"]  # fmt: skip
    yield ""
    yield from tabulate(head, lines)
    yield f"\nThe two servers' logits are {rows[0]['logits_apart']:.1e} apart at most."
