"""Turns a trained network into a published version: the graph, what proves it, and what explains it."""

import copy
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from service.contract import (
    FILM_FOLDER,
    INT8_FILE,
    REPORT_FILE,
    SAMPLES_FOLDER,
    Frame,
    Manifest,
    OnnxFile,
    TrainingRecord,
)
from service.engine import Engine, Provider, Scores, load_engine
from service.evidence import Corrections, Evidence, Quantization, TestFigures
from service.publish import publish, sha256
from training.calibrate import calibrate, measure_calibration
from training.checkpoint import read_checkpoint
from training.config import TrainingConfig
from training.course import write_course
from training.data.dataset import Dataset
from training.evaluate import answer, answer_samples, evaluate
from training.exemplars import find_exemplars
from training.export import ExportedGraph, export
from training.gate import Verdict, judge_against_serving
from training.parity import check_parity
from training.progress import EpochFigures, Listener
from training.quantize import judge, quantize
from training.report import ReportInput, write_report
from training.result import Result
from training.schedule import learning_rate
from training.score import measure_accuracy, score
from training.serving_graph import ServingGraph

_QUANTIZATION_PICTURES = 512
"""Training pictures that the ranges of the 8-bit numbers are measured on."""


@dataclass(frozen=True)
class TrainedNetwork:
    """What a run ends with."""

    graph: ServingGraph
    epochs: Sequence[EpochFigures]
    frames: Sequence[Path]
    """Checkpoints of the weights at points of the run, oldest first."""
    command: str
    seconds: float
    """Of the training alone."""


def publish_version(
    trained: TrainedNetwork, dataset: Dataset, config: TrainingConfig, models: Path, listener: Listener
) -> Result:
    """Export, prove, explain, publish.

    Raises:
        ParityFailed: the exported graph isn't the network.
        PublishFailed: the service would refuse it, or the disk doesn't take it.
    """
    listener.stage("exporting and proving")
    graph = _calibrated(trained.graph, dataset, config)
    exported = export(graph, dataset.input)
    draft = _draft(exported, graph, dataset, config, trained)
    engine = load_engine(draft, exported.onnx, Provider.CPU, config.threads)
    parity = check_parity(graph, engine, dataset)
    listener.stage("evaluating")
    scores = answer(engine, dataset.test)
    test = evaluate(scores, dataset.test, dataset.labels)
    if len(dataset.test):
        calibration = measure_calibration(scores, dataset.test.labels, config.head, graph.divisor)
        test = test.model_copy(update={"calibration": calibration})
    int8 = _quantize(exported, engine, draft, dataset, test.accuracy, config) if config.quantize else None
    answering = int8.scored if int8 is not None and int8.judgement.serves else _Scored(engine, scores)
    samples = answer_samples(answering.engine, dataset)
    verdict = Verdict()
    if config.gate:
        verdict = judge_against_serving(models / config.name, draft, answering.scores, dataset, config.margin)
    listener.stage("explaining")
    files = find_exemplars(graph, dataset, config.exemplars)[1] if len(dataset.validation) else {}
    files |= {f"{SAMPLES_FOLDER}/{name}": content for name, (content, _) in samples.items()}
    film, frames = _make_film(trained, graph, dataset)
    files |= frames
    update: dict[str, object] = {"metrics": _headline(test), "film": film}
    if int8 is not None and int8.judgement.serves:
        files[INT8_FILE] = int8.onnx
        update["int8"] = draft.onnx.model_copy(update={"sha256": sha256(int8.onnx)})
    manifest = draft.model_copy(update=update)
    evidence = Evidence(
        parity=parity,
        test=test,
        quantization=int8.judgement if int8 else None,
        corrections=_count_right(answering.engine, dataset),
        gate=verdict.gate,
        samples=tuple(record for _, record in samples.values()),
    )
    if len(dataset.test):
        given = ReportInput(manifest, evidence, dataset, scores, tuple(trained.epochs), _rates(trained, config))
        files |= {REPORT_FILE: write_report(given), **write_course(given)}
    listener.stage("publishing")
    return Result(publish(models, manifest, evidence, exported.onnx, files), manifest, evidence, verdict)


def _calibrated(graph: ServingGraph, dataset: Dataset, config: TrainingConfig) -> ServingGraph:
    """The graph with the temperature that suits the validation split."""
    if not config.calibrate or not len(dataset.validation) or not config.epochs:
        return graph
    temperature = calibrate(score(graph, dataset.validation), dataset.validation.labels, config.head)
    return ServingGraph(graph.preprocessing, graph.network, config.head, temperature)


def _draft(
    exported: ExportedGraph, graph: ServingGraph, dataset: Dataset, config: TrainingConfig, trained: TrainedNetwork
) -> Manifest:
    """The manifest but for the figures, which need it to be had."""
    return Manifest(
        name=config.name,
        description=dataset.description,
        labels=dataset.labels,
        input=dataset.input,
        head=config.head,
        onnx=OnnxFile(
            sha256=sha256(exported.onnx),
            opset=exported.opset,
            parameters=sum(parameter.numel() for parameter in graph.parameters()),
        ),
        metrics={},
        dataset=dataset.record() if len(dataset.train) else None,
        training=TrainingRecord(
            command=trained.command,
            network=config.network,
            seed=config.seed,
            epochs=len(trained.epochs),
            threads=config.threads,
            seconds=trained.seconds,
            versions=_versions(),
        ),
        created=datetime.now(UTC).replace(microsecond=0),  # noqa: TID251
    )


def _headline(test: TestFigures) -> dict[str, float]:
    """The figures that a list of models shows."""
    if not test.pictures:
        return {}
    f1 = [figures.f1 for figures in test.per_label if figures.f1 is not None]
    return {"accuracy": test.accuracy, "macro_f1": round(sum(f1) / len(f1), 6)}


@dataclass(frozen=True)
class _Scored:
    """A graph that may answer, and what it says to the test split."""

    engine: Engine
    scores: Scores


@dataclass(frozen=True)
class _Int8:
    onnx: bytes
    scored: _Scored
    judgement: Quantization


def _quantize(  # noqa: PLR0913, PLR0917 - each a thing of its own
    exported: ExportedGraph, engine: Engine, draft: Manifest, dataset: Dataset, accuracy: float, config: TrainingConfig
) -> _Int8:
    """The graph in 8-bit numbers, and what it is worth."""
    chosen = np.linspace(0, len(dataset.train) - 1, min(len(dataset.train), _QUANTIZATION_PICTURES)).astype(np.int64)
    onnx = quantize(exported.onnx, dataset.train.pictures[chosen])
    small = load_engine(draft, onnx, Provider.CPU, config.threads)
    scores = answer(small, dataset.test)
    reached = evaluate(scores, dataset.test, dataset.labels).accuracy
    return _Int8(onnx, _Scored(small, scores), judge(engine, small, dataset, accuracy, reached))


def _count_right(engine: Engine, dataset: Dataset) -> Corrections | None:
    """How many of the corrected pictures are answered with their labels now."""
    split = dataset.corrections()
    if not len(split):
        return None
    right = answer(engine, split).logits.argmax(axis=1) == split.labels
    return Corrections(pictures=len(split), right=int(right.sum()))


def _make_film(
    trained: TrainedNetwork, graph: ServingGraph, dataset: Dataset
) -> tuple[tuple[Frame, ...], dict[str, bytes]]:
    """The points of the run that were kept, each exported as the final network is."""
    frames, files = [], {}
    moving = copy.deepcopy(graph)
    for path in trained.frames:
        kept = read_checkpoint(path)
        moving.network.load_state_dict(dict(kept.tensors))
        onnx = export(moving, dataset.input).onnx
        frame = Frame(
            file=f"{path.stem}.onnx",
            sha256=sha256(onnx),
            step=int(path.stem),
            validation_accuracy=measure_accuracy(moving, dataset.validation),
        )
        frames.append(frame)
        files[f"{FILM_FOLDER}/{frame.file}"] = onnx
    return tuple(frames), files


def _rates(trained: TrainedNetwork, config: TrainingConfig) -> list[float]:
    """The learning rate of each step that was taken."""
    if not trained.epochs:
        return []
    done = trained.epochs[-1]
    steps = done.step // done.epoch * config.epochs
    return [learning_rate(config, step, steps) for step in range(done.step)]


def _versions() -> dict[str, str]:
    """The programs that shaped the result."""
    packages = ("convscope", "torch", "onnx", "onnxscript", "onnxruntime", "numpy", "pillow")
    found = {"python": platform.python_version()}
    for package in packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
