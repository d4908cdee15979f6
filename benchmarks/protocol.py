"""Turns the Open Inference Protocol's forms of a request for LeNet-5 into their price beside `/v1`'s own."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np
import orjson
from PIL import Image

from benchmarks.contestants import PROJECT, Contestant
from benchmarks.load import put_under_load
from benchmarks.material import NETWORKS
from benchmarks.message import Message
from benchmarks.plan import Plan, Row
from benchmarks.processes import wait_for_quiet
from benchmarks.server import serving
from benchmarks.table import group, median, show_median, show_spread, tabulate

_MODEL = "lenet"
_CONNECTIONS = 32
_PICTURES = 8
_FIRST = "/v1 predict, PNG"


def measure(plan: Plan) -> Iterator[Row]:
    """Every form; again and again."""
    if _MODEL not in plan.models:
        return
    with serving(Contestant(PROJECT, _MODEL), plan) as ours:
        picture = plan.data / NETWORKS[_MODEL].picture
        pixels = np.asarray(Image.open(picture).convert("L")).reshape(1, 28, 28, 1)
        path = ours.message.path.replace("/v1/", "/v2/").replace("/predict", "/infer")
        works = {
            _FIRST: (ours.message, 1),
            "/v2 infer, uint8": (_binary(path, pixels), 1),
            f"/v2 infer, uint8, {_PICTURES} pictures": (_binary(path, pixels.repeat(_PICTURES, axis=0)), _PICTURES),
            "/v2 infer, JSON": (_json(path, pixels), 1),
        }
        for message, _ in works.values():
            put_under_load(ours, _CONNECTIONS, 2, [message])
        for number in range(plan.rounds):
            for what, (message, pictures) in works.items():
                wait_for_quiet(plan.patience)
                figures = put_under_load(ours, _CONNECTIONS, plan.seconds, [message])
                yield {
                    "what": what,
                    "round": number,
                    "pictures": pictures,
                    "bytes": len(message.body),
                    **asdict(figures),
                }


def _binary(path: str, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Message:
    size = {"binary_data_size": pixels.size}
    tensor = {"name": "pixels", "datatype": "UINT8", "shape": pixels.shape, "parameters": size}
    outputs = [{"name": "probabilities", "parameters": {"binary_data": True}}]
    head = orjson.dumps({"inputs": [tensor], "outputs": outputs})
    sizes = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
    return Message(path, head + pixels.tobytes(), sizes)


def _json(path: str, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Message:
    tensor = {"name": "pixels", "datatype": "UINT8", "shape": pixels.shape, "data": pixels.ravel().tolist()}
    body = orjson.dumps({"inputs": [tensor], "outputs": [{"name": "probabilities"}]})
    return Message(path, body, {"Content-Type": "application/json"})


def report(rows: Sequence[Row]) -> Iterator[str]:
    """A line each."""
    groups = group(rows, "what")
    first = median(groups[_FIRST,], "requests_per_second")
    lines = [
        [
            what, f"{alike[0]['bytes']:,}", show_spread(alike, "requests_per_second"),
            f"{median(alike, 'requests_per_second') / first:.2f}",
            f"{median(alike, 'requests_per_second') * alike[0]['pictures']:,.0f}", show_median(alike, "p50"),
            show_median(alike, "p99"), show_median(alike, "cpu_ms"), show_spread(alike, "foreign"),
        ]
        for (what,), alike in groups.items()
    ]  # fmt: skip
    head = ["LeNet-5, 32 connections", "bytes sent", "requests/s (min–max)", "of /v1's", "pictures/s", "p50 ms",
            "p99 ms", "CPU ms/request", "others, cores"]  # fmt: skip
    yield ""
    yield from tabulate(head, lines)
