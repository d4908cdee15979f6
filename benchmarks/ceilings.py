"""Turns the networks into onnxruntime's own images a second on these cores, and the service's into a share of that."""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import onnxruntime

from benchmarks.contestants import PROJECT, Contestant
from benchmarks.load import put_under_load
from benchmarks.plan import Plan, Row
from benchmarks.processes import wait_for_quiet, watch_others
from benchmarks.server import serving
from benchmarks.table import group, median, show, show_spread, tabulate

_SHAPES = {"lenet": (1, 28, 28), "resnet18": (3, 224, 224)}
_THREADS = {"lenet": (1,), "resnet18": (1, 2)}
_BATCHES = (1, 8, 32)
_SECONDS = 1.5
"""Of each point."""
_CONNECTIONS = 32

_SERVED = "resnet18"


def measure(plan: Plan) -> Iterator[Row]:
    """One row a point and round, then one of the service, again and again; the service idles meanwhile."""
    points = [
        (model, threads, batch, _make(plan, model, threads, batch))
        for model in plan.models
        for threads in _THREADS[model]
        for batch in _BATCHES
    ]
    with serving(Contestant(PROJECT, _SERVED), plan) as server:
        put_under_load(server, _CONNECTIONS, 2)
        for number in range(plan.rounds):
            for model, threads, batch, run in points:
                wait_for_quiet(plan.patience)
                with watch_others(lambda: time.process_time() + server.read_cpu()) as foreign:
                    rate = _repeat(run) * batch
                yield {"what": "onnxruntime", "model": model, "threads": threads, "batch": batch, "round": number,
                       "rate": rate, "foreign": foreign.cores}  # fmt: skip
            if _SERVED in plan.models:
                wait_for_quiet(plan.patience)
                figures = put_under_load(server, _CONNECTIONS, plan.seconds)
                yield {"what": PROJECT, "model": _SERVED, "threads": 0, "batch": 0, "round": number,
                       "rate": figures.requests_per_second, "foreign": figures.foreign}  # fmt: skip


def _make(plan: Plan, model: str, threads: int, batch: int) -> Callable[[], object]:
    """A run of the session on a batch that is ready."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    path = str(plan.data / f"{model}.onnx")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    pixels = np.random.default_rng(0).standard_normal((batch, *_SHAPES[model]), dtype=np.float32)
    return lambda: session.run(None, {"input": pixels})


def _repeat(run: Callable[[], object]) -> float:
    """Runs a second."""
    run()
    count, started = 0, time.perf_counter()
    while (taken := time.perf_counter() - started) < _SECONDS:
        run()
        count += 1
    return count / taken


def report(rows: Sequence[Row]) -> Iterator[str]:
    """A line a point, and the share."""
    runtime = [row for row in rows if row["what"] == "onnxruntime"]
    points = group(runtime, "model", "threads", "batch")
    yield f"\nonnxruntime {onnxruntime.__version__}, no server\n"
    lines = [[*point, show_spread(alike, "rate"), show_spread(alike, "foreign")] for point, alike in points.items()]
    yield from tabulate(["network", "threads", "batch", "images/s (min–max)", "others, cores"], lines)
    if not (served := [row for row in rows if row["what"] == PROJECT]):
        return
    ceiling, best = max((median(alike, "rate"), point) for point, alike in points.items() if point[0] == _SERVED)
    ours = median(served, "rate")
    yield (
        f"\nConvscope, {_SERVED}, {_CONNECTIONS} connections: {show_spread(served, 'rate')} requests/s,"
        f" {ours / ceiling:.1%} of the {show(ceiling)} images/s that onnxruntime reaches with {best[1]} threads and"
        f" batches of {best[2]}, its best."
    )
