"""Turns the values wanted of a graph into a session that computes them, and no more than that takes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import onnx
import onnxruntime as ort
from onnx.utils import Extractor

from service.engine import Provider, load_session
from service.errand import run
from service.inspection.dataflow import FixedValue, tap

_KEPT, _KEPT_BYTES = 8, 512 * 2**20
"""Sessions that are kept for the next request, and their graphs' sizes together; the longest unused goes first."""


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


@dataclass(frozen=True)
class _Kept:
    session: ort.InferenceSession
    size: int
    """Bytes of its graph, of which the weights are the most."""


class Shelf:
    """Sessions of graphs that were made of one, each when it is first asked for; safe to call from several threads."""

    def __init__(self, making: Making) -> None:
        self._making = making
        self._kept: OrderedDict[tuple[str, ...], _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: tuple[str, ...], make: Callable[[], onnx.ModelProto]) -> ort.InferenceSession:
        """The session that is known by a key; made, optimised, where there is none.

        Args:
            key: what tells it from the others.
            make: makes its graph.

        Raises:
            ModelRefused: onnxruntime can't load it.
        """
        with self._lock:
            if key not in self._kept:
                model = make()
                self._kept[key] = _Kept(make_session(model, self._making, optimised=True), model.ByteSize())
            self._kept.move_to_end(key)
            session = self._kept[key].session
            while len(self._kept) > 1 and not self._fits():
                self._kept.popitem(last=False)
            return session

    def _fits(self) -> bool:
        return len(self._kept) <= _KEPT and sum(kept.size for kept in self._kept.values()) <= _KEPT_BYTES


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
        self._shelf = Shelf(making)
        self._lock = threading.Lock()
        self._whole: ort.InferenceSession | None = None

    @property
    def is_ready(self) -> bool:
        """Whether `run_all` needn't make its session first."""
        return self._whole is not None

    def run_all(self, values: Sequence[str], pixels: FixedValue) -> list[FixedValue]:
        """The values of every layer, from the graph as it stands: optimised, some of them would be gone.

        Args:
            values: the same at every call.
            pixels: (n, h, w, c) uint8.
        """
        with self._lock:
            if self._whole is None:
                self._whole = make_session(tap(self._model, values), self._making, optimised=False)
        outputs: list[FixedValue] = run(self._whole, values, {self._picture: pixels})
        return outputs

    def run_some(self, values: Sequence[str], pixels: FixedValue) -> Mapping[str, FixedValue]:
        """Some values, by name.

        Args:
            values: names of values that are computed from the pixels.
            pixels: (n, h, w, c) uint8.
        """
        wanted = tuple(sorted(set(values) - {self._picture}))
        found: dict[str, FixedValue] = {self._picture: pixels} if self._picture in values else {}
        if wanted:
            session = self._shelf.find(wanted, lambda: cut(self._model, [self._picture], wanted))
            found |= zip(wanted, run(session, wanted, {self._picture: pixels}), strict=True)
        return found
