"""Turns a recipe and its settings into a published version: the stages, one a line. Read this file first.

    settings -load-> pictures -train-> network -export-> ONNX -parity, evaluate-> evidence -publish-> models/<name>/<n>

`publish` is the only door into the models folder, and it opens only on evidence. Killed anywhere, the folder is as it
was.
"""

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import nn

from service.contract import DatasetRecord, Evidence, Manifest, OnnxFile, TrainingRecord
from service.engine import Provider, load_engine
from service.publish import ensure_writable, publish, sha256
from training.config import TrainingConfig
from training.data.dataset import Dataset
from training.evaluate import answer_samples, evaluate
from training.export import ExportedGraph, export
from training.parity import check_parity
from training.progress import Listener
from training.recipes import Recipe
from training.serving_graph import Preprocessing, ServingGraph
from training.train import train


@dataclass(frozen=True)
class Result:
    """What a run came to."""

    folder: Path
    """`models/<name>/<version>`."""
    manifest: Manifest
    evidence: Evidence


def run(recipe: Recipe, command: str, data: Path | None, models: Path, listener: Listener) -> Result:
    """Train, export, prove and publish.

    Args:
        recipe: network, pictures and settings.
        command: what makes this version again, for its manifest.
        data: the folder given for the pictures, or None.
        models: the models folder.
        listener: is told how the training goes.

    Raises:
        ConvscopeError: the pictures can't be had, the training diverged, the graph isn't the network, or the disk
            doesn't take it. Nothing was published then.
    """
    config = recipe.config
    ensure_writable(models)
    listener.stage("collecting pictures")
    dataset = recipe.load(config, data)
    listener.stage("training")
    started = time.perf_counter()
    graph = build(recipe.network, dataset, config)
    train(graph, dataset, config, listener)
    seconds = round(time.perf_counter() - started, 1)
    listener.stage("exporting and proving")
    exported = export(graph, dataset.input)
    record = TrainingRecord(
        command=command,
        network=getattr(recipe.network, "__name__", type(recipe.network).__name__),
        seed=config.seed,
        epochs=config.epochs,
        threads=config.threads,
        seconds=seconds,
        versions=_versions(),
    )
    return _prove_and_publish(graph, exported, dataset, config.name, record, models)


def build(network: Callable[[int, int], nn.Module], dataset: Dataset, config: TrainingConfig) -> ServingGraph:
    """An untrained network, initialised from the seed, behind the training split's mean and standard deviation."""
    torch.manual_seed(config.seed)
    scaled = dataset.train.pictures.astype(np.float32) / 255
    mean, std = scaled.mean(axis=(0, 1, 2), dtype=np.float64), scaled.std(axis=(0, 1, 2), dtype=np.float64)
    preprocessing = Preprocessing(mean.tolist(), np.maximum(std, 1e-3).tolist())
    return ServingGraph(preprocessing, network(dataset.input.channels, len(dataset.labels)), "softmax")


def _prove_and_publish(  # noqa: PLR0913, PLR0917 - a manifest is made of many facts
    graph: ServingGraph, exported: ExportedGraph, dataset: Dataset, name: str, record: TrainingRecord, models: Path
) -> Result:
    draft = Manifest(
        name=name,
        description=dataset.description,
        labels=dataset.labels,
        input=dataset.input,
        head="softmax",
        onnx=OnnxFile(
            sha256=sha256(exported.onnx),
            opset=exported.opset,
            parameters=sum(parameter.numel() for parameter in graph.parameters()),
        ),
        metrics={},
        dataset=DatasetRecord(name=dataset.name, fingerprint=dataset.fingerprint(), counts=dataset.counts()),
        training=record,
        created=datetime.now(UTC).replace(microsecond=0),
    )
    engine = load_engine(draft, exported.onnx, Provider.CPU, record.threads)
    parity = check_parity(graph, engine, dataset)
    figures = evaluate(engine, dataset)
    samples = answer_samples(engine, dataset)
    manifest = draft.model_copy(update={"metrics": {"accuracy": figures.accuracy}})
    evidence = Evidence(parity=parity, test=figures, samples=tuple(record for _, record in samples.values()))
    pictures = {file: content for file, (content, _) in samples.items()}
    return Result(publish(models, manifest, evidence, exported.onnx, pictures), manifest, evidence)


def _versions() -> dict[str, str]:
    """The programs that shaped the result."""
    packages = ("convscope", "torch", "onnx", "onnxscript", "numpy", "pillow")
    return {"python": platform.python_version(), **{package: version(package) for package in packages}}
