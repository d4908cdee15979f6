"""Turns a version and JPEGs into a version that decodes large JPEGs faster, if that is proved to keep its answers."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from service.contract import EVIDENCE_FILE, MANIFEST_FILE, MODEL_FILE, SAMPLES_FOLDER, MnistForm, PictureInput
from service.decode import PictureLimits, open_picture
from service.engine import Engine, Pixels, Provider, load_engine
from service.errors import RequestError, ScalingRefused
from service.evidence import Sample, ScaledDecoding
from service.inside import find_inside
from service.preprocess import read_pixels
from service.publish import publish
from service.published import PublishedVersion
from service.rehearsal import answer_sample

_LARGEST_CHANGE = 0.01
"""Of any probability, with which answers still count as kept."""

_MOST = 500
"""Pictures that are tried, at most."""

_FEWEST = 20
"""Pictures without which nothing is proved."""

_LIMITS = PictureLimits()


def publish_scaled(version: PublishedVersion, pictures: Sequence[Path], models: Path) -> tuple[Path, ScaledDecoding]:
    """Publish the version anew, with `scaled_decode` in its manifest and the proof in its evidence.

    Args:
        version: what is decoded for.
        pictures: files; those that aren't JPEGs of at least twice the input's size say nothing, and are passed by.
        models: the models folder.

    Returns:
        The new version's folder, and what was found.

    Raises:
        ScalingRefused: an answer changes by more than 0.01, or there is too little to judge by.
        PublishFailed: see `publish.publish`.
    """
    manifest = version.manifest
    if isinstance(manifest.input.resize, MnistForm):
        raise ScalingRefused("resize 'mnist' looks at the paper's noise, which a scaled decoding takes away")
    engine = load_engine(manifest, version.int8 or version.onnx, Provider.CPU, threads=1)
    found = measure_scaling(engine, manifest.input, pictures)
    if found.max_change > _LARGEST_CHANGE:
        raise ScalingRefused(
            f"of {found.pictures} pictures, {found.changed} got another label and a probability changed by"
            f" {found.max_change:.3f}; {_LARGEST_CHANGE} is the most that counts as the same"
        )
    scaled = manifest.model_copy(update={"input": manifest.input.model_copy(update={"scaled_decode": True})})
    evidence = version.evidence.model_copy(
        update={"scaled_decoding": found, "samples": _answer_samples(version, engine, scaled.input)}
    )
    own = {MANIFEST_FILE, EVIDENCE_FILE, MODEL_FILE}
    files = {}
    for path in sorted(version.folder.rglob("*")):
        name = str(path.relative_to(version.folder))
        if name not in own and (inside := find_inside(version.folder, name)) is not None:
            files[name] = inside.read_bytes()
    return publish(models, scaled, evidence, version.onnx, files), found


def _answer_samples(version: PublishedVersion, engine: Engine, spec: PictureInput) -> tuple[Sample, ...]:
    """The version's samples, with what is answered to them from now on."""
    answered = []
    for sample in version.evidence.samples:
        probabilities = answer_sample(engine, (version.folder / SAMPLES_FOLDER / sample.file).read_bytes(), spec)
        best = int(probabilities.argmax())
        answer = {"predicted": version.manifest.labels[best], "probability": min(1.0, float(probabilities[best]))}
        answered.append(sample.model_copy(update=answer))
    return tuple(answered)


def measure_scaling(engine: Engine, spec: PictureInput, pictures: Iterable[Path]) -> ScaledDecoding:
    """How far answers change when JPEGs are decoded at a part of their size.

    Raises:
        ScalingRefused: there are fewer than 20 JPEGs that would be.
    """
    scaled = spec.model_copy(update={"scaled_decode": True})
    changes, changed = [], 0
    for path in pictures:
        pixels = _read_both(path, spec, scaled)
        if pixels is None:
            continue
        whole, part = engine.run(pixels).probabilities
        changes.append(float(np.abs(whole - part).max()))
        changed += int(whole.argmax() != part.argmax())
        if len(changes) == _MOST:
            break
    if len(changes) < _FEWEST:
        raise ScalingRefused(
            f"only {len(changes)} of the files are JPEGs of at least twice {spec.width} x {spec.height} pixels;"
            f" {_FEWEST} are needed, and {_MOST} are better"
        )
    return ScaledDecoding(pictures=len(changes), max_change=max(changes), changed=changed)


def _read_both(path: Path, spec: PictureInput, scaled: PictureInput) -> Pixels | None:
    """(2, h, w, c): a picture decoded whole and at a part of its size; None where that is the same, or it is none."""
    try:
        body = path.read_bytes()
        picture = open_picture(body, _LIMITS)
        if picture.format != "JPEG" or min(picture.size) < 2 * max(spec.height, spec.width):
            return None
        return np.stack([read_pixels(picture, spec), read_pixels(open_picture(body, _LIMITS), scaled)])
    except (OSError, RequestError):
        return None
