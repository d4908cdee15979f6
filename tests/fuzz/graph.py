"""Turns what may be an ONNX file, or a version's documents, into an outcome: served and looked into, or refused."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from service.contract import EVIDENCE_FILE, EXEMPLARS_FILE, EXEMPLARS_FOLDER, MANIFEST_FILE, MODEL_FILE, SAMPLES_FOLDER
from service.engine import Provider, load_engine
from service.errors import ConvscopeError
from service.importing.importer import import_file
from service.importing.options import ImportOptions
from service.inspection.activations import Inspector, load_inspector
from service.inspection.arithmetic.number import trace
from service.inspection.attribution.explain import METHODS, Options, Question, explain
from service.inspection.fitness import looking_into
from service.inspection.weights import read_weights
from service.published import PublishedVersion, read_exemplars, read_version
from service.state import STATE_FILE, read_state
from service.versions import list_model
from tests import published
from tests.fuzz.finding import outcome

_QUICK = Options(steps=4, samples=2, channels=2)

_BUDGET = 64 * 2**20
"""Bytes that looking inside may take."""


@contextmanager
def _folder() -> Iterator[Path]:
    """An empty one, in memory where the system has such."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own in it
    made = Path(tempfile.mkdtemp(prefix="convscope-fuzz-", dir=memory if memory.is_dir() else None))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def try_foreign(data: bytes) -> str:
    """Import it as a foreign file; what becomes a version is looked into."""
    with _folder() as folder:
        path = folder / "foreign.onnx"
        path.write_bytes(data)

        def bring() -> PublishedVersion:
            return read_version(import_file(path, ImportOptions(name="foreign"), folder / "models").folder)

        return _outcome_of_version(bring)


def try_version(data: bytes) -> str:
    """Serve it as the graph of a version whose manifest vouches for it, and look into it."""
    with _folder() as folder:

        def bring() -> PublishedVersion:
            return read_version(_lay_out(folder, data))

        return _outcome_of_version(bring)


def try_documents(data: bytes) -> str:
    """Read a version's JSON files, or its model's; the first byte says which, the rest is its content."""
    graph = published.brightness_graph()
    with _folder() as folder:
        version = _lay_out(folder, graph)
        files = (MANIFEST_FILE, EVIDENCE_FILE, f"{EXEMPLARS_FOLDER}/{EXEMPLARS_FILE}", f"../{STATE_FILE}")
        changed = version / files[data[0] % len(files) if data else 0]
        changed.parent.mkdir(exist_ok=True)
        changed.write_bytes(data[1:])
        list_model(version.parent)
        return outcome(lambda: (read_version(version), read_exemplars(version), read_state(version.parent)))


def _lay_out(models: Path, graph: bytes) -> Path:
    """The folder of a version that vouches for a graph."""
    folder = models / "brightness" / "1"
    (folder / SAMPLES_FOLDER).mkdir(parents=True)
    (folder / MODEL_FILE).write_bytes(graph)
    (folder / MANIFEST_FILE).write_text(published.manifest(graph).model_dump_json())
    (folder / EVIDENCE_FILE).write_text(published.evidence().model_dump_json())
    return folder


def _outcome_of_version(bring: Callable[[], PublishedVersion]) -> str:
    """How far a version comes: whether it is refused, served, and can be looked into."""
    try:
        version = bring()
        load_engine(version.manifest, version.onnx, Provider.CPU, threads=1)
    except ConvscopeError as error:
        return error.code
    try:
        with looking_into(version.name):
            inspector = load_inspector(version, Provider.CPU, threads=1)
    except ConvscopeError as error:
        return f"served, {error.code}"
    return f"served, {'/'.join(sorted({outcome(look) for look in _list_looks(version, inspector)}))}"


def _list_looks(version: PublishedVersion, inspector: Inspector) -> Iterator[Callable[[], None]]:
    """What the routes ask for, as they do: whatever a graph brings it to is refused by name."""
    spec, labels = version.manifest.input, version.manifest.labels
    pixels = np.random.default_rng(0).integers(0, 256, (spec.height, spec.width, spec.channels), np.uint8)

    def look(work: Callable[..., object], *arguments: object) -> Callable[[], None]:
        def do() -> None:
            with looking_into(version.name):
                work(*arguments)

        return do

    yield look(inspector.activations, pixels)
    for layer in inspector.layers:
        place = (0, 0) if len(layer.output_shape) == 3 else (None, None)
        yield look(inspector.activations, pixels, [layer.name])
        yield look(read_weights, inspector.table, layer)
        yield look(trace, inspector, pixels, layer.name, 0, *place)
    for method in METHODS:
        yield look(explain, inspector, labels, pixels[np.newaxis], Question(method, options=_QUICK), _BUDGET)
