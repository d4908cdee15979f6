"""Turns a version's film into frames that can be looked into, the last few of them in memory."""

import threading
from collections import OrderedDict
from functools import cached_property

from service.contract import Frame
from service.engine import Engine, load_engine
from service.errors import NoFilm, UnknownFrame
from service.inspection.activations import Inspector, load_inspector
from service.metrics import VersionMeter
from service.published import PublishedVersion, read_frame
from service.served import ServedVersion

_KEPT, _KEPT_BYTES = 32, 256 * 2**20
"""Frames that are kept for the next request, and their graphs' sizes together; the longest unused goes first."""


class ShownFrame:
    """A version as it was at one point of its training; nothing of it is read before it is asked for."""

    shows_at_once = False
    """Its sessions are rarely there yet: the event loop computes nothing of it."""

    def __init__(self, served: ServedVersion, frame: Frame) -> None:
        """Take a frame of a version's film."""
        self._served, self.frame = served, frame
        self._lock = threading.Lock()

    @property
    def published(self) -> PublishedVersion:
        """The version whose film it is in."""
        return self._served.published

    @property
    def meter(self) -> VersionMeter:
        """Counts what is done for the version."""
        return self._served.meter

    @property
    def identity(self) -> dict[str, str | int]:
        """What an answer says that it is of."""
        return {**self._served.identity, "step": self.frame.step}

    @property
    def bytes(self) -> int:
        """Of its graph, which is as large as the version's: it is the same network."""
        return len(self.published.onnx)

    def inspector(self) -> Inspector:
        """The session that shows its inside, made when it is first asked for.

        Raises:
            ModelRefused: the frame's file is gone, or isn't the one that was published.
        """
        with self._lock:
            return self._inspector

    def engine(self) -> Engine:
        """The session that answers, made when it is first asked for.

        Raises:
            ModelRefused: see `inspector`.
        """
        with self._lock:
            return self._engine

    @cached_property
    def _inspector(self) -> Inspector:
        return load_inspector(self._read(), self._served.runtime.provider, self._served.threads)

    @cached_property
    def _engine(self) -> Engine:
        read, runtime = self._read(), self._served.runtime
        return load_engine(read.manifest, read.onnx, runtime.provider, self._served.threads, shrink=runtime.shrink)

    def _read(self) -> PublishedVersion:
        return read_frame(self.published, self.frame, self._served.runtime.max_model_bytes)


class Films:
    """The frames of all versions that were asked for last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int, str], ShownFrame] = OrderedDict()

    def find(self, served: ServedVersion, step: int) -> ShownFrame:
        """A frame of a version's film.

        Args:
            served: the version.
            step: of its training, one of those in its manifest.

        Raises:
            NoFilm: it came without a film.
            UnknownFrame: it has none of that step; the message names those that there are.
        """
        published = served.published
        frame = _choose(published, step)
        key = (published.name, published.version, frame.sha256)
        kept = self._kept.get(key)
        if kept is None or kept.published is not published:  # another version may have taken a removed one's number
            kept = self._kept[key] = ShownFrame(served, frame)
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and not self._fits():
            self._kept.popitem(last=False)
        return kept

    def _fits(self) -> bool:
        return len(self._kept) <= _KEPT and sum(kept.bytes for kept in self._kept.values()) <= _KEPT_BYTES


def _choose(published: PublishedVersion, step: int) -> Frame:
    film = published.manifest.film
    if not film:
        raise NoFilm(
            f"{published.name} version {published.version} came without a film of its training: `convscope train`"
            " makes one with --keep-checkpoints"
        )
    for frame in film:
        if frame.step == step:
            return frame
    steps = ", ".join(str(frame.step) for frame in film)
    raise UnknownFrame(f"the film of {published.name} version {published.version} has the steps {steps}, no {step}")
