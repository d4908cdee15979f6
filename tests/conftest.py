"""Gives every test the published models, the shared data where it lies beside the checkout, and a real server."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from service.app import Application, create_app
from service.endpoint import listen
from service.engine import Provider
from service.life import Life
from service.published import PublishedVersion, read_version
from service.server import Server
from service.settings import Settings

# Threads of PyTorch that wait by spinning make its work many times as long where another process wants the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# A shell has what it runs in the background ignore Ctrl-C, and programs that the tests interrupt would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent
MODELS = ROOT / "models"
MODEL_NAMES = sorted(folder.name for folder in MODELS.iterdir() if folder.is_dir())


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of data sets and pictures; its tests are skipped where it is absent."""
    folder = Path(os.environ.get("CONVSCOPE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no test data: set CONVSCOPE_TEST_DATA to a folder that has it")
    return folder


@pytest.fixture(scope="session")
def digits() -> PublishedVersion:
    """The latest published version of the digits model."""
    versions = [folder for folder in (MODELS / "digits").iterdir() if folder.name.isdecimal()]
    return read_version(max(versions, key=lambda folder: int(folder.name)))


@pytest.fixture(scope="session")
def lenet() -> PublishedVersion:
    """The first published version of the digits model: LeNet-5."""
    return read_version(MODELS / "digits" / "1")


@pytest.fixture(scope="session")
def seven(digits: PublishedVersion) -> bytes:
    """A held-out handwritten 7, as PNG."""
    file = next(sample.file for sample in digits.evidence.samples if sample.label == "7")
    return (digits.folder / "samples" / file).read_bytes()


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Run the service behind a real socket; gives its address."""
    with serving_app(create_app(settings), settings.model_copy(update={"drain_seconds": 0})) as at:
        yield at


@contextmanager
def serving_app(app: FastAPI, settings: Settings | None = None) -> Iterator[str]:
    """Run any application behind a real socket; gives its address."""
    listener = listen("127.0.0.1", 0)
    life = app.life if isinstance(app, Application) else Life()
    server = Server(app, life, lambda: listener, settings or Settings(drain_seconds=0))
    started = threading.Event()
    thread = threading.Thread(target=server.run, args=(started.set,))
    port = listener.getsockname()[1]
    thread.start()
    try:
        assert started.wait(20), "the server did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop(hurried=True)
        thread.join()


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """A server with the published models, for all tests that don't change it."""
    with serving(Settings(models=MODELS, provider=Provider.CPU)) as at:
        yield at


@pytest.fixture(scope="session")
def client(address: str) -> Iterator[httpx.Client]:
    """A client of that server."""
    with httpx.Client(base_url=address, timeout=20) as session:
        yield session


@pytest.fixture
def serve_folder() -> Iterator[Callable[[Path], httpx.Client]]:
    """Serves another models folder for the length of one test."""
    with ExitStack() as stack:

        def start(models: Path) -> httpx.Client:
            at = stack.enter_context(serving(Settings(models=models, provider=Provider.CPU)))
            return stack.enter_context(httpx.Client(base_url=at, timeout=20))

        yield start
