"""Turns a contestant's name and a network's into the command that serves it, at the best settings that were found.

The settings are those with the most requests a second at 32 connections, of all that were tried on two cores: workers,
batch sizes, waiting times, threads, queues.
"""

from dataclasses import dataclass, field
from functools import cached_property

from benchmarks.plan import Plan

PROJECT = "convscope"
CONSTANT = "starlette-constant"

_UVICORN = ("{bin}/uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--no-access-log", "--log-level", "warning",
            "--loop", "uvloop", "--http", "httptools", "--workers", "{workers}")  # fmt: skip


@dataclass(frozen=True)
class Software:
    """A server, and how it is spoken to."""

    environment: str
    """Of `environments`; empty: this one's own."""
    command: tuple[str, ...]
    """With {bin}, {port}, {folder} and the settings filled in."""
    path: str
    kind: str = "raw"
    """See `message.compose`."""
    prepare: tuple[str, ...] = ()
    """What is run first."""


_SOFTWARE = {
    PROJECT: Software("", ("--port", "{port}"), "/v1/models/{model}/predict"),
    CONSTANT: Software("core", (*_UVICORN, "server_constant:app"), "/predict"),
    "fastapi": Software("core", (*_UVICORN, "server_fastapi:app"), "/predict", "form:file"),
    "hooks": Software("core", (*_UVICORN, "server_hooks:app"), "/activations"),
    "litserve": Software("core", ("{bin}/python", "{peers}/server_litserve.py", "{port}"), "/predict", "form:file"),
    "bentoml": Software(
        "bento",
        ("{bin}/bentoml", "serve", "--host", "127.0.0.1", "--port", "{port}", "server_bentoml:Classifier"),
        "/predict",
        "form:images",
    ),
    "mlserver": Software(
        "mls",
        ("{bin}/mlserver", "start", "{folder}"),
        "/v2/models/cnn/infer",
        "oip",
        ("{bin}/python", "{peers}/server_mlserver.py", "--write", "{folder}", "{port}"),
    ),
    "ray": Software("rays", ("{bin}/python", "{peers}/server_ray.py", "{port}"), "/"),
    "pytriton": Software(
        "ptri", ("{bin}/python", "{peers}/server_pytriton.py", "{port}"), "/v2/models/cnn/infer", "oip-binary"
    ),
    "torchserve": Software(
        "tsrv",
        ("{bin}/torchserve", "--start", "--foreground", "--ncs", "--model-store", "store", "--models", "cnn=cnn.mar",
         "--ts-config", "config.properties", "--disable-token-auth"),
        "/predictions/cnn",
        "raw",
        ("{bin}/python", "{peers}/server_torchserve.py", "--write", "{folder}", "{port}"),
    ),
}  # fmt: skip

PEERS = ("fastapi", "torchserve", "pytriton", "mlserver", "litserve", "bentoml", "ray")

_LINEUP: dict[str, list[tuple[str, dict[str, str]]]] = {
    "lenet": [
        (PROJECT, {"workers": "2"}),
        (PROJECT, {"workers": "1"}),
        (CONSTANT, {"workers": "2"}),
        (CONSTANT, {"workers": "1"}),
        ("fastapi", {"workers": "2"}),
        ("fastapi", {"workers": "1"}),
        ("torchserve", {"workers": "2", "batch": "16", "wait_ms": "1"}),
        ("torchserve", {"workers": "2", "batch": "16", "wait_ms": "2"}),
        ("pytriton", {"workers": "1", "batch": "16", "wait_ms": "0"}),
        ("mlserver", {"workers": "0", "batch": "16", "wait_ms": "1"}),
        ("litserve", {"workers": "1", "batch": "1"}),
        ("bentoml", {"workers": "1", "batch": "16"}),
        ("ray", {"workers": "1", "batch": "16", "wait_ms": "1"}),
    ],
    "resnet18": [
        (PROJECT, {"workers": "1"}),
        ("fastapi", {"workers": "1"}),
        ("torchserve", {"workers": "2", "batch": "8", "wait_ms": "1"}),
        ("pytriton", {"workers": "1", "batch": "8", "wait_ms": "0", "intra": "2"}),
        ("mlserver", {"workers": "0", "batch": "8", "wait_ms": "1", "intra": "2"}),
        ("litserve", {"workers": "2", "batch": "1", "fastq": "1"}),
        ("bentoml", {"workers": "1", "batch": "8", "intra": "2"}),
        ("ray", {"workers": "1", "batch": "8", "wait_ms": "1", "intra": "2"}),
    ],
}

CONNECTIONS = {"lenet": (1, 32, 64), "resnet18": (1, 32)}
"""At a time, of the loads that all are put under."""


@dataclass(frozen=True)
class Contestant:
    """A server of one network."""

    name: str
    model: str
    settings: dict[str, str] = field(default_factory=lambda: {"workers": "1"})

    @property
    def label(self) -> str:
        """The name with the settings."""
        return f"{self.name} {' '.join(f'{name}={value}' for name, value in self.settings.items())}"

    @cached_property
    def software(self) -> Software:
        """What it runs."""
        return _SOFTWARE[self.name]


def list_contestants(plan: Plan, model: str) -> list[Contestant]:
    """Those that take part, in the order in which they do."""
    chosen = (PROJECT, CONSTANT, *plan.peers)
    return [Contestant(name, model, settings) for name, settings in _LINEUP[model] if name in chosen]
