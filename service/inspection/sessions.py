"""Turns the values wanted of a graph into a session that computes them, and no more than that takes."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx
import onnxruntime as ort
from onnx.utils import Extractor

from service.engine import Provider, load_session
from service.inspection.dataflow import FixedValue, tap

_KEPT = 8
"""Sessions of cut graphs that are kept for the next request, the longest unused goes first."""


@dataclass(frozen=True)
class Making:
    """What sessions are made with."""

    name: str
    """The model's, for messages."""
    provider: Provider
    threads: int
    """Of the arithmetic inside one run."""


def make_session(model: onnx.ModelProto, making: Making, *, optimised: bool) -> ort.InferenceSession:
    """A session of a graph.

    Raises:
        ModelRefused: onnxruntime can't load it.
    """
    return load_session(making.name, model.SerializeToString(), making.provider, making.threads, optimised=optimised)


def cut(model: onnx.ModelProto, feeds: Sequence[str], values: Sequence[str]) -> onnx.ModelProto:
    """The part of a graph between what is fed and what is wanted."""
    extracted: onnx.ModelProto = Extractor(tap(model, values)).extract_model(list(feeds), list(values))
    return extracted


class Sessions:
    """The sessions of one graph, each made when it is first needed; safe to call from several threads.

    Asking a session for fewer outputs saves nothing: onnxruntime computes them all the same. So a few values are had
    of a graph that is cut at them, which keeps the optimiser's fusions too.
    """

    def __init__(self, model: onnx.ModelProto, picture: str, making: Making) -> None:
        """Make no session yet.

        Args:
            model: the graph.
            picture: the value that pixels are fed to.
            making: what to make them with.
        """
        self._model, self._picture, self._making = model, picture, making
        self._sessions: OrderedDict[tuple[str, ...], ort.InferenceSession] = OrderedDict()
        self._lock = threading.Lock()
        self._whole: ort.InferenceSession | None = None

    def run_all(self, values: Sequence[str], pixels: FixedValue) -> list[FixedValue]:
        """The values of every layer, from the graph as it stands: optimised, some of them would be gone.

        Args:
            values: the same at every call.
            pixels: (n, h, w, c) uint8.
        """
        with self._lock:
            if self._whole is None:
                self._whole = make_session(tap(self._model, values), self._making, optimised=False)
        outputs: list[FixedValue] = self._whole.run(list(values), {self._picture: pixels})
        return outputs

    def run_some(self, values: Sequence[str], pixels: FixedValue) -> Mapping[str, FixedValue]:
        """Some values, by name.

        Args:
            values: names of values that are computed from the pixels.
            pixels: (n, h, w, c) uint8.
        """
        wanted = tuple(sorted(set(values) - {self._picture}))
        outputs: list[FixedValue] = self._find(wanted).run(list(wanted), {self._picture: pixels}) if wanted else []
        found = dict(zip(wanted, outputs, strict=True))
        return found | ({self._picture: pixels} if self._picture in values else {})

    def _find(self, wanted: tuple[str, ...]) -> ort.InferenceSession:
        with self._lock:
            if wanted not in self._sessions:
                model = cut(self._model, [self._picture], wanted)
                self._sessions[wanted] = make_session(model, self._making, optimised=True)
            self._sessions.move_to_end(wanted)
            while len(self._sessions) > _KEPT:
                self._sessions.popitem(last=False)
            return self._sessions[wanted]
