"""Turns one picture's pixels into every layer's output, by a second, unoptimised session of the same graph.

The serving session can't give them: its optimiser fuses layers, and what is fused away has no value any more.
"""

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from service.contract import PIXELS, PublishedVersion
from service.engine import Pixels, Provider, load_session
from service.errors import UnknownLayer
from service.inspection.graph import read_layers, with_layer_outputs
from service.inspection.layer import Layer

Activation = NDArray[np.float32]
"""(C, H, W) or (K,) float32: one layer's output for one picture."""


class Inspector:
    """The layers of one version, and what they compute; safe to call from several threads. Made by `load_inspector`."""

    def __init__(self, layers: Sequence[Layer], session: ort.InferenceSession) -> None:
        self.layers = tuple(layers)
        self._session = session

    def activations(self, pixels: Pixels, names: Sequence[str] = ()) -> list[tuple[Layer, Activation]]:
        """What the layers computed for one picture.

        Args:
            pixels: (h, w, c) uint8.
            names: the layers asked for; none: all.

        Returns:
            In the order of computation, or of `names`.

        Raises:
            UnknownLayer: a name is no layer's.
        """
        layers = [self._layer(name) for name in names] or list(self.layers)
        outputs = self._session.run([layer.tensor for layer in layers], {PIXELS: pixels[np.newaxis]})
        return [
            (layer, output[0].astype(np.float32, copy=False)) for layer, output in zip(layers, outputs, strict=True)
        ]

    def _layer(self, name: str) -> Layer:
        for layer in self.layers:
            if layer.name == name:
                return layer
        known = ", ".join(layer.name for layer in self.layers)
        raise UnknownLayer(f"no layer is called {name!r}; the layers are {known}")


def load_inspector(version: PublishedVersion, provider: Provider, threads: int) -> Inspector:
    """Read the layers of a version and make the session that computes them all.

    Raises:
        ModelRefused: onnxruntime can't load the graph with all its layers as outputs.
    """
    model = onnx.load_model_from_string(version.onnx)
    layers = read_layers(model)
    tapped = with_layer_outputs(model, layers).SerializeToString()
    return Inspector(layers, load_session(version.name, tapped, provider, threads, optimised=False))
