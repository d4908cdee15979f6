"""Turns versions on the disk into versions in memory, as many as there is room for, and keeps a list of bad ones."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from service.errors import ModelRefused
from service.served import Loader, ServedVersion
from service.versions import Mark, VersionOnDisk

log = logging.getLogger("convscope")

Key = tuple[str, int]
"""A model's name and a version of it."""


@dataclass(frozen=True)
class Room:
    """How much of what doesn't answer by default stays in memory, of all models together."""

    versions: int
    bytes: int
    """Of graphs; a version takes a small multiple of its graph."""


@dataclass(frozen=True)
class Refusal:
    """A version in the folder that isn't served, and why."""

    name: str
    version: str
    mark: Mark
    """What it looked like: changed, it is tried again."""
    error: ModelRefused


class _Loaded(NamedTuple):
    served: ServedVersion
    mark: Mark
    """Of the files that it was loaded from."""


class Stock:
    """What is in memory. Used from one event loop; loading happens in a thread of its own."""

    def __init__(self, loader: Loader, room: Room, executor: ThreadPoolExecutor) -> None:
        """Begin empty.

        Args:
            loader: makes versions answer.
            room: for those that don't answer by default.
            executor: a thread to load in.
        """
        self.refusals: dict[tuple[str, str], Refusal] = {}
        """By the names of the two folders."""
        self.runtime = loader.runtime
        self._loader = loader
        self._room = room
        self._executor = executor
        self._loaded: OrderedDict[Key, _Loaded] = OrderedDict()
        """Least recently used first."""

    def get(self, name: str, number: int) -> ServedVersion | None:
        """A version, if it is in memory."""
        loaded = self._loaded.get((name, number))
        if loaded is None:
            return None
        self._loaded.move_to_end((name, number))
        return loaded.served

    def holds(self, name: str, number: int) -> bool:
        """Whether a version is in memory."""
        return (name, number) in self._loaded

    def list_loaded(self) -> list[ServedVersion]:
        """What is in memory, by model and number."""
        return [self._loaded[key].served for key in sorted(self._loaded)]

    async def fetch(self, name: str, number: int, version: VersionOnDisk) -> ServedVersion | None:
        """A version as it is on the disk; where that can't be served, as it was in memory; None where it wasn't."""
        loaded = self._loaded.get((name, number))
        if loaded is not None and loaded.mark == version.mark:
            return loaded.served
        refusal = self.refusals.get((name, str(number)))
        if refusal is None or refusal.mark != version.mark:
            try:
                served = await asyncio.get_running_loop().run_in_executor(
                    self._executor, self._loader.load, version.folder
                )
            except ModelRefused as error:
                self.refuse(Refusal(name, str(number), version.mark, error))
            else:
                self.refusals.pop((name, str(number)), None)
                self._loaded[name, number] = _Loaded(served, version.mark)
                return served
        return loaded.served if loaded else None

    def refuse(self, refusal: Refusal) -> None:
        """Remember that a version can't be served; said once."""
        known = self.refusals.get((refusal.name, refusal.version))
        if known is None or known.mark != refusal.mark:
            log.warning("not served: %s (%s)", refusal.error, refusal.error.code)
            self.runtime.metrics.count_refusal(refusal.name)
        self.refusals[refusal.name, refusal.version] = refusal

    def is_seen(self, name: str, number: int, version: VersionOnDisk) -> bool:
        """Whether a version has been looked at as it is on the disk."""
        loaded, refusal = self._loaded.get((name, number)), self.refusals.get((name, str(number)))
        return version.mark in {loaded and loaded.mark, refusal and refusal.mark}

    def has_room(self, answering: Mapping[str, int]) -> bool:
        """Whether one more may be in memory."""
        old = self._list_old(answering)
        return len(old) < self._room.versions and sum(served.bytes for _, served in old) < self._room.bytes

    def trim(self, answering: Mapping[str, int]) -> None:
        """Let go of the least recently used until the rest fit; requests in flight keep theirs.

        Args:
            answering: the version of each model that stays in any case.
        """
        old = self._list_old(answering)
        count, size = len(old), sum(served.bytes for _, served in old)
        for key, served in old:
            if count <= self._room.versions and size <= self._room.bytes:
                return
            del self._loaded[key]
            count, size = count - 1, size - served.bytes
            log.info("%s: version %d is unloaded; it comes back when it is asked for", *key)

    def forget(self, is_gone: Callable[[Key], bool], gone_folders: Collection[tuple[str, str]]) -> None:
        """Let go of what is not in the folder any more."""
        for key in [key for key in self._loaded if is_gone(key)]:
            del self._loaded[key]
        for folder in gone_folders:
            self.refusals.pop(folder, None)

    def _list_old(self, answering: Mapping[str, int]) -> list[tuple[Key, ServedVersion]]:
        return [(key, loaded.served) for key, loaded in self._loaded.items() if answering.get(key[0]) != key[1]]
