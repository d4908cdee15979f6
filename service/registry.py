"""Turns the models folder into the versions being served, and finds the one that a request names."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from service.batching import Batcher, Patience
from service.engine import Engine, Provider, load_engine
from service.errors import ModelRefused, UnknownModel, UnknownVersion
from service.inspection.activations import Inspector, load_inspector
from service.published import PublishedVersion, read_version
from service.warmup import Cost, Inline, warm_up

_SMALL = 8 * 2**20
"""Bytes of a graph above which it isn't tried on one thread: it takes too long to be run by the event loop."""


@dataclass(frozen=True)
class Runtime:
    """What every version is run with."""

    provider: Provider
    """cpu or cuda, as `engine.choose_provider` gave it."""
    threads: int
    """Of the arithmetic inside one run."""
    max_batch: int
    """Pictures in one run, at most."""
    inline: Inline
    """Whether the event loop may run small networks itself."""
    patience: Patience
    """How much may wait for one version."""
    shrink: bool = False
    """Memory goes back to the system after each run."""


@dataclass
class ServedVersion:
    """A version that answers."""

    published: PublishedVersion
    runtime: Runtime
    batcher: Batcher
    cost: Cost
    """Measured when it was loaded."""
    inline: bool
    """The event loop runs it."""
    threads: int
    """Of the arithmetic inside one run."""
    _inspector: Inspector | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def shows_at_once(self) -> bool:
        """Whether the event loop may compute all activations itself: as quick as a prediction that it makes itself."""
        return self.inline and self._inspector is not None and self._inspector.is_ready

    def inspector(self) -> Inspector:
        """The session that shows the inside, made when it is first asked for: most versions are never looked into."""
        with self._lock:
            if self._inspector is None:
                self._inspector = load_inspector(self.published, self.runtime.provider, self.threads)
            return self._inspector


@dataclass(frozen=True)
class Refusal:
    """A version in the folder that isn't served, and why."""

    name: str
    version: str
    error: ModelRefused


@dataclass(frozen=True)
class Registry:
    """The models being served."""

    runtime: Runtime
    models: Mapping[str, Mapping[int, ServedVersion]]
    """By name, in alphabetical order; each by version number, oldest first."""
    refusals: tuple[Refusal, ...]

    def find(self, name: str, version: int | None = None) -> ServedVersion:
        """The version asked for, or the latest.

        Raises:
            UnknownModel, UnknownVersion: it isn't served; the message lists what is.
        """
        versions = self.models.get(name)
        if not versions:
            known = ", ".join(self.models) or "none yet (publish one with `convscope train`)"
            raise UnknownModel(f"no model is called {name!r}; served are: {known}")
        if version is None:
            return versions[max(versions)]
        if version not in versions:
            known = ", ".join(map(str, versions))
            raise UnknownVersion(f"model {name!r} has no version {version}; served are: {known}")
        return versions[version]


def load_registry(models: Path, runtime: Runtime, executor: ThreadPoolExecutor) -> Registry:
    """Load every version in the folder. One that breaks the contract is recorded and passed by; the others are served.

    Args:
        models: the models folder; a missing one counts as empty.
        runtime: what to run them with.
        executor: where the engines run.
    """
    served: dict[str, dict[int, ServedVersion]] = {}
    refusals: list[Refusal] = []
    for folder in list_version_folders(models):
        try:
            version = _load(folder, runtime, executor)
        except ModelRefused as error:
            refusals.append(Refusal(folder.parent.name, folder.name, error))
        else:
            served.setdefault(version.published.name, {})[version.published.version] = version
    return Registry(runtime, {name: dict(sorted(served[name].items())) for name in sorted(served)}, tuple(refusals))


def list_version_folders(models: Path) -> list[Path]:
    """`<name>/<version>` folders; hidden ones are versions in the making."""
    if not models.is_dir():
        return []
    names = [entry for entry in models.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    return sorted(entry for name in names for entry in name.iterdir() if entry.is_dir())


def _load(folder: Path, runtime: Runtime, executor: ThreadPoolExecutor) -> ServedVersion:
    if not folder.name.isdecimal() or folder.name.startswith("0"):
        raise ModelRefused(f"{folder.parent.name}/{folder.name}: a version's folder is named 1, 2, 3 …")
    published = read_version(folder)
    engine, cost, inline = _place(published, runtime, executor)
    batcher = Batcher(engine.classify, None if inline else executor, runtime.max_batch, runtime.patience)
    return ServedVersion(published, runtime, batcher, cost, inline, 1 if inline else runtime.threads)


def _place(published: PublishedVersion, runtime: Runtime, executor: ThreadPoolExecutor) -> tuple[Engine, Cost, bool]:
    """Load and measure the engine; small ones run on one thread, the event loop's.

    Raises:
        ModelRefused: see `load_engine`.
    """
    manifest, graph = published.manifest, published.int8 or published.onnx

    def load(threads: int) -> tuple[Engine, Cost]:
        engine = load_engine(manifest, graph, runtime.provider, threads, shrink=runtime.shrink)
        return engine, warm_up(engine, manifest.input, runtime.max_batch, executor)

    may_be = runtime.provider is Provider.CPU and runtime.inline is not Inline.NEVER
    if may_be and (len(graph) <= _SMALL or runtime.inline is Inline.ALWAYS):
        engine, cost = load(1)
        if cost.is_small or runtime.inline is Inline.ALWAYS:
            return engine, cost, True
        if runtime.threads == 1:
            return engine, cost, False
    return (*load(runtime.threads), False)
