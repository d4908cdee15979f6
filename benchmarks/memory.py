"""Turns a very long mixed load on one worker into its memory after a twentieth of it, and at the end."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.contestants import PROJECT, Contestant
from benchmarks.load import put_under_load, watch_memory
from benchmarks.material import NETWORKS
from benchmarks.message import Message, compose
from benchmarks.plan import Plan, Row
from benchmarks.server import Server, serving
from benchmarks.table import tabulate

_CONNECTIONS = (*range(1, 34), 40, 48, 64)
"""At a time, one after the other: batches of every size up to the largest occur."""

_SECONDS = 3
"""Of each of them."""

_SETTINGS = {"workers": "1", "models": "all"}

_EARLY = 0.05
"""Share of the requests after which memory should have stopped growing."""

_BAD = 0.07
"""Share of the requests that have to be refused, see `_mix`."""


def measure(plan: Plan) -> Iterator[Row]:
    """One row: the samples, and what they say."""
    samples, refused, broken, sent, started = [], 0, 0, 0, time.perf_counter()
    with serving(Contestant(PROJECT, "lenet", _SETTINGS), plan) as server, watch_memory(server, 5) as seen:
        messages = _mix(server, plan.data)
        while sent < plan.requests:
            for connections in _CONNECTIONS:
                figures = put_under_load(server, connections, _SECONDS, messages)
                sent, refused, broken = sent + figures.answers, refused + figures.refused, broken + figures.broken
                samples.append((sent, server.read_memory().rss))
                print(f"    {sent:,} requests, {samples[-1][1]:.0f} MiB", flush=True)
                if sent >= plan.requests:
                    break
    early = next(rss for count, rss in samples if count >= _EARLY * sent)
    yield {
        "requests": sent, "refused": refused, "broken": broken, "seconds": time.perf_counter() - started,
        "bad": _BAD,
        "idle": server.idle.rss, "early": early, "end": samples[-1][1], "most": max(memory.rss for _, memory in seen),
        "samples": samples,
    }  # fmt: skip


def _mix(server: Server, data: Path) -> list[Message]:
    """Of 100 messages 82 ask for a prediction of LeNet-5, 10 for its activations, 1 for a prediction of ResNet-18.

    7 hold no picture that can be read.
    """
    predict = server.message
    look = replace(
        predict,
        path=predict.path.replace("/predict", "/activations"),
        headers=predict.headers | {"Accept": "application/vnd.safetensors"},
    )
    photograph = compose("raw", predict.path.replace("lenet", "resnet18"), data / NETWORKS["resnet18"].picture)
    cut, text = replace(predict, body=predict.body[:200]), replace(predict, body=b"no picture")
    tenth = [predict] * 8 + [look]
    tails = [cut, text, cut, text, cut, text, cut, predict, predict, photograph]
    return [message for tail in tails for message in (*tenth, tail)]


def report(rows: Sequence[Row]) -> Iterator[str]:
    """A line a run."""
    head = ["requests", "minutes", "refused", "were bad", "broken", "RSS, MiB: idle", "after 5 %", "at the end",
            "change", "most"]  # fmt: skip
    table = [
        [
            f"{row['requests']:,}", f"{row['seconds'] / 60:.1f}", f"{row['refused'] / row['requests']:.2%}",
            f"{row['bad']:.2%}", str(row["broken"]), f"{row['idle']:.0f}", f"{row['early']:.0f}", f"{row['end']:.0f}",
            f"{row['end'] / row['early'] - 1:+.1%}", f"{row['most']:.0f}",
        ]
        for row in rows
    ]  # fmt: skip
    yield ""
    yield from tabulate(head, table)
