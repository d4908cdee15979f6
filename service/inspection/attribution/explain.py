"""Turns pictures, a class and a method into maps of what decided."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from service.contract import LOGITS
from service.engine import Pixels
from service.inspection.activations import Inspector, check_budget
from service.inspection.attribution.cam import choose_layer, grad_cam, grad_cam_plus_plus, score_cam
from service.inspection.attribution.gradient import gradient, integrated_gradients, smoothgrad
from service.inspection.attribution.occlusion import occlusion
from service.inspection.attribution.subject import Baseline, Heat, Subject
from service.inspection.attribution.target import Target, find_class, make_target, predicted_class
from service.inspection.errors import UnsuitableLayer
from service.inspection.layer import Layer

Method = Literal[
    "gradient", "smoothgrad", "integrated-gradients", "grad-cam", "grad-cam++", "score-cam", "occlusion"
]  # fmt: skip

METHODS: tuple[Method, ...] = get_args(Method)

_WITH_LAYER: set[Method] = {"grad-cam", "grad-cam++", "score-cam"}

_WITHOUT_GRADIENT: set[Method] = {"score-cam", "occlusion"}

_MOST = 32
"""Pictures in one run: more are no faster."""


class Options(BaseModel):
    """What can be chosen about the methods; each reads its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    baseline: Baseline = Field(
        default="black",
        description="integrated-gradients, occlusion: what stands for nothing, black or the picture's mean colour",
    )
    steps: int = Field(default=1024, ge=1, le=4096, description="integrated-gradients: of the sum, at most")
    samples: int = Field(default=32, ge=1, le=256, description="smoothgrad: noisy copies")
    noise: float = Field(
        default=0.15, ge=0, le=1, description="smoothgrad: as a share of the picture's range of values"
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="smoothgrad: of the noise")
    window: int | None = Field(default=None, ge=1, description="occlusion: side of what is covered, in network pixels")
    stride: int | None = Field(default=None, ge=1, description="occlusion: network pixels between two windows")
    channels: int = Field(default=256, ge=1, le=4096, description="score-cam: maps tried, at most")


@dataclass(frozen=True)
class Question:
    """What is asked about pictures."""

    method: Method
    class_: str | None = None
    """A label or a number; None: of each picture the class that is predicted."""
    layer: str | None = None
    """Whose maps are weighed; None: the last that has maps."""
    options: Options = field(default_factory=Options)


@dataclass(frozen=True)
class Attribution:
    """What decided about one picture."""

    target: Target
    layer: Layer | None
    score: float
    """The class's logit; of a graph with a single output, that output with the class's sign."""
    heat: Heat


def explain(
    inspector: Inspector, labels: Sequence[str], pixels: Pixels, question: Question, budget: int
) -> list[Attribution]:
    """One map for each picture; a picture's map doesn't depend on the others.

    Args:
        inspector: of the network.
        labels: the classes', in order.
        pixels: (n, h, w, c) uint8 of the network's input size.
        question: what is asked.
        budget: bytes of memory that it may take.

    Raises:
        UnknownClass: there is no such class.
        UnknownLayer, UnsuitableLayer: there is no such layer, or the method can do nothing with it.
        TooMuchToShow: even a single picture takes more memory.
        ConvscopeError: the network has an operator without a gradient; see `gradients.gradient_model`.
    """
    index = None if question.class_ is None else find_class(question.class_, labels)
    layer = _layer(inspector, question)
    batch = _batch(inspector, question.method, budget)
    attributions = []
    for picture in pixels:
        logits = inspector.values(picture[np.newaxis], [LOGITS])[LOGITS][0]
        target = make_target(predicted_class(logits) if index is None else index, labels, logits.size)
        subject = Subject(inspector.derivatives, picture.astype(np.float32), target.weights, batch)
        heat = _look(subject, layer, question)
        attributions.append(Attribution(target, layer, float(logits @ target.weights), heat))
    return attributions


def _layer(inspector: Inspector, question: Question) -> Layer | None:
    if question.method in _WITH_LAYER:
        return choose_layer(inspector.table, question.layer)
    if question.layer is not None:
        methods = ", ".join(method for method in METHODS if method in _WITH_LAYER)
        raise UnsuitableLayer(f"method {question.method!r} looks at no layer; those that do: {methods}")
    return None


def _batch(inspector: Inspector, method: Method, budget: int) -> int:
    """Pictures in one run: of each, all layers' outputs are held, and as many gradients where there are any."""
    if method in _WITHOUT_GRADIENT:
        each, way_out = inspector.weigh(), "it can't be had of a network of this size here"
    else:
        each, way_out = 2 * inspector.weigh(), "ask for occlusion, which takes half of it: it needs no gradient"
    check_budget(each, budget, way_out)
    return max(1, min(_MOST, budget // max(1, each)))


def _look(subject: Subject, layer: Layer | None, question: Question) -> Heat:  # noqa: PLR0911 - one line a method
    options = question.options
    match question.method, layer:
        case "smoothgrad", _:
            return smoothgrad(subject, samples=options.samples, noise=options.noise, seed=options.seed)
        case "integrated-gradients", _:
            return integrated_gradients(subject, baseline=options.baseline, steps=options.steps)
        case "grad-cam", Layer():
            return grad_cam(subject, layer)
        case "grad-cam++", Layer():
            return grad_cam_plus_plus(subject, layer)
        case "score-cam", Layer():
            return score_cam(subject, layer, channels=options.channels)
        case "occlusion", _:
            return occlusion(subject, baseline=options.baseline, window=options.window, stride=options.stride)
    return gradient(subject)
