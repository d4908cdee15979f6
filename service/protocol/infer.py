"""Turns a request for an inference into its answer, whether it came over REST or gRPC."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from service.contract import LOGITS, PIXELS, PROBABILITIES
from service.engine import Pixels
from service.errors import ScopeNeeded
from service.inspection.errors import UnknownLayer
from service.keys import Scope
from service.pipeline import Pipeline
from service.postprocess import rank
from service.protocol.errors import InvalidTensor, UnknownOutput
from service.protocol.request import Binary, InferAnswer, InferRequest, InputTensor, OutputTensor, WantedOutput
from service.protocol.tensors import IMAGE, read_pictures, read_pixels
from service.served import ServedVersion

LABEL = "label"
"""The output that names the most probable label."""

_SCORES = (LOGITS, PROBABILITIES)
_DEFAULT = tuple(map(WantedOutput, _SCORES))

_JSON_WEIGHT, _BINARY_WEIGHT = 6, 2
"""Memory that values take together with the answer that is made of them, against float32: about 20 digits as JSON."""


@dataclass(frozen=True)
class _Found:
    """What was computed for n pictures."""

    scores: dict[str, NDArray[np.float32]]
    """(n, K) by output name."""
    layers: dict[str, NDArray[np.float32]]
    """(n, …) by layer name."""


async def infer(pipeline: Pipeline, served: ServedVersion, request: InferRequest, granted: Scope) -> InferAnswer:
    """Answer a request for an inference.

    Args:
        pipeline: answers it.
        served: what is asked.
        request: what for.
        granted: what its sender may do: layers are looking inside.

    Raises:
        RequestError: it asks for what isn't there, brings what can't be read, or too much waits already.
        TooLate: it waited for too long.
    """
    outputs = request.outputs or _DEFAULT
    _check_outputs(outputs, granted)
    tensor = _find_input(request.inputs)
    given = await _read(pipeline, served, tensor)
    found = await _compute(pipeline, served, given, outputs, request)
    labels = served.published.manifest.labels
    published = served.published
    return InferAnswer(
        published.name,
        published.version,
        request.id,
        [_shape_output(wanted, found, labels, binary=_is_binary(wanted, request)) for wanted in outputs],
    )


def _is_layer(name: str) -> bool:
    return name not in {*_SCORES, LABEL}


def _is_binary(wanted: WantedOutput, request: InferRequest) -> bool:
    return request.binary if wanted.binary is None else wanted.binary


def _check_outputs(outputs: Sequence[WantedOutput], granted: Scope) -> None:
    if not granted.includes(Scope.INSPECT) and any(_is_layer(wanted.name) for wanted in outputs):
        raise ScopeNeeded(
            f"outputs other than {', '.join((*_SCORES, LABEL))} are layers: they need a key with the scope"
            f" {Scope.INSPECT}; the key that was sent has {granted}"
        )
    if len({wanted.name for wanted in outputs}) != len(outputs):
        raise UnknownOutput("an output is asked for twice")
    for wanted in outputs:
        if wanted.classes is not None and (wanted.classes < 1 or wanted.name not in _SCORES):
            raise UnknownOutput(
                f"output {wanted.name!r} can't be had as classification {wanted.classes}: that is for"
                f" {' and '.join(_SCORES)}, 1 or more"
            )


def _find_input(inputs: Sequence[InputTensor]) -> InputTensor:
    if len(inputs) != 1 or inputs[0].name not in {PIXELS, IMAGE}:
        names = ", ".join(tensor.name[:64] for tensor in inputs[:8]) or "none"
        raise InvalidTensor(f"the inputs are: {names}; there has to be one, {PIXELS!r} or {IMAGE!r}")
    return inputs[0]


async def _read(pipeline: Pipeline, served: ServedVersion, tensor: InputTensor) -> Pixels | list[bytes]:
    """Pixels, (n, h, w, c) uint8, or encoded pictures."""
    most = min(pipeline.limits.max_pictures, served.runtime.patience.requests)
    if tensor.name == IMAGE:
        return read_pictures(tensor, most)
    spec = served.published.manifest.input
    if isinstance(tensor.content, Binary):
        return read_pixels(tensor, spec, most)
    said = (
        4 * prod(tensor.shape) if len(tensor.shape) == 4 else 0
    )  # as text; what is of another shape is refused at once
    return await pipeline.read(lambda: read_pixels(tensor, spec, most), said)


async def _compute(
    pipeline: Pipeline,
    served: ServedVersion,
    given: Pixels | list[bytes],
    outputs: Sequence[WantedOutput],
    request: InferRequest,
) -> _Found:
    """Scores come from the version's own queue, like every prediction; layers from where all looking inside is done."""
    names = [wanted.name for wanted in outputs]
    layers = [name for name in names if _is_layer(name)]
    is_scored = len(layers) < len(names)
    scores: dict[str, NDArray[np.float32]] = {}
    with served.batcher.places(len(given)) if is_scored else nullcontext():
        pixels = await pipeline.all_pixels(served, given) if isinstance(given, list) else given
        if is_scored:
            scores = await _score(served, pixels, with_logits=LOGITS in names)
    if not layers:
        return _Found(scores, {})
    weight = max(_BINARY_WEIGHT if _is_binary(wanted, request) else _JSON_WEIGHT for wanted in outputs)
    try:
        return _Found(scores, await pipeline.layers(served, pixels, layers, weight))
    except UnknownLayer as error:
        raise UnknownOutput(f"the outputs are {', '.join(_SCORES)}, {LABEL}, and the layers: {error}") from error


async def _score(served: ServedVersion, pixels: Pixels, *, with_logits: bool) -> dict[str, NDArray[np.float32]]:
    if with_logits:
        scores = await served.batcher.score(pixels)
        return {LOGITS: scores.logits, PROBABILITIES: scores.probabilities}
    return {PROBABILITIES: await served.batcher.classify_all(pixels)}


def _shape_output(wanted: WantedOutput, found: _Found, labels: Sequence[str], *, binary: bool) -> OutputTensor:
    if wanted.name == LABEL:
        texts = [labels[index].encode() for index in found.scores[PROBABILITIES].argmax(axis=1)]
        return OutputTensor(LABEL, texts, (len(texts),), binary)
    if _is_layer(wanted.name):
        values = found.layers[wanted.name]
    else:
        values = found.scores[wanted.name]
        if wanted.classes:
            return _classify(wanted.name, values, labels, wanted.classes, binary=binary)
    return OutputTensor(wanted.name, values, values.shape, binary)


def _classify(
    name: str, values: NDArray[np.float32], labels: Sequence[str], classes: int, *, binary: bool
) -> OutputTensor:
    """The highest values, as `value:index:label`; see Triton's classification extension."""
    rows = [rank(row, labels, classes) for row in values]
    texts = [
        f"{values[number, place['index']]!s}:{place['index']}:{place['label']}".encode()
        for number, row in enumerate(rows)
        for place in row
    ]
    return OutputTensor(name, texts, (len(values), min(classes, len(labels))), binary)
