"""Turns a served graph into sessions that start at the picture in floating point: values, and gradients of values.

Served graphs take whole numbers, which have no gradient; behind their Cast the same picture stands in floating point,
from 0 to 255 as before, and everything can be asked how it depends on it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray

from service.errand import run
from service.inspection.dataflow import FixedValue, tap
from service.inspection.gradients import float_picture, gradient_model
from service.inspection.sessions import Making, Shelf, cut

FloatPictures = NDArray[np.float32]
"""(n, h, w, c) float32 from 0 to 255: pictures as the graph takes them, its Cast done."""

_COTANGENT = "cotangent"
_GRADIENT = "gradient/"
"""What `gradient_model` calls its additional input, and the outputs' names begin with."""


class Derivatives:
    """Values and gradients of one graph; sessions are made when they are first needed; safe to call from threads."""

    def __init__(self, model: onnx.ModelProto, making: Making) -> None:
        """Make no session yet.

        Args:
            model: the served graph.
            making: what to make sessions with.
        """
        self._model, self._shelf = model, Shelf(making)
        self.picture = float_picture(model)
        """The value that is the picture in floating point."""

    def values(self, pictures: FloatPictures, values: Sequence[str]) -> Mapping[str, FixedValue]:
        """Values of the graph for n pictures, by name, each with its batch dimension.

        Args:
            pictures: (n, h, w, c) float32, 0 to 255.
            values: names of values that come after the picture.
        """
        wanted = tuple(sorted(set(values)))
        session = self._shelf.find(("values", *wanted), lambda: cut(self._described(), [self.picture], wanted))
        return dict(zip(wanted, run(session, wanted, {self.picture: pictures}), strict=True))

    def gradients(
        self, pictures: FloatPictures, of: str, cotangent: FixedValue, wrt: Sequence[str]
    ) -> tuple[Mapping[str, FixedValue], Mapping[str, FixedValue]]:
        """How a weighted sum of one value's numbers changes with other values.

        Args:
            pictures: (n, h, w, c) float32, 0 to 255.
            of: the value.
            cotangent: its numbers' weights, float32, of its shape with the batch.
            wrt: the other values; the picture itself is one.

        Returns:
            The values of `of` and `wrt`, and the gradients with respect to `wrt`, each by value name.

        Raises:
            ConvscopeError: an operator on the way has no gradient; see `gradients.gradient_model`.
        """
        inner = [value for value in dict.fromkeys([of, *wrt]) if value != self.picture]
        session = self._shelf.find(("gradients", of, *wrt), lambda: self._differentiate(of, wrt, inner))
        names = [*inner, *(_GRADIENT + value for value in wrt)]
        found = run(session, names, {self.picture: pictures, _COTANGENT: cotangent})
        values = dict(zip(inner, found[: len(inner)], strict=True))
        return values, dict(zip(wrt, found[len(inner) :], strict=True))

    def _differentiate(self, of: str, wrt: Sequence[str], inner: Sequence[str]) -> onnx.ModelProto:
        return tap(gradient_model(self._model, of=of, wrt=list(wrt), feeds=[self.picture]), inner)

    def _described(self) -> onnx.ModelProto:
        """The graph with the picture's shape, the input's own: a file needn't mention it, and cutting needs it."""
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        if self.picture not in {value.name for value in (*model.graph.value_info, *model.graph.input)}:
            weights = {tensor.name for tensor in model.graph.initializer}
            pixels = next(value for value in model.graph.input if value.name not in weights)
            described = model.graph.value_info.add()
            described.CopyFrom(pixels)
            described.name = self.picture
            described.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
        return model
