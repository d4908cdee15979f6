"""Turns a picture into the time that each layer takes, by onnxruntime's own profile of the graph as the file has it.

The graph that answers has no layers left: onnxruntime fuses them, and lays their values out anew. So what is profiled
is the graph as it stands, one operator after the other; how long the fused one takes is measured beside it.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, gettempdir
from time import perf_counter
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from service.contract import PROBABILITIES
from service.engine import Pixels, Provider, load_session
from service.errand import run
from service.inspection.activations import Inspector
from service.inspection.dataflow import FixedValue
from service.inspection.errors import ProfileNotKept
from service.inspection.graph import LayerTable

_LONGEST = 1.0
"""Seconds after which no further run of a graph begins."""

_OPERATOR = "_kernel_time"
"""Ends the names under which a profile has the operators' times."""

_MICROSECONDS = 1000
"""In a millisecond."""


@dataclass(frozen=True)
class Timings:
    """Medians over several runs with one picture, in milliseconds."""

    threads: int
    runs: int
    layers: Mapping[str, float]
    """By layer name, in the order of computation."""
    whole: float
    """One run of the graph as it stands."""
    optimised: float
    """One run of it as onnxruntime fuses it, which is how it answers."""


def time_layers(inspector: Inspector, pixels: Pixels, runs: int) -> Timings:
    """Run a graph several times and see how long each layer takes.

    On the CPU, wherever the version answers: a profile of CUDA has the time of asking for work, not of doing it.

    Args:
        inspector: of the version.
        pixels: (h, w, c) uint8.
        runs: as many, unless they take too long together.

    Raises:
        ModelRefused: onnxruntime can't load the graph.
        ProfileNotKept: there is no room for its profile.
    """
    table, making = inspector.table, inspector.making
    content = number_nodes(table.flow.model).SerializeToString()
    feeds = {table.flow.picture: pixels[np.newaxis]}
    with _profiling() as profile:
        session = load_session(making.name, content, Provider.CPU, making.threads, optimised=False, profile=profile)
        wholes = _measure(session, feeds, runs)
        layers = sum_layers(table, json.loads(Path(session.end_profiling()).read_text("utf-8")))
    session = load_session(making.name, content, Provider.CPU, making.threads, optimised=True)
    optimised = _measure(session, feeds, len(wholes) - 1)
    return Timings(
        threads=making.threads,
        runs=len(wholes) - 1,
        layers={name: _typical(times) for name, times in layers.items()},
        whole=_typical(wholes),
        optimised=_typical(optimised),
    )


@contextmanager
def _profiling() -> Iterator[Path]:
    """Where a profile can be written. onnxruntime says nothing of a full disk: the file is cut off, or isn't there."""
    try:
        with TemporaryDirectory(prefix="convscope-") as folder:
            yield Path(folder) / "profile"
    except (OSError, json.JSONDecodeError) as error:
        raise ProfileNotKept(
            f"the runtime's profile of a run can't be kept in {gettempdir()} for a moment: make room there"
        ) from error


def number_nodes(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of the graph whose nodes are called by their places: in the file, names may be missing or be the same."""
    numbered = onnx.ModelProto()
    numbered.CopyFrom(model)
    for place, node in enumerate(numbered.graph.node):
        node.name = str(place)
    return numbered


def sum_layers(table: LayerTable, events: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Milliseconds of each layer in each run, by layer name, in the order of computation.

    Args:
        table: of the graph.
        events: of a profile of its numbered graph. Operators that onnxruntime put in by itself, and those that only
            work out shapes, are of no layer.
    """
    places = {output: place for place, node in enumerate(table.flow.model.graph.node) for output in node.output}
    of_node = {
        str(places[node.output[0]]): layer.name
        for layer in table.layers
        for node in table.parts[layer.name].nodes
    }  # fmt: skip
    of_nodes: dict[str, list[float]] = defaultdict(list)
    for event in events:
        node = event["name"].removesuffix(_OPERATOR)
        if event["cat"] == "Node" and node != event["name"]:
            of_nodes[node].append(event["dur"] / _MICROSECONDS)
    found: dict[str, list[float]] = {layer.name: [] for layer in table.layers}
    for node, times in of_nodes.items():
        if (name := of_node.get(node)) is not None:
            found[name] = [sum(pair) for pair in zip_longest(found[name], times, fillvalue=0.0)]
    return found


def _measure(session: ort.InferenceSession, feeds: Mapping[str, FixedValue], runs: int) -> list[float]:
    """Milliseconds of each run, one more than asked for; at least two."""
    began = perf_counter()
    times = list[float]()
    while len(times) < 2 or (len(times) <= runs and perf_counter() - began < _LONGEST):
        start = perf_counter()
        run(session, [PROBABILITIES], feeds)
        times.append(1000 * (perf_counter() - start))
    return times


def _typical(times: Sequence[float]) -> float:
    """The median; the first run finds nothing in its place yet, and doesn't count."""
    return median(times[1:]) if len(times) > 1 else 0.0
