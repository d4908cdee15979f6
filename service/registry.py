"""Turns the models folder, whenever it changes, into the versions being served, and finds the one a request names.

What is in memory goes on answering whatever becomes of the folder: a version gives way to a better one or to a
decision, never because its files are gone.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from service.errors import ModelRefused, NotInMemory, UnknownModel, UnknownVersion
from service.promotion import roll_back
from service.served import ServedVersion
from service.state import change_state
from service.stock import Key, Refusal, Stock
from service.versions import ModelOnDisk, list_models
from service.visit import current

T = TypeVar("T")

log = logging.getLogger("convscope")


@dataclass(frozen=True)
class ServedModel:
    """A model and its versions."""

    answering: ServedVersion
    versions: tuple[int, ...]
    """All that can be asked by number, oldest first; not all of them need be in memory."""
    pinned: int | None
    """The version that was promoted; None: the latest answers."""
    held: tuple[int, ...]
    """Versions that don't answer unless they are promoted."""


class Registry:
    """The models being served. Used from one event loop."""

    def __init__(self, folder: Path, stock: Stock, executor: ThreadPoolExecutor) -> None:
        """Begin with nothing; `refresh` fills it.

        Args:
            folder: the models folder; it may be missing yet.
            stock: loads versions, and holds them.
            executor: a thread to look at the folder in.
        """
        self.folder = folder
        self.runtime = stock.runtime
        self.models: Mapping[str, ServedModel] = {}
        """By name, in alphabetical order."""
        self._on_disk: Mapping[str, ModelOnDisk] = {}
        """As it was when it was last looked at."""
        self._stock = stock
        self._executor = executor
        self._changing = asyncio.Lock()
        self._is_missing = False

    @property
    def refusals(self) -> Sequence[Refusal]:
        """The versions in the folder that aren't served."""
        return [self._stock.refusals[key] for key in sorted(self._stock.refusals)]

    @property
    def unloaded(self) -> Sequence[str]:
        """The models in the folder that aren't served, because it was decided so."""
        return [name for name, model in self._on_disk.items() if not model.state.loaded]

    @property
    def loaded(self) -> Sequence[ServedVersion]:
        """The versions in memory."""
        return self._stock.list_loaded()

    def find(self, name: str, version: int | None = None) -> ServedVersion:
        """The version asked for, or the one that answers.

        Raises:
            UnknownModel, UnknownVersion: it isn't served; the message lists what is.
            NotInMemory: it has to be loaded first, which `obtain` does.
        """
        model = self.models.get(name)
        if model is None:
            raise self._unknown(name)
        if version is None or version == model.answering.published.version:
            return model.answering
        if version not in model.versions:
            raise self._unknown_version(name, version)
        served = self._stock.get(name, version)
        if served is None:
            raise NotInMemory(f"version {version} of {name!r} is not in memory; ask again")
        return served

    async def obtain(self, name: str, version: int | None = None) -> ServedVersion:
        """As `find`, but an old version that isn't in memory is brought back.

        Raises:
            UnknownModel, UnknownVersion: it isn't served, or can't be any more.
        """
        try:
            served = self.find(name, version)
        except NotInMemory:
            async with self._changing:
                served = await self._bring_back(name, version or 0)
        if (asked := current.get()) is not None:
            asked.model, asked.version = served.published.name, served.published.version
        return served

    async def refresh(self) -> None:
        """Look at the folder, and serve what is in it now; returns when everything in it is served or refused."""
        async with self._changing:
            try:
                found = await self._in_thread(lambda: list_models(self.folder))
            except OSError as error:
                self._miss(error)
                return
            self._is_missing = False
            self._on_disk = found
            self._forget()
            for name in found:
                await self._choose(name)
            for name in found:
                await self._look_at_others(name)
            self._stock.trim(self._answering())

    async def promote(self, name: str, version: int | None) -> ServedModel:
        """Have a version answer from now on, also after newer ones come; None: the latest, as they come.

        Raises:
            UnknownModel, UnknownVersion: it isn't served.
            StateNotKept: the models folder can't be written.
        """
        await self.refresh()
        await self.obtain(name, version)
        await self._keep(name, {"pinned": version})
        return await self._act(name)

    async def roll_back(self, name: str) -> ServedModel:
        """Have the next older version answer from now on.

        Raises:
            UnknownModel: it isn't served.
            NoOlderVersion: there is none that may answer.
            StateNotKept: the models folder can't be written.
        """
        await self.refresh()
        self.find(name)

        await self._in_thread(lambda: roll_back(self.folder, name, lambda number: self._is_good(name, number)))
        return await self._act(name)

    async def load(self, name: str) -> ServedModel:
        """Serve a model again that was unloaded.

        Raises:
            UnknownModel: there is none in the folder.
            ModelRefused: none of its versions can be served.
            StateNotKept: the models folder can't be written.
        """
        await self.refresh()
        if name not in self._on_disk:
            raise self._unknown(name)
        if name in self.models:
            return self.models[name]
        await self._keep(name, {"loaded": True})
        return await self._act(name)

    async def unload(self, name: str) -> None:
        """Serve a model no more, until `load`.

        Raises:
            UnknownModel: it isn't served.
            StateNotKept: the models folder can't be written.
        """
        self.find(name)
        if name not in self._on_disk:  # its folder is gone: there is nowhere to keep the decision, and no need to
            self.models = {known: model for known, model in self.models.items() if known != name}
            return
        await self._keep(name, {"loaded": False})
        await self.refresh()

    async def _keep(self, name: str, decision: Mapping[str, object]) -> None:
        """Write a decision into the folder."""
        await self._in_thread(lambda: change_state(self.folder / name, lambda state: state.model_copy(update=decision)))

    async def _act(self, name: str) -> ServedModel:
        """Do as was decided."""
        await self.refresh()
        if name not in self.models:
            refused = next((refusal for refusal in self.refusals if refusal.name == name), None)
            raise refused.error if refused else self._unknown(name)
        return self.models[name]

    async def _choose(self, name: str) -> None:
        """Have the right version of a model answer."""
        model, served = self._on_disk[name], self.models.get(name)
        for stray, mark in model.strays.items():
            refused = ModelRefused(f"{name}/{stray}: a version's folder is named 1, 2, 3 …")
            self._stock.refuse(Refusal(name, stray, mark, refused))
        if not model.state.loaded:
            self.models = {known: other for known, other in self.models.items() if known != name}
            return
        for number in model.candidates(served.answering.published.version if served else None):
            if found := await self._stock.fetch(name, number, model.versions[number]):
                self._serve(name, found)
                return

    async def _look_at_others(self, name: str) -> None:
        """Load, and so judge, what hasn't been seen yet, newest first, as far as there is room."""
        model = self._on_disk[name]
        for number in sorted(model.versions, reverse=True):
            if not self._stock.has_room(self._answering()):
                break
            if not self._stock.is_seen(name, number, model.versions[number]):
                await self._stock.fetch(name, number, model.versions[number])
        if name in self.models:
            self._serve(name, self.models[name].answering)  # the list of versions may have changed

    async def _bring_back(self, name: str, version: int) -> ServedVersion:
        try:
            return self.find(name, version)  # another request brought it back
        except NotInMemory:
            pass
        served = await self._stock.fetch(name, version, self._on_disk[name].versions[version])
        self._serve(name, self.models[name].answering)
        if served is None:
            raise self._unknown_version(name, version)
        self._stock.trim(self._answering())
        return served

    def _serve(self, name: str, answering: ServedVersion) -> None:
        """Swap, in one assignment: a request before it keeps the old version, one after it gets the new one."""
        model, before, number = self._on_disk.get(name), self.models.get(name), answering.published.version
        versions = model.versions if model else {}
        good = {known for known in versions if self._is_good(name, known)} | {number}
        served = ServedModel(
            answering=answering,
            versions=tuple(sorted(good)),
            pinned=model.state.pinned if model else None,
            held=tuple(known for known, version in versions.items() if version.held and known in good),
        )
        if before == served:
            return
        self.models = dict(sorted({**self.models, name: served}.items()))
        if before is not None and before.answering.published.version != number:
            log.info("%s: version %d answers, after %d", name, number, before.answering.published.version)
            self.runtime.metrics.count_swap(name)
            before.answering.forget_inside()

    def _forget(self) -> None:
        """Let go of versions that are gone from the folder, but for those that answer."""
        answering = self._answering()

        def is_gone(key: Key) -> bool:
            model = self._on_disk.get(key[0])
            return answering.get(key[0]) != key[1] and (model is None or key[1] not in model.versions)

        there = {(name, str(entry)) for name, model in self._on_disk.items() for entry in model.versions} | {
            (name, stray) for name, model in self._on_disk.items() for stray in model.strays
        }
        self._stock.forget(is_gone, [key for key in self._stock.refusals if key not in there])
        for name, served in self.models.items():
            if name not in self._on_disk and len(served.versions) > 1:
                log.warning("%s: its folder is gone; version %d goes on from memory", name, answering[name])
            if name not in self._on_disk:
                self._serve(name, served.answering)

    def _miss(self, error: OSError) -> None:
        if not self._is_missing and self.models:
            log.warning("the models folder can't be read (%s); what is in memory goes on", error.strerror)
        self._is_missing = True

    def _answering(self) -> dict[str, int]:
        return {name: model.answering.published.version for name, model in self.models.items()}

    def _is_good(self, name: str, number: int) -> bool:
        return (name, str(number)) not in self._stock.refusals or self._stock.holds(name, number)

    def _unknown(self, name: str) -> UnknownModel:
        model = self._on_disk.get(name)
        if model is not None and not model.state.loaded:
            return UnknownModel(f"model {name!r} is unloaded; POST /v2/repository/models/{name}/load serves it again")
        known = ", ".join(self.models) or "none yet (publish one with `convscope train`)"
        return UnknownModel(f"no model is called {name!r}; served are: {known}")

    def _unknown_version(self, name: str, version: int) -> UnknownVersion:
        refused = self._stock.refusals.get((name, str(version)))
        if refused is not None:
            return UnknownVersion(f"version {version} of {name!r} is refused: {refused.error}")
        known = ", ".join(map(str, self.models[name].versions))
        return UnknownVersion(f"model {name!r} has no version {version}; served are: {known}")

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)
