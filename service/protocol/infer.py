"""Turns a request for an inference into its answer, whether it came over REST or gRPC."""

from collections.abc import Sequence
from contextlib import ExitStack
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
from service.pool import Place
from service.postprocess import rank
from service.protocol.errors import InvalidTensor, UnknownOutput
from service.protocol.request import Binary, InferAnswer, InferRequest, InputTensor, OutputTensor, WantedOutput
from service.protocol.tensors import IMAGE, read_pictures, read_pixels
from service.served import ServedVersion

LABEL = "label"
"""The output that names the most probable label."""

_SCORES = (LOGITS, PROBABILITIES)
_NO_LAYERS = frozenset({*_SCORES, LABEL})
_DEFAULT = tuple(map(WantedOutput, _SCORES))

_JSON_WEIGHT, _BINARY_WEIGHT = 6, 2
"""Memory that values take together with the answer that is made of them, against float32: about 20 digits as JSON."""

Values = dict[str, NDArray[np.float32]]
"""What was computed for n pictures, by the output's name: (n, …) float32."""


@dataclass(frozen=True)
class _Order:
    """What is asked for."""

    outputs: Sequence[WantedOutput]
    binary: bool
    """Where an output doesn't say otherwise."""

    @property
    def layers(self) -> list[str]:
        """Their names."""
        return [wanted.name for wanted in self.outputs if wanted.name not in _NO_LAYERS]

    @property
    def with_logits(self) -> bool:
        """Whether the logits are asked for."""
        return any(wanted.name == LOGITS for wanted in self.outputs)

    def is_binary(self, wanted: WantedOutput) -> bool:
        """Whether an output goes out as bytes."""
        return self.binary if wanted.binary is None else wanted.binary


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
    order = _Order(request.outputs or _DEFAULT, request.binary)
    _check(order, granted)
    given = await _read(pipeline, served, request.inputs)
    values = await _compute(pipeline, served, given, order)
    published = served.published
    outputs = [_put_out(wanted, values, published.manifest.labels, order) for wanted in order.outputs]
    return InferAnswer(published.name, published.version, request.id, outputs)


def _check(order: _Order, granted: Scope) -> None:
    """Refuse an order that no model could answer."""
    if order.layers and not granted.includes(Scope.INSPECT):
        raise ScopeNeeded(
            f"outputs other than {', '.join((*_SCORES, LABEL))} are layers: they need a key with the scope"
            f" {Scope.INSPECT}; the key that was sent has {granted}"
        )
    if len({wanted.name for wanted in order.outputs}) != len(order.outputs):
        raise UnknownOutput("an output is asked for twice")
    for wanted in order.outputs:
        if wanted.classes is not None and (wanted.classes < 1 or wanted.name not in _SCORES):
            raise UnknownOutput(
                f"output {wanted.name!r} can't be had as classification {wanted.classes}: that is for"
                f" {' and '.join(_SCORES)}, 1 or more"
            )


async def _read(pipeline: Pipeline, served: ServedVersion, inputs: Sequence[InputTensor]) -> Pixels | list[bytes]:
    """Pixels, (n, h, w, c) uint8, or encoded pictures."""
    if len(inputs) != 1 or inputs[0].name not in {PIXELS, IMAGE}:
        names = ", ".join(tensor.name[:64] for tensor in inputs[:8]) or "none"
        raise InvalidTensor(f"the inputs are: {names}; there has to be one, {PIXELS!r} or {IMAGE!r}")
    tensor = inputs[0]
    most = min(pipeline.limits.max_pictures, served.runtime.patience.requests)
    if tensor.name == IMAGE:
        return read_pictures(tensor, most)
    spec = served.published.manifest.input
    if isinstance(tensor.content, Binary):
        return read_pixels(tensor, spec, most)
    # As text; what is of another shape is refused at once.
    said = 4 * prod(tensor.shape) if len(tensor.shape) == 4 else 0
    return await pipeline.read(lambda: read_pixels(tensor, spec, most), said)


async def _compute(pipeline: Pipeline, served: ServedVersion, given: Pixels | list[bytes], order: _Order) -> Values:
    """Scores come from the version's own queue, like every prediction; layers from where all looking inside is done.

    Places are taken in both before anything is done.
    """
    layers = order.layers
    values: Values = {}
    with ExitStack() as places:
        is_scored = len(layers) < len(order.outputs)
        if is_scored:
            places.enter_context(served.batcher.places(len(given)))
        place = places.enter_context(pipeline.inspection.admit()) if layers else None
        pixels = await pipeline.all_pixels(served, given) if isinstance(given, list) else given
        if is_scored and order.with_logits:
            scores = await served.batcher.score(pixels)
            values = {LOGITS: scores.logits, PROBABILITIES: scores.probabilities}
        elif is_scored:
            values = {PROBABILITIES: await served.batcher.classify_all(pixels)}
        if place is not None:
            values |= await _look(pipeline, served, pixels, order, place)
    return values


async def _look(pipeline: Pipeline, served: ServedVersion, pixels: Pixels, order: _Order, place: Place) -> Values:
    """What the layers that are asked for compute."""
    weight = max(_BINARY_WEIGHT if order.is_binary(wanted) else _JSON_WEIGHT for wanted in order.outputs)
    try:
        return await pipeline.layers(served, pixels, order.layers, weight, place)
    except UnknownLayer as error:
        raise UnknownOutput(f"the outputs are {', '.join(_SCORES)}, {LABEL}, and the layers: {error}") from error


def _put_out(wanted: WantedOutput, values: Values, labels: Sequence[str], order: _Order) -> OutputTensor:
    binary = order.is_binary(wanted)
    if wanted.name == LABEL:
        texts = [labels[index].encode() for index in values[PROBABILITIES].argmax(axis=1)]
        return OutputTensor(LABEL, texts, (len(texts),), binary)
    found = values[wanted.name]
    if wanted.classes is not None:
        texts = [text for row in found for text in _classify(row, labels, wanted.classes)]
        return OutputTensor(wanted.name, texts, (len(found), min(wanted.classes, len(labels))), binary)
    return OutputTensor(wanted.name, found, found.shape, binary)


def _classify(row: NDArray[np.float32], labels: Sequence[str], classes: int) -> list[bytes]:
    """The highest values of a picture, as `value:index:label`; see Triton's classification extension."""
    ranked = rank(row, labels, classes)
    return [f"{row[place['index']]!s}:{place['index']}:{place['label']}".encode() for place in ranked]
