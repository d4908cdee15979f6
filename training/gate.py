"""Turns a new version's answers and those of the version that answers now into a verdict: may the new one answer?

Both are judged by the service's own engine, on the same test pictures. Worse by more than a margin, the new version is
held: it is published, but doesn't answer unless somebody promotes it.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.contract import Manifest
from service.engine import Engine, Provider, Scores, load_engine
from service.errors import ModelRefused
from service.evidence import Gate
from service.published import PublishedVersion, read_version
from service.rehearsal import rehearse
from service.versions import list_model
from training.data.dataset import Dataset
from training.evaluate import answer

_ROUNDING = 1e-9
"""0.995 - 0.99 is just above 0.005 in binary."""


_NAMED = 6
"""Labels that an obstacle names."""


@dataclass(frozen=True)
class Verdict:
    """Whether a new version may answer."""

    gate: Gate | None = None
    """None: there was nothing to compare with, or it can't be compared."""
    obstacle: str = ""
    """Why it can't be."""
    pinned: int | None = None
    """The version that was promoted, and goes on answering whatever is published."""


@dataclass(frozen=True)
class _Serving:
    version: PublishedVersion
    engine: Engine


def judge_against_serving(model: Path, manifest: Manifest, scores: Scores, dataset: Dataset, margin: float) -> Verdict:
    """Hold a new version against the one that answers.

    Args:
        model: `models/<name>`.
        manifest: the new version's.
        scores: what its answering graph says to the test split.
        dataset: whose test split judges.
        margin: by how much it may be worse, as a share of the test pictures.
    """
    on_disk = list_model(model)
    pinned = on_disk.state.pinned if on_disk.state.pinned in on_disk.versions else None
    serving = _find_serving([on_disk.versions[number].folder for number in on_disk.candidates()])
    if serving is None or not len(dataset.test):
        return Verdict(pinned=pinned)
    if obstacle := _find_obstacle(manifest, serving.version.manifest):
        return Verdict(obstacle=f"not compared with version {serving.version.version}: {obstacle}", pinned=pinned)
    new = scores.logits.argmax(axis=1) == dataset.test.labels
    old = _answer_rightly(serving, dataset)
    return Verdict(gate=_judge(serving.version.version, new, old, margin), pinned=pinned)


def measure_chance(lost: int, gained: int) -> float:
    """How often so many more pictures, or still more, are lost than gained where two versions are equally good.

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions", 1947; exact.
    """
    differing = lost + gained
    cases = sum(math.comb(differing, count) for count in range(lost, differing + 1))
    return float(Fraction(cases, 2**differing))


def _judge(serving: int, new: NDArray[np.bool_], old: NDArray[np.bool_], margin: float) -> Gate:
    lost, gained = int((old & ~new).sum()), int((new & ~old).sum())
    return Gate(
        serving=serving,
        accuracy=float(new.mean()),
        serving_accuracy=float(old.mean()),
        lost=lost,
        gained=gained,
        margin=margin,
        held=(lost - gained) / len(new) > margin + _ROUNDING,
    )


def _find_serving(folders: list[Path]) -> _Serving | None:
    """The first version that the service would take."""
    for folder in folders:
        try:
            version = read_version(folder)
            engine = load_engine(version.manifest, version.int8 or version.onnx, Provider.CPU, threads=1)
            rehearse(version, engine)
        except ModelRefused:
            continue
        return _Serving(version, engine)
    return None


def _find_obstacle(new: Manifest, serving: Manifest) -> str:
    """Why two versions can't be asked about the same pixels; empty where they can."""
    if set(new.labels) != set(serving.labels):
        named = ", ".join(serving.labels[:_NAMED])
        return f"its labels are others ({named}{' …' if len(serving.labels) > _NAMED else ''})"
    if _shape(new) != _shape(serving):
        return "it takes pictures in another form"
    return ""


def _shape(manifest: Manifest) -> dict[str, object]:
    """How a picture becomes what the network takes; decoding at a part of the size was proved to change nothing."""
    return manifest.input.model_dump(exclude={"scaled_decode"})


def _answer_rightly(serving: _Serving, dataset: Dataset) -> NDArray[np.bool_]:
    """Which test pictures are answered with their labels, by name: the order of labels may be another."""
    labels = np.array(serving.version.manifest.labels)
    answered = labels[answer(serving.engine, dataset.test).logits.argmax(axis=1)]
    right: NDArray[np.bool_] = answered == np.array(dataset.labels)[dataset.test.labels]
    return right
