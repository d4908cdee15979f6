"""Turns the bytes of a request into its answer: the stages, one a line. Read this file first.

    bytes -decode-> (H, W, 3) u8 -preprocess-> (h, w, c) u8 -batching-> (n, h, w, c) u8 -engine-> (n, K) f32
          -postprocess-> ranked labels

Each arrow is a file of that name. A request waits in one place only, the batch queue; it can be refused as malformed in
one place only, decode.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from service import visit
from service.decode import Picture, PictureLimits, decode_small_png, open_picture
from service.engine import Pixels
from service.inspection.activations import Activation, Inspector, check_budget
from service.inspection.fitness import looking_into
from service.inspection.layer import Layer
from service.metrics import VersionMeter
from service.pool import Place, Pool
from service.postprocess import RankedLabel, rank
from service.preprocess import fit, read_pixels
from service.published import PublishedVersion
from service.served import ServedVersion

T = TypeVar("T")

_Run = Callable[[Callable[[], Picture]], Coroutine[Any, Any, Picture]]
"""Does a piece of work in a thread."""

_SMALL_BODY, _SMALL_PICTURE = 16 * 2**10, 96 * 96
"""Bytes of an encoded picture, and its pixels, up to which decoding it takes less time than handing it to a thread."""

_SMALL_ANSWER = 360 * 2**10
"""Bytes that values and the answer made of them take, up to which that is so for an answer."""


class Inside(Protocol):
    """What can be looked into: a version, or the same at a point of its training."""

    @property
    def published(self) -> PublishedVersion:
        """As it lies on disk."""

    @property
    def meter(self) -> VersionMeter:
        """Counts what is done for it."""

    @property
    def shows_at_once(self) -> bool:
        """Whether the event loop may compute all activations itself."""

    @property
    def identity(self) -> Mapping[str, str | int]:
        """What an answer says that it is of."""

    def inspector(self) -> Inspector:
        """The session that shows the inside."""


@dataclass(frozen=True)
class Pipeline:
    """The way of a picture through a version."""

    limits: PictureLimits
    workers: Pool
    """Threads for what takes longer than the event loop may stand still, decoding for one."""
    inspection: Pool
    """Threads for looking inside, apart: it takes long, and predictions come first."""
    budget: int
    """Bytes of memory that one look inside may take."""

    async def pixels(self, version: Inside, body: bytes) -> Picture:
        """What the network sees of a picture: (h, w, c) uint8.

        Raises:
            RequestError: the picture can't be decoded; see `decode.decode`.
        """
        return await self._pixels(version, body, self.workers.run)

    async def all_pixels(self, version: Inside, bodies: Sequence[bytes]) -> Pixels:
        """What the network sees of several pictures: (n, h, w, c) uint8.

        Raises:
            RequestError: one of them can't be decoded, or too much waits already.
        """
        if len(bodies) == 1:
            return (await self.pixels(version, bodies[0]))[np.newaxis]
        with self.workers.admit() as place:
            return np.stack(await asyncio.gather(*(self._pixels(version, body, place.run) for body in bodies)))

    async def _pixels(self, version: Inside, body: bytes, run: _Run) -> Picture:
        spec, began = version.published.manifest.input, perf_counter()
        try:
            if len(body) > _SMALL_BODY:
                return await run(lambda: read_pixels(open_picture(body, self.limits), spec))
            if (small := decode_small_png(body, _SMALL_PICTURE)) is not None:
                return fit(small, spec)
            picture = open_picture(body, self.limits)
            if picture.width * picture.height > _SMALL_PICTURE:
                return await run(lambda: read_pixels(picture, spec))
            return read_pixels(picture, spec)
        finally:
            version.meter.decode.observe(perf_counter() - began)
            if visit.wanted:
                visit.note_stage("decode", began)

    async def predict(self, version: ServedVersion, body: bytes, top_k: int) -> list[RankedLabel]:
        """The `top_k` most probable labels of a picture, most probable first.

        Raises:
            RequestError: the picture can't be decoded, or too much waits already.
            TooLate: it waited for too long.
        """
        with version.batcher:
            pixels = await self.pixels(version, body)
            probabilities = await version.batcher.classify(pixels)
        return rank(probabilities, version.published.manifest.labels, top_k)

    async def activations(
        self,
        version: Inside,
        body: bytes,
        names: Sequence[str],
        write: Callable[[Sequence[tuple[Layer, Activation]]], T],
        weight: float = 1,
    ) -> T:
        """What the named layers (none named: all) computed for a picture, written down.

        Args:
            version: whose inside.
            body: the encoded picture.
            names: of the layers.
            write: makes the answer.
            weight: memory that the answer is going to take, its writing included, against the values' own.

        Raises:
            RequestError: the picture can't be decoded, a layer isn't there, or it is too much for one request.
        """

        def show(inspector: Inspector, pixels: Picture) -> list[tuple[Layer, Activation]]:
            check_budget(
                round(inspector.weigh(names) * weight), self.budget, "ask for fewer layers (layers=…) or another format"
            )
            return inspector.activations(pixels, names)

        if version.shows_at_once and not names and version.inspector().weigh() * weight <= _SMALL_ANSWER:
            pixels, began = await self.pixels(version, body), perf_counter()
            written = _look(version, lambda inspector: write(show(inspector, pixels)))
            if visit.wanted:
                visit.note_stage("inspection", began)
            return written
        return await self.inspect(version, [body], lambda inspector, pixels: write(show(inspector, pixels[0])))

    async def layers(
        self, version: Inside, pixels: Pixels, names: Sequence[str], weight: float, place: Place
    ) -> dict[str, NDArray[np.float32]]:
        """What the named layers computed for several pictures, by name; each (n, …) float32.

        Args:
            version: whose inside.
            pixels: (n, h, w, c) uint8.
            names: of the layers.
            weight: as in `activations`.
            place: in `inspection`, taken before anything was done for the request.

        Raises:
            RequestError: a layer isn't there, or it is too much for one request.
        """

        def show(inspector: Inspector) -> dict[str, NDArray[np.float32]]:
            wanted = round(len(pixels) * inspector.weigh(names) * weight)
            check_budget(wanted, self.budget, "ask for fewer outputs or send fewer pictures")
            return inspector.outputs(pixels, names)

        return await place.run(lambda: _look(version, show))

    async def inspect(
        self, version: Inside, bodies: Sequence[bytes], look: Callable[[Inspector, Sequence[Picture]], T]
    ) -> T:
        """Look inside at what becomes of pictures.

        Args:
            version: whose inside.
            bodies: the encoded pictures.
            look: what to find out, and to write down; it gets (h, w, c) uint8 pixels of each.

        Raises:
            RequestError: a picture can't be decoded, there is too much to do, or what `look` raises.
        """
        with self.inspection.admit() as place:
            pixels = [await self.pixels(version, body) for body in bodies]
            return await place.run(lambda: _look(version, lambda inspector: look(inspector, pixels)))

    async def examine(self, version: Inside, look: Callable[[Inspector], T]) -> T:
        """Look inside a network without a picture.

        Raises:
            RequestError: there is too much to do, or what `look` raises.
        """
        return await self.inspection.run(lambda: _look(version, look))

    async def show_input(self, version: Inside, body: bytes, write: Callable[[Picture], T]) -> T:
        """What the network sees of a picture, written down.

        Raises:
            RequestError: the picture can't be decoded, or there is too much to do.
        """
        with self.inspection.admit() as place:
            pixels = await self.pixels(version, body)
            return write(pixels) if pixels.nbytes <= _SMALL_ANSWER else await place.run(lambda: write(pixels))

    async def read(self, read: Callable[[], T], size: int) -> T:
        """Read what came in, beside the event loop unless it is small.

        Args:
            read: does it.
            size: bytes that it has to read.
        """
        return read() if size <= _SMALL_BODY else await self._in_worker(read)

    async def encode(self, write: Callable[[], T], size: int | None = None) -> T:
        """Write an answer, beside the event loop unless it is known to be small.

        Args:
            write: makes it.
            size: bytes of the values in it, where that is known.
        """
        began = perf_counter()
        answer = write() if size is not None and size <= _SMALL_ANSWER else await self._in_worker(write)
        if visit.wanted:
            visit.note_stage("encode", began)
        return answer

    async def _in_worker(self, work: Callable[[], T]) -> T:
        return await self.workers.run(work)


def _look(version: Inside, look: Callable[[Inspector], T]) -> T:
    with looking_into(version.published.name):
        return look(version.inspector())
