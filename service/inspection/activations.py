"""Turns one picture's pixels into the layers' outputs, by sessions of their own.

The serving session can't give them: its optimiser fuses layers, and what is fused away has no value any more.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import prod

import numpy as np
import onnx
from numpy.typing import NDArray

from service.engine import Pixels, Provider
from service.inspection.dataflow import FixedValue
from service.inspection.derivatives import Derivatives
from service.inspection.errors import TooMuchToShow
from service.inspection.graph import LayerTable, read_table
from service.inspection.layer import Layer
from service.inspection.sessions import Making, Sessions
from service.published import PublishedVersion

Activation = NDArray[np.float32]
"""(C, H, W) or (K,) float32: one layer's output for one picture."""

_FLOAT = 4
"""Bytes."""


class Inspector:
    """The layers of one version, and what they compute; safe to call from several threads. Made by `load_inspector`."""

    def __init__(self, table: LayerTable, making: Making) -> None:
        self.table = table
        self.making = making
        self._sessions = Sessions(table.flow.model, table.flow.picture, making)

    @property
    def layers(self) -> Sequence[Layer]:
        """In the order of computation."""
        return self.table.layers

    @property
    def is_ready(self) -> bool:
        """Whether all activations can be had without making a session first, which takes longer than they do."""
        return self._sessions.is_ready

    @cached_property
    def derivatives(self) -> Derivatives:
        """How values of the graph depend on each other."""
        return Derivatives(self.table.flow.model, self.making)

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
        layers = [self.table.find(name) for name in names] or list(self.table.layers)
        values = [layer.tensor for layer in layers]
        batch = pixels[np.newaxis]
        found = self.values(batch, values) if names else dict(
            zip(values, self._sessions.run_all(values, batch), strict=True)
        )  # fmt: skip
        return [(layer, found[layer.tensor][0].astype(np.float32, copy=False)) for layer in layers]

    def outputs(self, pixels: Pixels, names: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """What the named layers computed for n pictures, by layer name; each (n, …) float32.

        Args:
            pixels: (n, h, w, c) uint8.
            names: the layers asked for.

        Raises:
            UnknownLayer: a name is no layer's.
        """
        tensors = {name: self.table.find(name).tensor for name in names}
        found = self.values(pixels, list(tensors.values()))
        return {name: found[tensor].astype(np.float32, copy=False) for name, tensor in tensors.items()}

    def values(self, pixels: Pixels, values: Sequence[str]) -> Mapping[str, FixedValue]:
        """Values of the graph for n pictures, by value name; each with its batch dimension.

        Args:
            pixels: (n, h, w, c) uint8.
            values: names of values on the way from the pixels to the scores, or the pixels' own.
        """
        return self._sessions.run_some(values, pixels)

    def weigh(self, names: Sequence[str] = ()) -> int:
        """Bytes of the layers' outputs for one picture."""
        return _weigh([self.table.find(name) for name in names]) if names else self._weight

    @cached_property
    def _weight(self) -> int:
        return _weigh(self.table.layers)


def _weigh(layers: Sequence[Layer]) -> int:
    return _FLOAT * sum(prod(layer.output_shape) for layer in layers)


def check_budget(wanted: int, budget: int, way_out: str) -> None:
    """Refuse what would take too much memory, before it takes it.

    Args:
        wanted: bytes.
        budget: bytes that one request may take.
        way_out: what to ask for instead.

    Raises:
        TooMuchToShow: it is over the budget.
    """
    if wanted > budget:
        raise TooMuchToShow(
            f"this would take about {wanted / 1e6:,.0f} MB of memory, and one request may take {budget / 1e6:,.0f} MB"
            f" (the service's setting CONVSCOPE_MAX_INSPECTION_BYTES); {way_out}"
        )


def load_inspector(version: PublishedVersion, provider: Provider, threads: int) -> Inspector:
    """Read the layers of a version; the sessions are made when they are first needed.

    Raises:
        ModelRefused: onnxruntime can't load the graph, when a session is made.
    """
    table = read_table(onnx.load_model_from_string(version.onnx))
    return Inspector(table, Making(version.name, provider, threads))
