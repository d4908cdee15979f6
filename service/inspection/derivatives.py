"""Turns a served graph into sessions that start at the picture in floating point: values, and gradients of values.

Served graphs take whole numbers, which have no gradient; behind their Cast the same picture stands in floating point,
from 0 to 255 as before, and everything can be asked how it depends on it.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from service.inspection.dataflow import FixedValue, tap
from service.inspection.gradients import float_picture, gradient_model
from service.inspection.sessions import Making, cut, make_session

FloatPictures = NDArray[np.float32]
"""(n, h, w, c) float32 from 0 to 255: pictures as the graph takes them, its Cast done."""

_KEPT, _KEPT_BYTES = 8, 512 * 2**20
"""Sessions that are kept for the next request, and their graphs' sizes together; the longest unused goes first."""

_COTANGENT = "cotangent"
_GRADIENT = "gradient/"
"""What `gradient_model` calls its additional input, and the outputs' names begin with."""


@dataclass(frozen=True)
class _Kept:
    session: ort.InferenceSession
    size: int
    """Bytes of its graph, of which the weights are the most."""


class Derivatives:
    """Values and gradients of one graph; sessions are made when they are first needed; safe to call from threads."""

    def __init__(self, model: onnx.ModelProto, making: Making) -> None:
        """Make no session yet.

        Args:
            model: the served graph.
            making: what to make sessions with.
        """
        self._model, self._making = model, making
        self._sessions: OrderedDict[tuple[object, ...], _Kept] = OrderedDict()
        self._lock = threading.Lock()
        self.picture = float_picture(model)
        """The value that is the picture in floating point."""

    def values(self, pictures: FloatPictures, values: Sequence[str]) -> Mapping[str, FixedValue]:
        """Values of the graph for n pictures, by name, each with its batch dimension.

        Args:
            pictures: (n, h, w, c) float32, 0 to 255.
            values: names of values that come after the picture.
        """
        wanted = tuple(sorted(set(values)))
        session = self._find(("values", *wanted), lambda: cut(self._described(), [self.picture], wanted))
        return dict(zip(wanted, session.run(list(wanted), {self.picture: pictures}), strict=True))

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
        session = self._find(("gradients", of, *wrt), lambda: self._differentiate(of, wrt, inner))
        names = [*inner, *(_GRADIENT + value for value in wrt)]
        found = session.run(names, {self.picture: pictures, _COTANGENT: cotangent})
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

    def _find(self, key: tuple[object, ...], make: Callable[[], onnx.ModelProto]) -> ort.InferenceSession:
        with self._lock:
            if key not in self._sessions:
                model = make()
                self._sessions[key] = _Kept(make_session(model, self._making, optimised=True), model.ByteSize())
            self._sessions.move_to_end(key)
            session = self._sessions[key].session
            while len(self._sessions) > 1 and not self._fits():
                self._sessions.popitem(last=False)
            return session

    def _fits(self) -> bool:
        return len(self._sessions) <= _KEPT and sum(kept.size for kept in self._sessions.values()) <= _KEPT_BYTES
