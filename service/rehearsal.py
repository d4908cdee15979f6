"""Turns a version's sample pictures into the proof that it answers as it did when it was published."""

import numpy as np
from numpy.typing import NDArray

from service.contract import SAMPLES_FOLDER, PictureInput
from service.decode import PictureLimits, open_picture
from service.engine import Engine
from service.errors import ModelRefused, RequestError
from service.preprocess import read_pixels
from service.published import PublishedVersion

_TOLERANCE = 0.01
"""Of a probability. Other processors and runtimes change its last digits, a wrong graph or a wrong decoding more."""

_INT8_TOLERANCE = 0.1
"""Processors without 8-bit dot products add in 16 bits, which saturate."""

_LIMITS = PictureLimits()


def answer_sample(engine: Engine, content: bytes, spec: PictureInput) -> NDArray[np.float32]:
    """What the service answers to an encoded picture: (K,) float32.

    Args:
        engine: of the graph that answers.
        content: the picture.
        spec: the manifest's `input`.

    Raises:
        RequestError: it is no picture.
    """
    probabilities: NDArray[np.float32] = engine.classify(read_pixels(open_picture(content, _LIMITS), spec)[np.newaxis])
    answer: NDArray[np.float32] = probabilities[0]
    return answer


def rehearse(published: PublishedVersion, engine: Engine) -> None:
    """Have a version answer its own samples.

    Args:
        published: whose samples.
        engine: of the graph that answers.

    Raises:
        ModelRefused: an answer is not the recorded one.
    """
    tolerance = _INT8_TOLERANCE if published.int8 else _TOLERANCE
    manifest = published.manifest
    for sample in published.evidence.samples:
        place = f"{manifest.name}/{published.folder.name}/{SAMPLES_FOLDER}/{sample.file}"
        if sample.predicted not in manifest.labels:
            raise ModelRefused(f"{place} was answered with {sample.predicted!r}, which is no label of the model")
        try:
            content = (published.folder / SAMPLES_FOLDER / sample.file).read_bytes()
            probabilities = answer_sample(engine, content, manifest.input)
        except OSError as error:
            raise ModelRefused(f"{place} can't be read: {error.strerror}") from error
        except RequestError as error:
            raise ModelRefused(f"{place} can't be read: {error}") from error
        found = float(probabilities[manifest.labels.index(sample.predicted)])
        if not abs(found - sample.probability) <= tolerance:  # not a number is not near either
            raise ModelRefused(
                f"{place} was answered with {sample.predicted!r} at {sample.probability:.4f} when the version was"
                f" published, and is at {found:.4f} now: the graph, or what reads pictures here, is not the same"
            )
