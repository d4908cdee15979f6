"""Turns a version's folder into one that answers: read, loaded, measured, warmed up, and seen to answer its samples."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from service.allocator import give_back
from service.batching import Batcher, Patience
from service.engine import Engine, Provider, load_engine
from service.errors import ModelRefused
from service.inspection.activations import Inspector, load_inspector
from service.inspection.fitness import looking_into
from service.judge import MOST_BYTES
from service.metrics import Metrics, VersionMeter
from service.published import PublishedVersion, read_version
from service.rehearsal import rehearse
from service.warmup import Cost, Inline, measure_handover, warm_up

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
    max_model_bytes: int = MOST_BYTES
    """Of a graph's file."""
    metrics: Metrics = field(default_factory=Metrics)
    """Where the process counts what it does."""


@dataclass(eq=False)
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
    meter: VersionMeter
    """Counts what it does."""
    _inspector: Inspector | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def shows_at_once(self) -> bool:
        """Whether the event loop may compute all activations itself: as quick as a prediction that it makes itself."""
        return self.inline and self._inspector is not None and self._inspector.is_ready

    @property
    def identity(self) -> dict[str, str | int]:
        """What an answer says that it is of."""
        return {"model": self.published.name, "version": self.published.version}

    @property
    def bytes(self) -> int:
        """Of its graphs: what it takes of memory is a small multiple of it."""
        return len(self.published.onnx) + len(self.published.int8 or b"")

    def inspector(self) -> Inspector:
        """The session that shows the inside, made when it is first asked for: most versions are never looked into.

        Raises:
            NotInspectable: the graph is none that can be looked into.
        """
        with self._lock, looking_into(self.published.name):
            inspector = self._inspector
            if inspector is None:
                inspector = self._inspector = load_inspector(self.published, self.runtime.provider, self.threads)
            return inspector

    def forget_inside(self) -> None:
        """Let go of those sessions, which take several times as much memory as the answering one; they come back."""
        self._inspector = None


class Loader:
    """Makes versions answer."""

    def __init__(self, runtime: Runtime, executor: ThreadPoolExecutor) -> None:
        """Measure what handing a run over takes, while nothing else goes on.

        Args:
            runtime: what to run them with.
            executor: where the engines run.
        """
        self.runtime = runtime
        self._executor = executor
        self._handover = measure_handover(executor)

    def load(self, folder: Path) -> ServedVersion:
        """Load `<name>/<version>`; it takes from milliseconds to seconds.

        Raises:
            ModelRefused: it breaks the contract, or doesn't answer its samples as it did when it was published.
        """
        runtime = self.runtime
        try:
            published = read_version(folder, runtime.max_model_bytes)
            engine, cost, inline = self._place(published)
            rehearse(published, engine)
        except ModelRefused:
            raise
        except Exception as error:  # a graph that onnxruntime loads, but can't run: its exceptions share no base
            raise ModelRefused(f"{folder.parent.name}/{folder.name} can't be run: {error}") from error
        finally:
            give_back()  # what loading left, and what a version left that was let go of before
        executor = None if inline else self._executor
        meter = runtime.metrics.version(published.name, published.version)
        batcher = Batcher(engine.classify, engine.run, executor, runtime.max_batch, runtime.patience, meter)
        return ServedVersion(published, runtime, batcher, cost, inline, 1 if inline else runtime.threads, meter)

    def _place(self, published: PublishedVersion) -> tuple[Engine, Cost, bool]:
        """Load and measure the engine; small ones run on one thread, the event loop's."""
        manifest, graph, runtime = published.manifest, published.int8 or published.onnx, self.runtime

        def load(threads: int) -> tuple[Engine, Cost]:
            engine = load_engine(manifest, graph, runtime.provider, threads, shrink=runtime.shrink)
            seconds = warm_up(engine, manifest.input, runtime.max_batch, is_alone=threads == 1)
            return engine, Cost(seconds, self._handover)

        may_be = runtime.provider is Provider.CPU and runtime.inline is not Inline.NEVER
        if may_be and (len(graph) <= _SMALL or runtime.inline is Inline.ALWAYS):
            engine, cost = load(1)
            if cost.is_small or runtime.inline is Inline.ALWAYS:
                return engine, cost, True
            if runtime.threads == 1:
                return engine, cost, False
        return (*load(runtime.threads), False)


def check_version(folder: Path) -> PublishedVersion:
    """Hold a version against all that the service demands of it before it answers.

    Raises:
        ModelRefused: the service would refuse it.
    """
    published = read_version(folder)
    rehearse(published, load_engine(published.manifest, published.int8 or published.onnx, Provider.CPU, threads=1))
    return published
