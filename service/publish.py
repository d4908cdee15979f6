"""Turns a checked graph and its evidence into `models/<name>/<version>/`, whole or not at all.

The only door into the models folder. Everything is written into a hidden folder beside the models, flushed to the
disk, read back through the same checks that the service makes, and then renamed into its place: a rename is atomic, so
whoever looks sees the version complete or not at all, whenever the power goes.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from service.contract import EVIDENCE_FILE, MANIFEST_FILE, MODEL_FILE, Manifest
from service.disk import flush_folder, locked, write_through
from service.engine import Provider, load_engine
from service.errors import ModelRefused, PublishFailed
from service.evidence import Evidence
from service.published import read_version
from service.rehearsal import rehearse

STAGING_PREFIX = ".staging-"
"""Folders of this prefix in the models folder are versions in the making; whoever reads the folder passes them by."""


def publish(models: Path, manifest: Manifest, evidence: Evidence, onnx: bytes, files: Mapping[str, bytes]) -> Path:
    """Publish a version under the next free number.

    Args:
        models: the models folder; it is made where it is missing.
        manifest: its `onnx.sha256` has to be that of `onnx`.
        evidence: names every sample.
        onnx: the bytes of the graph.
        files: what else belongs to the version (`samples/00.png`, `report.html` …), by path in its folder.

    Returns:
        `models/<name>/<version>`.

    Raises:
        PublishFailed: the version would be refused by the service, or the disk doesn't take it; nothing was published.
    """
    try:
        models.mkdir(parents=True, exist_ok=True)
        with _staging(models) as staging:
            # The same two last path elements as the final place, so that the checks see what the service will see.
            folder = staging / manifest.name / "1"
            _write(folder, manifest, evidence, onnx, files)
            published = read_version(folder)
            engine = load_engine(published.manifest, published.onnx, Provider.CPU, threads=1)
            if published.int8 is not None:
                engine = load_engine(published.manifest, published.int8, Provider.CPU, threads=1)
            rehearse(published, engine)
            return _move(folder, models / manifest.name)
    except ModelRefused as error:
        raise PublishFailed(f"not published, because the service would refuse it: {error}") from error
    except OSError as error:
        raise PublishFailed(f"not published: {error.strerror} ({error.filename or models})") from error


def ensure_writable(models: Path) -> None:
    """Find out before the work, rather than after it, that its result could not be published.

    Raises:
        PublishFailed: nothing can be written into the models folder.
    """
    try:
        models.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=models):
            pass
    except OSError as error:
        raise PublishFailed(f"nothing can be published into {models}: {error.strerror}") from error


def sha256(content: bytes) -> str:
    """The digest that a manifest records, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _write(folder: Path, manifest: Manifest, evidence: Evidence, onnx: bytes, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True)
    write_through(folder / MODEL_FILE, onnx)
    write_through(folder / MANIFEST_FILE, manifest.model_dump_json(indent=2).encode() + b"\n")
    write_through(folder / EVIDENCE_FILE, evidence.model_dump_json(indent=2).encode() + b"\n")
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_through(path, content)
    for inner in folder.rglob("*/"):
        flush_folder(inner)
    flush_folder(folder)


def _move(folder: Path, model: Path) -> Path:
    """Rename into the next free number; where another publisher took it in between, into the one after."""
    model.mkdir(exist_ok=True)
    flush_folder(model.parent)
    while True:
        taken = [int(entry.name) for entry in model.iterdir() if entry.name.isdecimal()]
        place = model / str(max(taken, default=0) + 1)
        try:
            folder.rename(place)
        except OSError:
            if place.exists():
                continue
            raise
        flush_folder(model)
        return place


@contextmanager
def _staging(models: Path) -> Iterator[Path]:
    """A hidden folder in the models folder, locked while its owner lives, gone afterwards."""
    with ExitStack() as held:
        with locked(models):  # or another publisher would sweep the new folder before it is locked
            _sweep(models)
            staging = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=models))
            held.callback(shutil.rmtree, staging, ignore_errors=True)
            held.enter_context(locked(staging))
        yield staging


def _sweep(models: Path) -> None:
    """Remove what killed publishers left behind: staging folders that nobody holds locked any more."""
    for staging in models.glob(f"{STAGING_PREFIX}*"):
        with suppress(BlockingIOError, FileNotFoundError), locked(staging, wait=False):
            shutil.rmtree(staging, ignore_errors=True)
