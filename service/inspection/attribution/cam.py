"""Turns a layer's feature maps into a map of the picture: each weighed by what it does for the class."""

from math import prod

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.inspection.attribution.subject import Heat, Map, Subject
from service.inspection.errors import UnsuitableLayer
from service.inspection.graph import LayerTable
from service.inspection.layer import Kind, Layer

Maps = NDArray[np.float32]
"""(c, y, x) float32: a layer's output for one picture, or something of that shape."""

_NO_CHOICE: set[Kind] = {"preprocessing", "pad", "dropout", "other", "max_pool", "average_pool"}
"""Kinds that are not chosen: a pooling only shows more coarsely what it pools, "other" may have another layout."""


def choose_layer(table: LayerTable, name: str | None) -> Layer:
    """The layer whose maps are weighed: the one of that name, or the last that still has maps and isn't a pooling.

    Raises:
        UnknownLayer: no layer has that name.
        UnsuitableLayer: it has no maps, or none has.
    """
    suitable = [layer for layer in table.layers if _has_maps(layer)]
    if name is None:
        chosen = [layer for layer in suitable if layer.kind not in _NO_CHOICE]
        if not chosen:
            raise UnsuitableLayer("no layer of this network has maps that could be weighed: ask for another method")
        return chosen[-1]
    layer = table.find(name)
    if not _has_maps(layer):
        known = ", ".join(other.name for other in suitable) or "none"
        raise UnsuitableLayer(
            f"layer {name!r} has no maps, its output is {layer.output_shape}; those with maps: {known}"
        )
    return layer


def grad_cam(subject: Subject, layer: Layer) -> Heat:
    """Maps weighed by the mean of the score's gradient over each, summed; what speaks against the class is cut off.

    Source: R. Selvaraju, M. Cogswell, A. Das, R. Vedantam, D. Parikh, D. Batra, "Grad-CAM: Visual Explanations from
    Deep Networks via Gradient-based Localization", ICCV 2017.
    """
    maps, gradients = _maps_and_gradients(subject, layer)
    return _weighed(subject, maps, gradients.mean(axis=(1, 2)))


def grad_cam_plus_plus(subject: Subject, layer: Layer) -> Heat:
    """The same with weights that count every place where a map speaks for the class, however small it is.

    Source: A. Chattopadhay, A. Sarkar, P. Howlader, V. Balasubramanian, "Grad-CAM++: Generalized Gradient-Based Visual
    Explanations for Deep Convolutional Networks", WACV 2018, equation 19 with the derivatives of exp(score): a place's
    share is g² / (2 g² + Σ maps · g³).
    """
    maps, gradients = _maps_and_gradients(subject, layer)
    below = 2 + maps.sum(axis=(1, 2), keepdims=True) * gradients
    shares = np.where(gradients > 0, 1 / np.where(below == 0, 1, below), 0)
    return _weighed(subject, maps, (shares * gradients).sum(axis=(1, 2)))


def score_cam(subject: Subject, layer: Layer, *, channels: int) -> Heat:
    """Maps weighed by the score of the picture seen through each, without any gradient.

    Args:
        subject: the picture and the class.
        layer: whose maps.
        channels: maps that are tried, at most: those that vary most.

    Source: H. Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR
    workshop 2020.
    """
    maps = subject.derivatives.values(subject.picture[np.newaxis], [layer.tensor])[layer.tensor][0]
    tried = np.sort(np.argsort(-maps.var(axis=(1, 2)), kind="stable")[:channels])
    scores = np.concatenate(
        [_scores_through(subject, maps[tried[portion]]) for portion in subject.portions(tried.size)]
    )
    weights = np.zeros(len(maps), np.float32)
    weights[tried] = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    heat = _weighed(subject, maps, weights)
    return Heat(heat.values, figures={**heat.figures, "channels": int(tried.size)})


def enlarge(values: Map, height: int, width: int) -> Map:
    """A (y, x) map, float32, stretched over (height, width): bilinear, its corners on the picture's corners."""
    return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR))


def _has_maps(layer: Layer) -> bool:
    return len(layer.output_shape) == 3 and prod(layer.output_shape[1:]) > 1


def _maps_and_gradients(subject: Subject, layer: Layer) -> tuple[Maps, Maps]:
    values, gradients = subject.gradients_of(subject.picture[np.newaxis], layer.tensor)
    return values[layer.tensor][0], gradients[0]


def _scores_through(subject: Subject, maps: Maps) -> NDArray[np.float32]:
    """The score of the picture behind each of some maps, which are stretched to its size and to 0 to 1."""
    height, width, _ = subject.picture.shape
    windows = np.stack([enlarge(one, height, width) for one in maps])
    low, high = windows.min(axis=(1, 2), keepdims=True), windows.max(axis=(1, 2), keepdims=True)
    windows = (windows - low) / np.where(high > low, high - low, 1)
    return subject.scores(subject.picture * windows[..., np.newaxis])


def _weighed(subject: Subject, maps: Maps, weights: NDArray[np.float32]) -> Heat:
    height, width, _ = subject.picture.shape
    total = np.maximum(np.tensordot(weights, maps, axes=1), 0).astype(np.float32)
    return Heat(enlarge(total, height, width), figures={"map": list(total.shape)})
